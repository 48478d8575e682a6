//! An open connection as a script sees it: messages, pings and pongs each in their own order, and how it ended.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::CliError;
use crate::ws::said::{Goodbye, Said};
use crate::ws::wire::{Ear, Mouth};

/// The most that is held of what nobody asked for yet: things, and octets in them.
const MOST: usize = 10_000;
const MOST_OCTETS: usize = 64 * 1024 * 1024;

/// What a script waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Ping,
    Pong,
    Close,
}

/// Why it did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Not in time.
    Late,
    /// The other end closed.
    Closed(Option<Goodbye>),
    /// The connection ended without a close, or more came than is held.
    Broken(String),
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Talk<M, E> {
    mouth: M,
    ear: E,
    held: VecDeque<Said>,
    octets: usize,
    end: Option<Missed>,
}

impl<M: Mouth, E: Ear> Talk<M, E> {
    pub(crate) fn new(mouth: M, ear: E) -> Self {
        Self { mouth, ear, held: VecDeque::new(), octets: 0, end: None }
    }

    pub(crate) async fn say(&mut self, said: &Said) -> Result<(), CliError> {
        self.mouth.say(said).await
    }

    /// The next one of this kind, within this time.
    pub(crate) async fn next(&mut self, kind: Kind, patience: Duration) -> Result<Said, Missed> {
        if let Some(at) = self.held.iter().position(|said| of(said) == Some(kind)) {
            let said = self.held.remove(at).ok_or(Missed::Late)?;
            self.octets -= size(&said);
            return Ok(said);
        }
        let deadline = Instant::now() + patience;
        loop {
            let said = self.read(deadline).await?;
            if of(&said) == Some(kind) {
                return Ok(said);
            }
            self.octets += size(&said);
            self.held.push_back(said);
            if self.held.len() > MOST || self.octets > MOST_OCTETS {
                return Err(Missed::Broken("more came than anybody asked for".into()));
            }
        }
    }

    async fn read(&mut self, deadline: Instant) -> Result<Said, Missed> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let end = match timeout_at(deadline, self.ear.hear()).await {
            Err(_) => return Err(Missed::Late),
            Ok(Ok(Some(Said::Close(goodbye)))) => {
                self.end = Some(Missed::Closed(goodbye.clone()));
                return Ok(Said::Close(goodbye));
            }
            Ok(Ok(Some(said))) => return Ok(said),
            Ok(Ok(None)) => Missed::Closed(None),
            Ok(Err(error)) => Missed::Broken(error.to_string()),
        };
        self.end = Some(end.clone());
        Err(end)
    }
}

fn of(said: &Said) -> Option<Kind> {
    match said {
        Said::Text(_) | Said::Binary(_) => Some(Kind::Message),
        Said::Ping(_) => Some(Kind::Ping),
        Said::Pong(_) => Some(Kind::Pong),
        Said::Close(_) => Some(Kind::Close),
        Said::Fragment(_) => None,
    }
}

fn size(said: &Said) -> usize {
    match said {
        Said::Text(text) | Said::Fragment(text) => text.len(),
        Said::Binary(octets) | Said::Ping(octets) | Said::Pong(octets) => octets.len(),
        Said::Close(_) => 0,
    }
}
