//! One session from its handshake to its end: who speaks, who is told, how long it may take, and what it comes to.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::CliError;
use crate::ui::Ui;
use crate::ws::chronicle::{Chronicle, Show};
use crate::ws::print::farewell;
use crate::ws::pump::{Ended, Goal, Source, leave, pump};
use crate::ws::record::recorder::Recorder;
use crate::ws::refused;
use crate::ws::said::{Moment, NORMAL, Said, What};
use crate::ws::source::{self, Cut};
use crate::ws::terminal;
use crate::ws::wire::{Dial, Dialed, Ear, Mouth, Target};

/// How long a close may take when the time is up already.
const LAST_SECOND: Duration = Duration::from_secs(1);

/// Who speaks.
#[derive(Debug)]
pub(crate) enum Speaker {
    /// Somebody at the terminal; lines are remembered in this file.
    Keyboard(Option<PathBuf>),
    /// Stdin.
    Stdin(Cut),
    /// A recording.
    Recording(Vec<Moment>),
}

/// A session that is to be held.
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) speaker: Speaker,
    /// What is said before.
    pub(crate) first: Vec<Said>,
    pub(crate) goal: Goal,
    /// How long all of it may take.
    pub(crate) timeout: Option<Duration>,
    /// How it is shown, unless somebody is at the terminal.
    pub(crate) show: Show,
    pub(crate) recorder: Option<Recorder>,
    /// What to say if we are refused.
    pub(crate) advice: String,
}

/// Holds it.
pub(crate) async fn hold<D: Dial>(dial: &mut D, plan: Plan, ui: Ui) -> Result<(), CliError> {
    let deadline = plan.timeout.map(|time| tokio::time::Instant::now() + time);
    let late =
        |what: &str| CliError::Late { what: what.to_owned(), limit: format!("{:?}", plan.timeout.unwrap_or_default()) };
    let up = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(up);
    let dialed = tokio::select! {
        dialed = dial.dial(&plan.target) => dialed?,
        () = &mut up => return Err(late("no WebSocket was opened")),
    };
    let (opened, mut mouth, mut ear) = match dialed {
        Dialed::Open(opened, mouth, ear) => (opened, mouth, ear),
        Dialed::Refused(refused) => return Err(refused::report(&refused, &plan.advice, &ui)),
    };
    // The terminal is put back before anything is said about the end.
    let (source, show, _restore) = match plan.speaker {
        Speaker::Keyboard(history) => {
            let terminal = terminal::open(plan.first, history.as_deref())?;
            (Source::Live(terminal.typed), Show::Terminal(terminal.print), Some(terminal.restore))
        }
        Speaker::Stdin(cut) => (Source::Live(source::stdin(plan.first, cut)), plan.show, None),
        Speaker::Recording(moments) => (Source::Recorded(moments), plan.show, None),
    };
    let chronicle = RefCell::new(Chronicle::new(ui, show, plan.recorder));
    chronicle.borrow_mut().tell(What::Opened(opened))?;
    let ended = tokio::select! {
        ended = pump(&mut mouth, &mut ear, source, &plan.goal, &chronicle) => ended,
        () = &mut up => Err(late("the end did not come")),
        // Whoever interrupts wants the end, and gets it in good order.
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| Ended::Quit).map_err(|error| CliError::io("the signals", &error)),
    };
    match ended {
        Ok(ended) => finish(ended, &plan.goal, &mut mouth, &mut ear, &chronicle, ui).await,
        Err(error) => {
            // What went wrong is told; that the close after it failed as well would only hide it.
            let _ = tokio::time::timeout(LAST_SECOND, leave(&mut mouth, &mut ear, None)).await;
            Err(error)
        }
    }
}

async fn finish(
    ended: Ended,
    goal: &Goal,
    mouth: &mut impl Mouth,
    ear: &mut impl Ear,
    chronicle: &RefCell<Chronicle>,
    ui: Ui,
) -> Result<(), CliError> {
    match ended {
        Ended::Left => Ok(()),
        Ended::Silent | Ended::Quit => leave(mouth, ear, Some(chronicle)).await,
        Ended::Met => {
            // We have what was asked for; how the other end parts is worth no more than a word.
            if let Err(error) = leave(mouth, ear, None).await {
                ui.note(&format!("note: {error}"));
            }
            Ok(())
        }
        Ended::Closed(Some(goodbye)) if goodbye.code != NORMAL => {
            Err(CliError::Closed { farewell: farewell(&goodbye) })
        }
        Ended::Closed(_) => unmet(goal).map_or(Ok(()), |what| Err(CliError::Unmet { what })),
    }
}

/// What was wanted and did not come.
fn unmet(goal: &Goal) -> Option<String> {
    match (goal.count, &goal.until) {
        (None, None) => None,
        (Some(count), None) => Some(format!("before {count} messages had come")),
        (_, Some(until)) => Some(format!("before a message matched `{}`", until.as_str())),
    }
}
