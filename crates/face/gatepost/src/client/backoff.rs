//! When to try again: later each time, and not all at once.

use std::time::Duration;

use crate::clock;
use crate::error::Error;

/// Waits that double up to a bound, each cut at random: after a server has gone, its clients do not come back in one
/// wave (RFC 6455 §7.2.3).
///
/// ```
/// use std::time::Duration;
///
/// use gatepost::client::backoff::Backoff;
///
/// let mut backoff = Backoff::default();
/// for most in [1, 2, 4, 8, 16, 30, 30] {
///     assert!(backoff.next_wait()? <= Duration::from_secs(most));
/// }
/// backoff.reset();
/// assert!(backoff.next_wait()? <= Duration::from_secs(1));
/// # Ok::<(), gatepost::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// A first wait of up to `first`, later ones of up to `most`.
    #[must_use]
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first.min(most) }
    }

    /// How long to wait before the next try: anything between nothing and its bound.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn next_wait(&mut self) -> Result<Duration, Error> {
        let bound = self.next;
        self.next = bound.saturating_mul(2).min(self.most);
        let [octet, next, ..] = clock::entropy()?;
        Ok(bound.mul_f64(f64::from(u16::from_le_bytes([octet, next])) / f64::from(u16::MAX)))
    }

    /// Starts anew: the last try worked.
    pub fn reset(&mut self) {
        self.next = self.first.min(self.most);
    }
}

impl Default for Backoff {
    /// From up to 1 s to up to 30 s.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(30))
    }
}
