//! What the system may tell the daemon.

use gatepost::model::fault::Blame;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::GatewayError;

/// What the system may tell it. They are heard from the moment on in which the daemon says that it is ready: whoever
/// waits for that may send one at once.
pub(crate) struct Signals {
    pub(crate) hangup: Signal,
    pub(crate) terminate: Signal,
    pub(crate) interrupt: Signal,
}

impl Signals {
    /// Begins to hear them.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(crate) fn hear() -> Result<Self, GatewayError> {
        let terminate = hear(SignalKind::terminate())?;
        Ok(Self { hangup: hear(SignalKind::hangup())?, terminate, interrupt: hear(SignalKind::interrupt())? })
    }
}

fn hear(kind: SignalKind) -> Result<Signal, GatewayError> {
    signal(kind).map_err(|error| GatewayError::Engine {
        blame: Blame::Environment,
        code: "GP-GATE-003",
        detail: format!("signals cannot be heard: {error}"),
        hint: None,
    })
}
