//! The certificates that a gateway is told to have: fetched when they are missing, renewed in time, tried again
//! when that fails. Until there is a new one the last good one is shown.

use std::sync::Arc;
use std::time::Duration;

use gatepost::clock;
use gatepost::model::event::Event;
use gatepost::model::fault::{Fault, Retry};
use gatepost::model::time::Timestamp;
use gatepost::tls::certificate::Certificate;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::acme::fetch::{self, Charge, House};
use crate::acme::proofs::Proofs;
use crate::acme::window::{self, Advice};
use crate::acme::{keeping, schedule};
use crate::error::GatewayError;

/// The longest sleep while all is well: a clock that was set, or a machine that slept, is noticed after so long.
const LONGEST_NAP: Duration = Duration::from_secs(3600);
/// The shortest.
const SHORTEST_NAP: Duration = Duration::from_secs(1);
/// Between two looks whether a name is free to be bound.
const ROOM: Duration = Duration::from_secs(10);

/// Those who look after certificates. They work where they were started, not on workers, and end when this is dropped.
#[derive(Debug)]
pub struct Renewals {
    house: House,
    charges: Vec<Charge>,
    tending: JoinSet<()>,
    /// One order at a time: two at once would make two accounts, and come faster than authorities like.
    turn: Arc<Mutex<()>>,
}

impl Renewals {
    /// Nobody yet.
    #[must_use]
    pub fn new(house: House) -> Self {
        Self { house, charges: Vec::new(), tending: JoinSet::new(), turn: Arc::default() }
    }

    /// What listeners show to authorities.
    #[must_use]
    pub fn proofs(&self) -> &Proofs {
        &self.house.proofs
    }

    /// Looks after these from now on, and after no others. Nothing is begun anew if they are the same.
    pub fn follow(&mut self, charges: Vec<Charge>) {
        if charges == self.charges {
            return;
        }
        self.tending.abort_all();
        for charge in &charges {
            let keeper = Keeper {
                house: self.house.clone(),
                charge: charge.clone(),
                turn: Arc::clone(&self.turn),
                advice: None,
            };
            self.tending.spawn(keeper.tend());
        }
        self.charges = charges;
    }
}

/// Looks after one certificate.
struct Keeper {
    house: House,
    charge: Charge,
    turn: Arc<Mutex<()>>,
    advice: Option<Advice>,
}

impl Keeper {
    async fn tend(mut self) {
        let mut failures = 0;
        let mut told = None;
        loop {
            let wait = match self.look().await {
                Ok(next) => {
                    (failures, told) = (0, None);
                    next.since(clock::now()).clamp(SHORTEST_NAP, LONGEST_NAP)
                }
                // Nobody was asked: whoever makes room is noticed soon.
                Err(error @ GatewayError::BoundElsewhere { .. }) => {
                    if told.as_ref() != Some(&error) {
                        self.fail(&error);
                    }
                    told = Some(error);
                    ROOM
                }
                Err(error) => {
                    (failures, told) = (failures + 1, None);
                    self.postpone(&error, failures).await
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Does what is to be done now. When it is to be looked at again.
    async fn look(&mut self) -> Result<Timestamp, GatewayError> {
        let (store, turn) = (Arc::clone(&self.house.store), Arc::clone(&self.turn));
        let _turn = turn.lock().await;
        keeping::make_sure(store.as_ref(), &self.charge.wanted.names).await?;
        if let Some((there, der)) = keeping::newest(store.as_ref(), &self.charge.wanted).await? {
            // What is there is shown before anybody is asked about it.
            fetch::bind(&self.house, &self.charge, &there).await?;
            let now = clock::now();
            let due = self.due(&there, &der, now).await?;
            if now < due {
                let again = self.advice.as_ref().map_or(due, |advice| advice.again);
                return Ok(due.min(again));
            }
            self.tell("due", format!("it ends at {}", there.not_after));
        }
        let replaces = self.advice.as_ref().and_then(|advice| advice.identifier.as_ref());
        let leaf = fetch::fetch(&self.house, &self.charge, replaces).await?;
        Ok(schedule::due(&leaf).max(schedule::soonest(&leaf, clock::now())))
    }

    /// When that certificate is due: by the two thirds of its life, or earlier if its authority would have that.
    async fn due(&mut self, there: &Certificate, der: &[u8], now: Timestamp) -> Result<Timestamp, GatewayError> {
        let due = schedule::due(there);
        if now >= due {
            return Ok(due);
        }
        let fresh = |advice: &&Advice| advice.fingerprint == there.fingerprint && now < advice.again;
        if self.advice.as_ref().filter(fresh).is_none() {
            let authority = self.charge.authority()?;
            self.advice = Some(window::advice(&authority, self.house.store.as_ref(), der, now).await);
        }
        let advised = self.advice.as_ref().and_then(|advice| advice.due);
        Ok(advised.map_or(due, |advised| advised.min(due)))
    }

    /// Says what went wrong and when it is tried again; how long that is.
    async fn postpone(&self, error: &GatewayError, failures: u32) -> Duration {
        let newest = keeping::newest(self.house.store.as_ref(), &self.charge.wanted).await.ok().flatten();
        let asked = match error.retry() {
            Retry::After(wait) => Some(wait),
            _ => None,
        };
        let wait = schedule::again(failures, newest.as_ref().map(|(there, _)| there), clock::now(), asked);
        self.fail(error);
        self.tell("postponed", format!("the next try is in {} s", wait.as_secs()));
        wait
    }

    fn fail(&self, error: &GatewayError) {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let detail = format!("no certificate for {}: {error}{hint}", self.charge.wanted.names);
        self.house.events.emit(&Event::Failed { blame: error.blame(), code: error.code(), detail });
    }

    fn tell(&self, step: &'static str, detail: String) {
        self.house.events.emit(&Event::Certificate { names: self.charge.wanted.names.to_string(), step, detail });
    }
}
