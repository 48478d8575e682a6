//! The one place where the engine reads the clock and draws randomness.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gatepost_model::time::Timestamp;

use crate::error::Error;

/// The time now.
#[must_use]
pub fn now() -> Timestamp {
    // A clock before 1970 reads as 1970: whatever is judged by it is then too old, never too new.
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// One moment by both clocks: by the one that others agree on, and by the one that never steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) steady: Instant,
}

/// This moment.
pub(crate) fn moment() -> Moment {
    Moment { wall: now(), steady: Instant::now() }
}

/// 32 octets from the system's generator.
///
/// # Errors
/// If the system has none to give: nothing may be signed or numbered then.
pub fn entropy() -> Result<[u8; 32], Error> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(|error| Error::environment(format!("no randomness: {error}")))?;
    Ok(octets)
}
