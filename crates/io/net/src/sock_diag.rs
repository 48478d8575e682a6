//! Asks Linux about a TCP connection over netlink (sock_diag(7)), which any process may: linux/netlink.h,
//! linux/sock_diag.h and linux/inet_diag.h in words.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Socket, Type};

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

/// The tcp_info (linux/tcp.h) of the connection between these two ends, if there is one and the system says so.
pub(crate) fn ask(local: SocketAddr, remote: SocketAddr) -> Option<Vec<u8>> {
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

/// The attribute that holds it.
fn parse(answer: &[u8]) -> Option<Vec<u8>> {
    if u16_at(answer, 4)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut attributes = answer.get(HEADER + MESSAGE..)?;
    loop {
        let (length, kind) = (usize::from(u16_at(attributes, 0)?), u16_at(attributes, 2)?);
        let content = attributes.get(4..length)?;
        if kind == INET_DIAG_INFO {
            return Some(content.to_vec());
        }
        // Each begins at a multiple of four.
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_says_nothing_false() {
        let mut answer = vec![0; HEADER + MESSAGE];
        answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        // An attribute of another kind stands first; its length is no multiple of four.
        answer.extend([5, 0, 9, 0, 1, 0, 0, 0]);
        answer.extend(12_u16.to_ne_bytes());
        answer.extend(INET_DIAG_INFO.to_ne_bytes());
        answer.extend(*b"tcp_info");
        assert_eq!(parse(&answer), Some(b"tcp_info".to_vec()));
        for length in 0..answer.len() {
            assert_eq!(parse(&answer[..length]), None, "{length}");
        }
        answer[4] = 2;
        assert_eq!(parse(&answer), None, "an error");
    }
}
