//! Shakes hands with a client whose connection stands: at once, or when both ends have agreed on TLS.

use std::net::SocketAddr;
use std::time::Duration;

use gatepost_tls::handshake::Facts;
use gatepost_tls::server::ServerTls;

use crate::error::{NetError, Wait};
use crate::explain;
use crate::secured::handshake::accept;
use crate::secured::stream::Secured;
use crate::upgrade::Stream;

/// Shakes hands with the client at `remote`, which has reached `local`: the bindings of `tls` for that address, and for
/// the name that the client asks for, say what it is shown and what is asked of it. Not longer than `limit`.
///
/// # Errors
/// [`NetError::Tls`] or [`NetError::Timeout`]; whatever broke the stream.
pub async fn accept_tls<S: Stream>(
    tls: &ServerTls,
    stream: S,
    (local, remote): (SocketAddr, SocketAddr),
    limit: Duration,
) -> Result<(Secured<S>, Facts), NetError> {
    // On the heap, so that the caller's future does not keep the place of a handshake.
    let handshake = Box::pin(tokio::time::timeout(limit, accept(&tls.settings_for(local), stream))).await;
    let accepted = handshake.map_err(|_| explain::timeout(Wait::Handshake, limit))?;
    accepted.map_err(|error| explain::handshake(&error, remote.to_string()))
}
