//! From a host and a port to a TCP connection: which addresses there are, and the first that takes one.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use gatepost_model::url::Origin;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::error::{NetError, Wait};
use crate::explain;
use crate::socket_options::SocketOptions;

/// Addresses of one name that are tried; a name service that gives more is not obeyed.
const ADDRESSES: usize = 16;

/// A connection, and its two ends.
#[derive(Debug)]
pub struct Reached {
    /// The connection.
    pub stream: TcpStream,
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// A way to an address of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The address that a connection would go out from; `None` if there is no way there now.
    pub local: Option<IpAddr>,
    /// Where it would go.
    pub remote: SocketAddr,
}

/// The ways to the addresses of a name, in the order in which they would be tried: the system's, which follows RFC
/// 6724. Nothing is sent to any of them.
///
/// # Errors
/// [`NetError::Resolve`] if the name has no address.
pub async fn routes(origin: &Origin) -> Result<Vec<Route>, NetError> {
    let remotes = resolve(origin).await?;
    Ok(remotes.into_iter().map(|remote| Route { local: local(remote).ok(), remote }).collect())
}

/// The address that the system would use. A datagram socket that is connected sends nothing.
fn local(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

/// A TCP connection to the first address that takes one, within `limit` altogether. Each gets its share of what time
/// is left.
pub(crate) async fn reach(origin: &Origin, options: &SocketOptions, limit: Duration) -> Result<Reached, NetError> {
    options.check()?;
    let reached = tokio::time::timeout(limit, first_of(origin, options, limit)).await;
    reached.map_err(|_| explain::timeout(Wait::Connect, limit))?
}

async fn first_of(origin: &Origin, options: &SocketOptions, limit: Duration) -> Result<Reached, NetError> {
    let end = Instant::now() + limit;
    let addresses = fitting(resolve(origin).await?, options, origin)?;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = None;
    for remote in addresses {
        let share = end.saturating_duration_since(Instant::now()) / left;
        left = left.saturating_sub(1).max(1);
        match tokio::time::timeout(share, options.connect(remote)).await {
            Ok(Ok(stream)) => {
                let local = stream.local_addr().map_err(|error| explain::io(&error, "the connection"))?;
                return Ok(Reached { stream, local, remote });
            }
            // No other address would change that.
            Ok(Err(error @ NetError::SocketOption { .. })) => return Err(error),
            Ok(Err(error)) => failure = Some(error),
            Err(_) => failure = Some(explain::timeout(Wait::Connect, limit)),
        }
    }
    Err(failure.unwrap_or_else(|| unresolved(origin, "it has no address".to_owned())))
}

/// The addresses that can be reached from the local one.
fn fitting(mut all: Vec<SocketAddr>, options: &SocketOptions, origin: &Origin) -> Result<Vec<SocketAddr>, NetError> {
    let Some(local) = options.local else { return Ok(all) };
    all.retain(|remote| remote.is_ipv4() == local.is_ipv4());
    if all.is_empty() {
        let family = if local.is_ipv4() { "IPv4" } else { "IPv6" };
        return Err(unresolved(origin, format!("it has no {family} address, and the local one is")));
    }
    Ok(all)
}

/// The addresses of a name, at most sixteen, in the system's order.
async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, NetError> {
    let found = tokio::net::lookup_host((bare_host(origin), origin.port())).await;
    let found =
        found.map_err(|error| explain::exhausted(&error).unwrap_or_else(|| unresolved(origin, error.to_string())))?;
    Ok(found.take(ADDRESSES).collect())
}

/// The host without the brackets of an IPv6 address.
pub(crate) fn bare_host(origin: &Origin) -> &str {
    let host = origin.host();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn unresolved(origin: &Origin, detail: String) -> NetError {
    NetError::Resolve { host: origin.host().to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_ways_to_a_name_with_the_end_that_they_would_have() {
        let found = routes(&Origin::new(true, "127.0.0.1", 25)).await.unwrap();
        let remote = SocketAddr::from(([127, 0, 0, 1], 25));
        assert_eq!(found, [Route { local: Some(IpAddr::from([127, 0, 0, 1])), remote }]);
        let nowhere = routes(&Origin::new(true, "no-such-name.invalid", 25)).await;
        assert!(matches!(nowhere, Err(NetError::Resolve { .. })), "{nowhere:?}");
    }

    #[tokio::test]
    async fn a_local_address_of_another_family_reaches_nobody() {
        let options = SocketOptions { local: Some("[::1]:0".parse().unwrap()), ..SocketOptions::default() };
        let failed = reach(&Origin::new(true, "127.0.0.1", 9), &options, Duration::from_secs(5)).await.unwrap_err();
        let detail = "it has no IPv6 address, and the local one is".to_owned();
        assert_eq!(failed, NetError::Resolve { host: "127.0.0.1".into(), detail });
    }
}
