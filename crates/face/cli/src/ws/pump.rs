//! The middle of a session: says what comes from the source, hears what comes from the wire, and knows when it is over.
//!
//! Both go on at the same time, so that neither end can block the other, and nothing that came is lost: whoever
//! stops speaking goes on hearing.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use gatepost::model::event::one_line;
use gatepost::net::error::NetError;
use gatepost::ws::error::WsError;
use regex_lite::Regex;
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::CliError;
use crate::ws::chronicle::Chronicle;
use crate::ws::command;
use crate::ws::said::{Direction, Goodbye, Moment, NORMAL, Said, What};
use crate::ws::slash::Typed;
use crate::ws::source::Input;
use crate::ws::wire::{Ear, Mouth};

/// How long the other end may take to end after it was seen that we cannot speak any more.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// When a session is over.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    /// After so many messages.
    pub(crate) count: Option<u64>,
    /// After a message that matches.
    pub(crate) until: Option<Regex>,
    /// After so much silence, once there is nothing more to say. Holds where there is no other goal.
    pub(crate) wait: Duration,
}

impl Goal {
    fn is_set(&self) -> bool {
        self.count.is_some() || self.until.is_some()
    }
}

/// What is said.
#[derive(Debug)]
pub(crate) enum Source {
    /// What comes from a thread that reads.
    Live(Receiver<Input>),
    /// What we said in a recording, each when as much has come as had come then.
    Recorded(Vec<Moment>),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The goal was met.
    Met,
    /// There was nothing more to say, and nothing more came.
    Silent,
    /// The user closed, and the other end agreed.
    Left,
    /// The user wants to go.
    Quit,
    /// The other end closed.
    Closed(Option<Goodbye>),
}

/// What one half knows of the other.
struct Heard {
    messages: Cell<u64>,
    last: Cell<Instant>,
    /// Whether we have sent our close.
    leaving: Cell<bool>,
    more: Notify,
}

/// Why speaking ended before its time.
enum Stopped {
    /// The connection takes nothing more: how it ended is told by what is left to hear.
    Wire(CliError),
    /// What was to be said, or the telling of it, is wrong: nothing that is heard makes up for that.
    Ours(CliError),
}

impl From<CliError> for Stopped {
    fn from(error: CliError) -> Self {
        Self::Ours(error)
    }
}

/// How speaking ended.
enum Spoken {
    Everything,
    Close,
    Quit,
}

/// Speaks and hears until the end.
pub(crate) async fn pump(
    mouth: &mut impl Mouth,
    ear: &mut impl Ear,
    source: Source,
    goal: &Goal,
    chronicle: &RefCell<Chronicle>,
) -> Result<Ended, CliError> {
    let last = Cell::new(Instant::now());
    let heard = Heard { messages: Cell::new(0), last, leaving: Cell::new(false), more: Notify::new() };
    let speaking = speak(mouth, source, goal, chronicle, &heard);
    let hearing = hear(ear, goal, chronicle, &heard);
    tokio::pin!(speaking, hearing);
    let spoken = tokio::select! {
        ended = &mut hearing => return ended,
        spoken = &mut speaking => spoken,
    };
    match spoken {
        Err(Stopped::Ours(error)) => Err(error),
        Err(Stopped::Wire(error)) => timeout(LAST_WORDS, hearing).await.unwrap_or(Err(error)),
        Ok(Spoken::Quit) => Ok(Ended::Quit),
        Ok(Spoken::Close) => hearing.await,
        Ok(Spoken::Everything) if goal.is_set() => hearing.await,
        Ok(Spoken::Everything) => {
            heard.last.set(Instant::now());
            loop {
                tokio::select! {
                    ended = &mut hearing => return ended,
                    () = sleep_until(heard.last.get() + goal.wait) => {}
                }
                // What came meanwhile begins the wait anew.
                if Instant::now() >= heard.last.get() + goal.wait {
                    return Ok(Ended::Silent);
                }
            }
        }
    }
}

/// Closes in good order and hears what still comes; `tell` is told of it.
pub(crate) async fn leave(
    mouth: &mut impl Mouth,
    ear: &mut impl Ear,
    tell: impl Fn(What) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let close = Said::close(NORMAL, "");
    mouth.say(&close).await?;
    tell(What::Said(Direction::Out, close))?;
    while let Some(said) = ear.hear().await? {
        tell(What::Said(Direction::In, said))?;
    }
    Ok(())
}

async fn speak(
    mouth: &mut impl Mouth,
    source: Source,
    goal: &Goal,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<Spoken, Stopped> {
    match source {
        Source::Live(from) => live(mouth, from, chronicle, heard).await,
        Source::Recorded(moments) => again(mouth, moments, goal.wait, chronicle, heard).await,
    }
}

async fn live(
    mouth: &mut impl Mouth,
    mut from: Receiver<Input>,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<Spoken, Stopped> {
    while let Some(input) = from.recv().await {
        let closed = match input {
            Input::Say(said) => say(mouth, said, chronicle, heard).await?,
            Input::Typed(typed) => typed_line(mouth, typed, chronicle, heard).await?,
            Input::Quit => return Ok(Spoken::Quit),
            Input::Failed(error) => return Err(Stopped::Ours(error)),
        };
        if closed {
            return Ok(Spoken::Close);
        }
    }
    Ok(Spoken::Everything)
}

/// Does what was typed; whether it was a close. A mistake is told, and the session goes on.
async fn typed_line(
    mouth: &mut impl Mouth,
    typed: Typed,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<bool, Stopped> {
    let obeyed = command::obey(typed, &mut chronicle.borrow_mut())?;
    let Some(said) = obeyed else { return Ok(false) };
    match say(mouth, said, chronicle, heard).await {
        Err(Stopped::Ours(error)) if is_unsendable(&error) => {
            chronicle.borrow_mut().answer(&format!("error: {}", one_line(&error.to_string())))?;
            Ok(false)
        }
        other => other,
    }
}

/// Says what a recording says, in its order. Where an answer does not come, `patience` ends the wait for it.
async fn again(
    mouth: &mut impl Mouth,
    moments: Vec<Moment>,
    patience: Duration,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<Spoken, Stopped> {
    let mut due = 0;
    for moment in moments {
        match moment.what {
            What::Said(Direction::In, said) if said.message().is_some() => due += 1,
            What::Said(Direction::Out, said) => {
                let enough = async {
                    while heard.messages.get() < due {
                        heard.more.notified().await;
                    }
                };
                let late = |_| CliError::Late {
                    what: format!("only {} of {due} messages came", heard.messages.get()),
                    limit: format!("{patience:?}"),
                    option: "--wait",
                };
                timeout(patience, enough).await.map_err(late)?;
                if say(mouth, said, chronicle, heard).await? {
                    return Ok(Spoken::Close);
                }
            }
            What::Said(Direction::In, _) | What::Opened(_) | What::Broken(_) => {}
        }
    }
    Ok(Spoken::Everything)
}

/// Says one thing; whether it was a close.
async fn say(
    mouth: &mut impl Mouth,
    said: Said,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<bool, Stopped> {
    let closes = matches!(said, Said::Close(_));
    // Set first: the answer may come before this goes on.
    heard.leaving.set(closes);
    if let Err(error) = mouth.say(&said).await {
        let ours = is_unsendable(&error);
        heard.leaving.set(closes && !ours);
        return Err(if ours { Stopped::Ours(error) } else { Stopped::Wire(error) });
    }
    // Told once it is on its way: what never was is not told, and not recorded.
    chronicle.borrow_mut().tell(What::Said(Direction::Out, said))?;
    Ok(closes)
}

/// Whether it was refused on our side because it may not be said, and nothing is wrong with the connection.
fn is_unsendable(error: &CliError) -> bool {
    match error {
        CliError::Usage { .. } => true,
        CliError::Engine(engine) => matches!(engine.net(), Some(NetError::WebSocket(WsError::Unsendable(_)))),
        _ => false,
    }
}

async fn hear(
    ear: &mut impl Ear,
    goal: &Goal,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<Ended, CliError> {
    let mut goodbye = None;
    loop {
        let said = match ear.hear().await {
            Ok(Some(said)) => said,
            Ok(None) if heard.leaving.get() => return Ok(Ended::Left),
            Ok(None) => return Ok(Ended::Closed(goodbye)),
            Err(error) => {
                chronicle.borrow_mut().tell(What::Broken(error.to_string()))?;
                return Err(error);
            }
        };
        heard.last.set(Instant::now());
        chronicle.borrow_mut().tell(What::Said(Direction::In, said.clone()))?;
        if let Said::Close(close) = &said {
            goodbye.clone_from(close);
        }
        let Some(octets) = said.message() else { continue };
        heard.messages.set(heard.messages.get() + 1);
        heard.more.notify_one();
        let enough = goal.count.is_some_and(|count| heard.messages.get() >= count);
        let matches = goal.until.as_ref().is_some_and(|until| until.is_match(&String::from_utf8_lossy(octets)));
        if enough || matches {
            return Ok(Ended::Met);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::options::{Color, Output};
    use crate::ui::Ui;
    use crate::ws::chronicle::Show;
    use crate::ws::fakes::{Line, Lips, Peer};
    use gatepost::model::time::Timestamp;

    /// Pumps; gives how it ended, and what the terminal showed behind the time.
    async fn pumped(source: Source, lines: Vec<Line>) -> (Result<Ended, CliError>, Vec<String>) {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&shown);
        let show = Show::Terminal(Box::new(move |text| {
            let text = text.trim_end();
            to.lock().unwrap().push(text.split_once(['<', '>']).map_or(text, |(_, said)| said.trim()).to_owned());
        }));
        let ui = Ui::new(&Output { json: false, color: Color::Never, quiet: true });
        let chronicle = RefCell::new(Chronicle::new(ui, show, None));
        let goal = Goal { count: None, until: None, wait: Duration::from_secs(1) };
        let ended = pump(&mut Lips, &mut Peer::of(lines), source, &goal, &chronicle).await;
        let shown = shown.lock().unwrap().clone();
        (ended, shown)
    }

    fn live(inputs: Vec<Input>) -> Source {
        let (to, from) = tokio::sync::mpsc::channel(16);
        for input in inputs {
            to.try_send(input).unwrap();
        }
        Source::Live(from)
    }

    fn recorded(said: Said) -> Source {
        Source::Recorded(vec![Moment { at: Timestamp::default(), what: What::Said(Direction::Out, said) }])
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_error_of_the_connection_gives_way_to_what_is_heard() {
        let goodbye = Some(Goodbye { code: NORMAL, reason: String::new() });
        let usage = CliError::usage("it may not be said", "");
        let failed = CliError::usage("a line of stdin is not UTF-8", "");
        let table = [
            (live(vec![Input::Failed(failed.clone())]), Err(failed)),
            (recorded(Said::Close(None)), Err(usage.clone())),
            (live(vec![Input::Say(Said::Binary(vec![0]))]), Err(usage)),
            (live(vec![Input::Say(Said::Ping(vec![]))]), Ok(Ended::Closed(goodbye))),
        ];
        for (source, expected) in table {
            let what = format!("{source:?}");
            let lines = vec![Line::Later(Said::close(NORMAL, "")), Line::Ends];
            assert_eq!(pumped(source, lines).await.0, expected, "{what}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mistake_at_the_keyboard_is_told_and_ends_nothing() {
        let typed = |said| Input::Typed(Typed::Say(said));
        let source = live(vec![
            typed(Said::Fragment("a".into())),
            typed(Said::Binary(vec![0])),
            typed(Said::Pong(b"still here".to_vec())),
        ]);
        let (ended, shown) = pumped(source, Vec::new()).await;
        assert_eq!(ended, Ok(Ended::Silent));
        // The binary message never was on its way.
        assert_eq!(shown, ["error: it may not be said", "pong still here"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_replay_that_waits_in_vain_names_the_option_that_it_waits_for() {
        let moment =
            |direction| Moment { at: Timestamp::default(), what: What::Said(direction, Said::Text("a".into())) };
        let source = Source::Recorded(vec![moment(Direction::In), moment(Direction::Out)]);
        let late = CliError::Late { what: "only 0 of 1 messages came".into(), limit: "1s".into(), option: "--wait" };
        let (ended, _) = pumped(source, vec![]).await;
        assert_eq!(ended, Err(late));
    }
}
