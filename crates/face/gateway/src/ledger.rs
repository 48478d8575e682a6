//! Keeps decisions: they are handed over without a wait and written by a thread of their own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use gatepost::clock;
use gatepost::events;
use gatepost::model::decided::Decided;
use gatepost::store::journal::Journal;

use crate::error::GatewayError;

/// Decisions that may wait to be written; more are counted and lost.
const DEPTH: usize = 4096;
/// The most that are written at once.
const BATCH: usize = 256;
/// How long an acceptance stands for the same one again: a client that proves itself at each request would fill the log.
const REPEATED: Duration = Duration::from_secs(60);
/// How many acceptances are remembered.
const MOST_REMEMBERED: usize = 4096;

/// The decision log of a gateway.
#[derive(Debug)]
pub(crate) struct Ledger {
    queue: SyncSender<Note>,
    lost: Arc<AtomicU64>,
}

enum Note {
    Decided(Decided),
    /// Everything before it is to be on the disk, and then it is to be said.
    Flush(SyncSender<()>),
}

impl Ledger {
    /// Starts the thread that writes to the log at `path`, which gives way to a new one after `size` octets.
    ///
    /// # Errors
    /// If the log cannot be opened: then nobody is let in or refused without a record.
    pub(crate) fn start(path: &Path, size: u64) -> Result<Self, GatewayError> {
        let journal = Journal::open(path, size).map_err(|error| GatewayError::engine(&error))?;
        let (queue, notes) = sync_channel(DEPTH);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let thread = std::thread::Builder::new().name("decisions".into());
        let started = thread.spawn(move || Writer { journal, lost: counted, accepted: HashMap::new() }.work(&notes));
        started.map_err(|error| GatewayError::State {
            path: path.to_owned(),
            detail: format!("the thread that writes it cannot be started: {error}"),
            hint: None,
        })?;
        Ok(Self { queue, lost })
    }

    /// Where the library puts its decisions.
    pub(crate) fn inlet(&self) -> events::Ledger {
        let (queue, lost) = (self.queue.clone(), Arc::clone(&self.lost));
        Arc::new(move |decided| {
            if queue.try_send(Note::Decided(decided)).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    /// Waits until all that was decided so far is on the disk; gives up after a second.
    pub(crate) fn flush(&self) {
        let (done, heard) = sync_channel(1);
        if self.queue.send(Note::Flush(done)).is_ok() {
            // That the disk is slow or gone is told by the writer.
            let _ = heard.recv_timeout(Duration::from_secs(1));
        }
    }
}

/// Who, from where, by which scheme.
type Acceptance = (Option<String>, Option<IpAddr>, Option<String>);

struct Writer {
    journal: Journal,
    lost: Arc<AtomicU64>,
    /// Who was let in from where by what, and when that was written.
    accepted: HashMap<Acceptance, Instant>,
}

impl Writer {
    fn work(mut self, notes: &Receiver<Note>) {
        while let Ok(first) = notes.recv() {
            let mut flushes = Vec::new();
            let mut batch = Vec::new();
            for note in [first].into_iter().chain(notes.try_iter().take(BATCH)) {
                match note {
                    Note::Decided(decided) if self.is_news(&decided) => batch.push(decided),
                    Note::Decided(_) => {}
                    Note::Flush(done) => flushes.push(done),
                }
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let reason = format!("{lost} decisions came faster than they could be written, and are not here");
                batch.push(Decided::new(clock::now(), "log", false, reason));
            }
            let written = if batch.is_empty() { Ok(()) } else { self.journal.write(&batch) };
            let kept = if flushes.is_empty() { written } else { written.and_then(|()| self.journal.sync()) };
            if let Err(error) = kept {
                tracing::warn!(event = "decision-log", "{} decisions are not kept: {error}", batch.len());
            }
            for done in flushes {
                // Who waited may have given up.
                let _ = done.try_send(());
            }
        }
    }

    /// Whether it says more than what was written a moment ago. Refusals always do.
    fn is_news(&mut self, decided: &Decided) -> bool {
        if !decided.allowed {
            return true;
        }
        let now = Instant::now();
        if self.accepted.len() >= MOST_REMEMBERED {
            self.accepted.retain(|_, written| now.saturating_duration_since(*written) < REPEATED);
        }
        let name = (decided.who.clone(), decided.from, decided.scheme.clone());
        if self.accepted.get(&name).is_some_and(|written| now.saturating_duration_since(*written) < REPEATED) {
            return false;
        }
        if self.accepted.len() < MOST_REMEMBERED {
            self.accepted.insert(name, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use gatepost::store::journal::{Reader, USUAL_SIZE};

    use super::*;

    fn decided(who: &str, allowed: bool) -> Decided {
        let mut decided = Decided::new(clock::now(), "authentication", allowed, "x");
        decided.who = Some(who.into());
        decided
    }

    #[test]
    fn refusals_are_all_kept_and_acceptances_once_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.log");
        let ledger = Ledger::start(&path, USUAL_SIZE).unwrap();
        let inlet = ledger.inlet();
        for who in ["ali", "ali", "eve", "ali"] {
            inlet(decided(who, true));
            inlet(decided(who, false));
        }
        ledger.flush();
        let mut reader = Reader::open(&path).unwrap();
        let kept: Vec<_> =
            std::iter::from_fn(|| reader.read().unwrap()).map(|line| (line.who.unwrap(), line.allowed)).collect();
        let of = |who: &str, allowed: bool| kept.iter().filter(|line| **line == (who.to_owned(), allowed)).count();
        assert_eq!((of("ali", true), of("eve", true), of("ali", false), of("eve", false)), (1, 1, 3, 1));
    }

    #[test]
    fn what_is_lost_is_counted() {
        let (queue, _notes) = sync_channel(1);
        let ledger = Ledger { queue, lost: Arc::default() };
        for _ in 0..5 {
            ledger.inlet()(decided("ali", false));
        }
        assert_eq!(ledger.lost.load(Ordering::Relaxed), 4);
    }
}
