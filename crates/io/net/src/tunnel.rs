//! Octets from one end to the other, both ways, until both have said enough.

use crate::error::NetError;
use crate::explain;
use crate::upgrade::Duplex;

/// Octets that wait in a tunnel, for each direction.
const BUFFER: usize = 16 * 1024;

/// Carries octets both ways until both directions have ended; gives how many went from `a` to `b` and back.
///
/// The end of one direction is passed on (half-close), and the other goes on. A slow reader slows its
/// writer down; nothing more than two buffers of 16 KiB is held.
///
/// # Errors
/// Whatever broke either end: both are dropped then.
pub async fn tunnel(mut a: Duplex, mut b: Duplex) -> Result<(u64, u64), NetError> {
    tokio::io::copy_bidirectional_with_sizes(&mut a, &mut b, BUFFER, BUFFER)
        .await
        .map_err(|error| explain::io(&error, "the tunnel"))
}
