//! What the system knows about a TCP connection (TCP_INFO), asked by its two ends.
//!
//! The option itself needs `unsafe`; Linux answers the same over netlink (sock_diag(7)), which any process may ask.

use std::net::SocketAddr;
use std::time::Duration;

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

/// What the system knows about the connection between these two ends, the first of which is ours. `None` where it does not
/// say: on other systems than Linux, or when the connection has gone.
#[must_use]
pub fn tcp_info(local: SocketAddr, remote: SocketAddr) -> Option<TcpInfo> {
    diag::ask(local, remote)
}

#[cfg(not(target_os = "linux"))]
mod diag {
    //! Nothing is known here.

    use std::net::SocketAddr;

    use super::TcpInfo;

    pub(super) fn ask(_local: SocketAddr, _remote: SocketAddr) -> Option<TcpInfo> {
        None
    }
}

#[cfg(target_os = "linux")]
mod diag {
    //! linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h and linux/tcp.h in words.

    use std::io::{Read, Write};
    use std::net::{IpAddr, SocketAddr};
    use std::time::Duration;

    use socket2::{Socket, Type};

    use super::TcpInfo;

    const AF_NETLINK: i32 = 16;
    const NETLINK_SOCK_DIAG: i32 = 4;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const INET_DIAG_INFO: u16 = 2;
    const IPPROTO_TCP: u8 = 6;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    /// Octets of an nlmsghdr, and of an inet_diag_msg.
    const HEADER: usize = 16;
    const MESSAGE: usize = 72;
    /// An answer has a few hundred octets.
    const ROOM: usize = 8192;
    /// The system answers at once.
    const PATIENCE: Duration = Duration::from_secs(1);

    pub(super) fn ask(local: SocketAddr, remote: SocketAddr) -> Option<TcpInfo> {
        let mut socket = Socket::new(AF_NETLINK.into(), Type::DGRAM, Some(NETLINK_SOCK_DIAG.into())).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        socket.write_all(&request(local, remote)).ok()?;
        let mut answer = [0; ROOM];
        let count = socket.read(&mut answer).ok()?;
        parse(answer.get(..count)?)
    }

    /// An nlmsghdr and an inet_diag_req_v2 for one connection.
    fn request(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
        let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
        let mut body = vec![family, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0];
        // In whatever state it is.
        body.extend(u32::MAX.to_ne_bytes());
        body.extend(local.port().to_be_bytes());
        body.extend(remote.port().to_be_bytes());
        for address in [local.ip(), remote.ip()] {
            let mut octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            octets.resize(16, 0);
            body.extend(octets);
        }
        // By any interface, with any cookie.
        body.extend(0_u32.to_ne_bytes());
        body.extend([0xff; 8]);
        let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
        let mut octets = length.to_ne_bytes().to_vec();
        octets.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        octets.extend(NLM_F_REQUEST.to_ne_bytes());
        octets.extend([0; 8]);
        octets.extend(body);
        octets
    }

    fn parse(answer: &[u8]) -> Option<TcpInfo> {
        if u16_at(answer, 4)? != SOCK_DIAG_BY_FAMILY {
            return None;
        }
        let mut attributes = answer.get(HEADER + MESSAGE..)?;
        loop {
            let (length, kind) = (usize::from(u16_at(attributes, 0)?), u16_at(attributes, 2)?);
            let content = attributes.get(4..length)?;
            if kind == INET_DIAG_INFO {
                return info(content);
            }
            // Each begins at a multiple of four.
            attributes = attributes.get(length.next_multiple_of(4)..)?;
        }
    }

    /// A tcp_info; older systems know less of it.
    fn info(content: &[u8]) -> Option<TcpInfo> {
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

    fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
        octets.get(at..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
    }

    fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
        octets.get(at..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
    }

    fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
        octets.get(at..)?.first_chunk().map(|chunk| u64::from_ne_bytes(*chunk))
    }

    #[cfg(test)]
    mod tests {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        use tokio::net::TcpStream;

        use super::*;
        use crate::listen::Listener;

        #[tokio::test]
        async fn octets_are_counted_as_they_are_acknowledged() {
            let listener = Listener::bind(([127, 0, 0, 1], 0).into(), 1).unwrap();
            let (client, (mut server, remote)) =
                tokio::join!(TcpStream::connect(listener.local_addr()), listener.accept());
            let mut client = client.unwrap();
            client.write_all(&[7; 1000]).await.unwrap();
            server.read_exact(&mut [0; 1000]).await.unwrap();
            // A machine may forbid the question; then there is nothing to see.
            let Some(info) = ask(listener.local_addr(), remote) else { return };
            assert_eq!((info.received, info.retransmitted), (Some(1000), 0));
            assert!(info.segment > 0 && info.path_mtu > 0 && info.round_trip > Duration::ZERO, "{info:?}");
            drop((client, server));
            assert_eq!(
                ask(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 1).into()),
                None,
                "there is no such connection"
            );
        }

        #[test]
        fn an_answer_that_is_cut_says_nothing_false() {
            let mut answer = vec![0; HEADER + MESSAGE];
            answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            let mut content = vec![0; 232];
            content[68..72].copy_from_slice(&1500_u32.to_ne_bytes());
            content[128..136].copy_from_slice(&42_u64.to_ne_bytes());
            // An attribute of another kind stands first; its length is no multiple of four.
            answer.extend([5, 0, 9, 0, 1, 0, 0, 0]);
            answer.extend(236_u16.to_ne_bytes());
            answer.extend(INET_DIAG_INFO.to_ne_bytes());
            answer.extend(content);
            let whole = parse(&answer).unwrap();
            assert_eq!((whole.round_trip, whole.received, whole.rate), (Duration::from_micros(1500), Some(42), None));
            for length in 0..answer.len() {
                assert_eq!(parse(&answer[..length]), None, "{length}");
            }
            answer[4] = 2;
            assert_eq!(parse(&answer), None, "an error");
        }
    }
}
