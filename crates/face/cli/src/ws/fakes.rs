//! For tests: a peer that says its lines, and takes what may be said.

use std::collections::VecDeque;

use crate::error::CliError;
use crate::ws::said::Said;
use crate::ws::wire::{Dial, Dialed, Ear, Mouth, Target};

/// What the peer does next.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// Says this.
    Says(Said),
    /// Says this after everybody else had their turn.
    Later(Said),
    /// Ends the connection after its close.
    Ends,
}

/// A peer with its lines. Behind the last one it is silent.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    pub(crate) lines: VecDeque<Line>,
}

impl Peer {
    pub(crate) fn of(lines: impl IntoIterator<Item = Line>) -> Self {
        Self { lines: lines.into_iter().collect() }
    }
}

/// What speaks to it. Binary messages and closes without a code are not taken because they may not be said, and pings
/// because the connection takes nothing.
#[derive(Debug, Default)]
pub(crate) struct Lips;

impl Mouth for Lips {
    async fn say(&mut self, said: &Said) -> Result<(), CliError> {
        match said {
            Said::Binary(_) | Said::Close(None) => Err(CliError::usage("it may not be said", "")),
            Said::Ping(_) => Err(CliError::Broken { detail: "it takes nothing".into() }),
            _ => Ok(()),
        }
    }
}

impl Ear for Peer {
    async fn hear(&mut self) -> Result<Option<Said>, CliError> {
        if let Some(Line::Later(said)) = self.lines.front() {
            let said = said.clone();
            // The clock of these tests stands still until nobody else has anything to do.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            self.lines.pop_front();
            return Ok(Some(said));
        }
        match self.lines.pop_front() {
            Some(Line::Says(said) | Line::Later(said)) => Ok(Some(said)),
            Some(Line::Ends) => Ok(None),
            None => std::future::pending().await,
        }
    }
}

impl Dial for Peer {
    type Mouth = Lips;
    type Ear = Self;

    async fn dial(&mut self, _: &Target) -> Result<Dialed<Lips, Self>, CliError> {
        Ok(Dialed::Open(Box::default(), Lips, std::mem::take(self)))
    }
}
