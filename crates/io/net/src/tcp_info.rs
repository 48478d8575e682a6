//! What the system knows about a TCP connection (TCP_INFO), asked by its two ends.
//!
//! The option itself needs `unsafe`; Linux answers the same over netlink, which any process may ask.

use std::net::SocketAddr;
use std::time::Duration;

#[cfg(target_os = "linux")]
use crate::sock_diag::ask;

/// What the system knows about a connection, so far. All of it is measured by our end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// The time of a round trip, smoothed.
    pub round_trip: Duration,
    /// How much that varies.
    pub variance: Duration,
    /// The shortest round trip that was seen; `None` where the system does not say.
    pub shortest: Option<Duration>,
    /// Segments that had to be sent again.
    pub retransmitted: u32,
    /// Segments that may be under way at once.
    pub window: u32,
    /// Octets of a segment at most.
    pub segment: u32,
    /// Octets of a packet at most, on this way.
    pub path_mtu: u32,
    /// Octets that the other end has acknowledged; `None` where the system does not say.
    pub acknowledged: Option<u64>,
    /// Octets that have come; `None` where the system does not say.
    pub received: Option<u64>,
    /// Octets per second that went out when it was measured last; `None` where the system does not say.
    pub rate: Option<u64>,
}

/// What the system knows about the connection between these two ends, the first of which is ours. `None` where it does
/// not say: on other systems than Linux, or when the connection has gone.
#[must_use]
pub fn tcp_info(local: SocketAddr, remote: SocketAddr) -> Option<TcpInfo> {
    interpret(&ask(local, remote)?)
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
fn ask(_local: SocketAddr, _remote: SocketAddr) -> Option<Vec<u8>> {
    None
}

/// A tcp_info; older systems know less of it.
fn interpret(content: &[u8]) -> Option<TcpInfo> {
    let micros = |at| u32_at(content, at).map(|micros| Duration::from_micros(micros.into()));
    // A connection that has sent nothing yet has no shortest time, which is all ones.
    let shortest = u32_at(content, 148).filter(|micros| *micros != u32::MAX);
    Some(TcpInfo {
        round_trip: micros(68)?,
        variance: micros(72)?,
        shortest: shortest.map(|micros| Duration::from_micros(micros.into())),
        retransmitted: u32_at(content, 100)?,
        window: u32_at(content, 80)?,
        segment: u32_at(content, 16)?,
        path_mtu: u32_at(content, 60)?,
        acknowledged: u64_at(content, 120),
        received: u64_at(content, 128),
        rate: u64_at(content, 160).filter(|rate| *rate > 0),
    })
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    octets.get(at..)?.first_chunk().map(|chunk| u64::from_ne_bytes(*chunk))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::listen::Listener;

    #[tokio::test]
    async fn octets_are_counted_as_they_are_acknowledged() {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), 1).unwrap();
        let (client, (mut server, remote)) = tokio::join!(TcpStream::connect(listener.local_addr()), listener.accept());
        let mut client = client.unwrap();
        client.write_all(&[7; 1000]).await.unwrap();
        server.read_exact(&mut [0; 1000]).await.unwrap();
        // A machine may forbid the question; then there is nothing to see.
        let Some(info) = tcp_info(listener.local_addr(), remote) else { return };
        assert_eq!((info.received, info.retransmitted), (Some(1000), 0));
        assert!(info.segment > 0 && info.path_mtu > 0 && info.round_trip > Duration::ZERO, "{info:?}");
        drop((client, server));
        assert_eq!(
            tcp_info(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 1).into()),
            None,
            "there is no such connection"
        );
    }

    #[test]
    fn what_an_older_system_does_not_know_is_left_open() {
        let mut octets = vec![0; 232];
        octets[68..72].copy_from_slice(&1500_u32.to_ne_bytes());
        octets[128..136].copy_from_slice(&42_u64.to_ne_bytes());
        let whole = interpret(&octets).unwrap();
        assert_eq!((whole.round_trip, whole.received, whole.rate), (Duration::from_micros(1500), Some(42), None));
        let old = interpret(&octets[..104]).unwrap();
        assert_eq!((old.round_trip, old.received, old.shortest), (Duration::from_micros(1500), None, None));
        assert_eq!(interpret(&octets[..103]), None);
    }
}
