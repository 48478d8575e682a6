//! One session from its handshake to its end: who speaks, who is told, how long it may take, and what it comes to.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use gatepost::model::event::one_line;

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
    let limit = format!("{:?}", plan.timeout.unwrap_or_default());
    let late = |what: &str| CliError::Late { what: what.to_owned(), limit: limit.clone(), option: "--timeout" };
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
        // In this order: an interrupt is listened for before anything is shown, and no flood outlasts the time.
        biased;
        // Whoever interrupts wants the end, and gets it in good order.
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| Ended::Quit).map_err(|error| CliError::io("the signals", &error)),
        () = &mut up => Err(late("the end did not come")),
        ended = pump(&mut mouth, &mut ear, source, &plan.goal, &chronicle) => ended,
    };
    match ended {
        Ok(ended) => {
            let met = ended == Ended::Met;
            let finishing = finish(ended, &plan.goal, &mut mouth, &mut ear, &chronicle);
            let parted = tokio::select! {
                biased;
                error = interrupted_again() => Err(error),
                () = &mut up => Err(late("the other end did not agree to the close")),
                finished = finishing => finished,
            };
            settled(parted, met, ui)
        }
        Err(error) => {
            // What went wrong is told; that the close after it failed as well would only hide it.
            let _ = tokio::time::timeout(LAST_SECOND, leave(&mut mouth, &mut ear, |_| Ok(()))).await;
            Err(error)
        }
    }
}

/// Whoever interrupts while we close has asked for the end before, and does not want to wait for it.
async fn interrupted_again() -> CliError {
    match tokio::signal::ctrl_c().await {
        Ok(()) => CliError::Broken { detail: "interrupted while closing".into() },
        Err(error) => CliError::io("the signals", &error),
    }
}

/// What it comes to. With all that was asked for, how the other end parts is worth no more than a word; that it could
/// not be written down is worth more.
fn settled(parted: Result<(), CliError>, met: bool, ui: Ui) -> Result<(), CliError> {
    match parted {
        Err(error @ (CliError::Io { .. } | CliError::BrokenPipe)) => Err(error),
        Err(error) if met => {
            ui.note(&format!("note: {}", one_line(&error.to_string())));
            Ok(())
        }
        parted => parted,
    }
}

async fn finish(
    ended: Ended,
    goal: &Goal,
    mouth: &mut impl Mouth,
    ear: &mut impl Ear,
    chronicle: &RefCell<Chronicle>,
) -> Result<(), CliError> {
    match ended {
        Ended::Left => Ok(()),
        Ended::Silent | Ended::Quit => leave(mouth, ear, |what| chronicle.borrow_mut().tell(what)).await,
        Ended::Met => leave(mouth, ear, |what| chronicle.borrow_mut().tell_parting(what)).await,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Color, Output};
    use crate::ws::fakes::{Line, Peer};
    use crate::ws::said::Direction;

    fn plan(goal: Goal, timeout: Option<Duration>, recorder: Option<Recorder>) -> Plan {
        Plan {
            target: Target { url: "wss://h.test/".into(), fields: Vec::new() },
            speaker: Speaker::Recording(Vec::new()),
            first: Vec::new(),
            goal,
            timeout,
            show: Show::Terminal(Box::new(|_| {})),
            recorder,
            advice: String::new(),
        }
    }

    fn goal(count: Option<u64>) -> Goal {
        Goal { count, until: None, wait: Duration::from_secs(1) }
    }

    fn quiet() -> Ui {
        Ui::new(&Output { json: false, color: Color::Never, quiet: true })
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_bounds_the_close_as_well() {
        let late = CliError::Late {
            what: "the other end did not agree to the close".into(),
            limit: "60s".into(),
            option: "--timeout",
        };
        for (says, count, expected) in [
            (vec![], None, Err(late)),
            // What was asked for came in time.
            (vec![Line::Says(Said::Text("a".into()))], Some(1), Ok(())),
        ] {
            let plan = plan(goal(count), Some(Duration::from_secs(60)), None);
            assert_eq!(hold(&mut Peer::of(says), plan, quiet()).await, expected, "{count:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_closes_behind_what_was_asked_for_are_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson");
        let says = [
            Line::Says(Said::Text("a".into())),
            Line::Says(Said::Text("b".into())),
            Line::Says(Said::close(1000, "")),
            Line::Ends,
        ];
        let plan = plan(goal(Some(1)), None, Some(Recorder::create(&path).unwrap()));
        assert_eq!(hold(&mut Peer::of(says), plan, quiet()).await, Ok(()));
        let moments = crate::ws::record::recorder::read(&path).unwrap();
        let whats: Vec<What> = moments.into_iter().map(|moment| moment.what).skip(1).collect();
        let expected = [
            What::Said(Direction::In, Said::Text("a".into())),
            What::Said(Direction::Out, Said::close(1000, "")),
            What::Said(Direction::In, Said::Text("b".into())),
            What::Said(Direction::In, Said::close(1000, "")),
        ];
        assert_eq!(whats, expected);
    }
}
