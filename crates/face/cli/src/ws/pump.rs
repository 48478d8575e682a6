//! The middle of a session: says what comes from the source, hears what comes from the wire, and knows when it is over.
//!
//! Both go on at the same time, so that neither end can block the other, and nothing that came is lost: whoever
//! stops speaking goes on hearing.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use regex_lite::Regex;
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::CliError;
use crate::ws::chronicle::Chronicle;
use crate::ws::command;
use crate::ws::said::{Direction, Goodbye, Moment, Said, What};
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
        // We cannot speak because the connection ended: how, is told by what is left to hear.
        Err(error) => timeout(LAST_WORDS, hearing).await.unwrap_or(Err(error)),
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

/// Closes in good order and hears what still comes; `telling` says whether it is told.
pub(crate) async fn leave(
    mouth: &mut impl Mouth,
    ear: &mut impl Ear,
    telling: Option<&RefCell<Chronicle>>,
) -> Result<(), CliError> {
    let close = Said::close(crate::ws::said::NORMAL, "");
    if let Some(chronicle) = telling {
        chronicle.borrow_mut().tell(What::Said(Direction::Out, close.clone()))?;
    }
    mouth.say(&close).await?;
    while let Some(said) = ear.hear().await? {
        if let Some(chronicle) = telling {
            chronicle.borrow_mut().tell(What::Said(Direction::In, said))?;
        }
    }
    Ok(())
}

async fn speak(
    mouth: &mut impl Mouth,
    source: Source,
    goal: &Goal,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<Spoken, CliError> {
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
) -> Result<Spoken, CliError> {
    while let Some(input) = from.recv().await {
        let said = match input {
            Input::Say(said) => said,
            Input::Typed(typed) => match command::obey(typed, &mut chronicle.borrow_mut())? {
                Some(said) => said,
                None => continue,
            },
            Input::Quit => return Ok(Spoken::Quit),
            Input::Failed(error) => return Err(error),
        };
        if say(mouth, said, chronicle, heard).await? {
            return Ok(Spoken::Close);
        }
    }
    Ok(Spoken::Everything)
}

/// Says what a recording says, in its order. Where an answer does not come, `patience` ends the wait for it.
async fn again(
    mouth: &mut impl Mouth,
    moments: Vec<Moment>,
    patience: Duration,
    chronicle: &RefCell<Chronicle>,
    heard: &Heard,
) -> Result<Spoken, CliError> {
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
) -> Result<bool, CliError> {
    let closes = matches!(said, Said::Close(_));
    heard.leaving.set(closes);
    // Told first: the answer may come before this thread goes on.
    chronicle.borrow_mut().tell(What::Said(Direction::Out, said.clone()))?;
    mouth.say(&said).await?;
    Ok(closes)
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
