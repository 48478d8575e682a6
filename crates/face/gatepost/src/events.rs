//! Fans events out: to the log, and to whoever asked for them.

use std::fmt;
use std::sync::Arc;

use gatepost_model::decided::Decided;
use gatepost_model::event::Event;

/// A consumer of events. It is called on the path of a request: it must not block.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;

/// A keeper of decisions. It is called on the path of a request: it must not block.
pub type Ledger = Arc<dyn Fn(Decided) + Send + Sync>;

/// Where events go. Cheap to clone; every clone feeds the same sinks.
#[derive(Clone, Default)]
pub struct Events {
    sinks: Arc<[Sink]>,
    ledger: Option<Ledger>,
}

impl Events {
    /// Events that go to the log and to these sinks.
    #[must_use]
    pub fn to(sinks: Vec<Sink>) -> Self {
        Self { sinks: sinks.into(), ledger: None }
    }

    /// Keeps what is decided about those who come, too: each judgement that was made anew, and none that only repeats one.
    #[must_use]
    pub fn with_ledger(self, ledger: Ledger) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// Keeps one decision, if anybody keeps them.
    pub(crate) fn record(&self, decided: impl FnOnce() -> Decided) {
        if let Some(ledger) = &self.ledger {
            ledger(decided());
        }
    }

    /// Whether anybody would notice an ordinary event: ask before making one for each request.
    #[must_use]
    pub fn are_heard(&self) -> bool {
        !self.sinks.is_empty() || tracing::enabled!(tracing::Level::DEBUG)
    }

    /// Reports one event.
    pub fn emit(&self, event: &Event) {
        log(event);
        for sink in self.sinks.iter() {
            sink(event);
        }
    }
}

/// The log's view: one line an event, its level by what it means to an operator.
fn log(event: &Event) {
    match event {
        // A reload is rare, and whoever asked for it waits to hear what came of it.
        Event::Danger { .. } | Event::Reloaded { .. } | Event::BoundReached(_) | Event::Failed { .. } => {
            tracing::warn!(event = event.name(), "{event}");
        }
        Event::Listening { .. } | Event::Refused { .. } | Event::Certificate { .. } | Event::Shaken(_) => {
            tracing::info!(event = event.name(), "{event}");
        }
        _ => tracing::debug!(event = event.name(), "{event}"),
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("sinks", &self.sinks.len()).finish()
    }
}

/// A sink inside a builder that has a `Debug`.
pub(crate) struct SinkEntry(pub(crate) Sink);

impl fmt::Debug for SinkEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}
