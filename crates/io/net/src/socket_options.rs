//! What can be asked of a TCP socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpSocket, TcpStream};

use crate::error::NetError;
use crate::explain;

/// How a connection that is silent is asked whether its other end is still there (RFC 9293 §3.8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first question. Default 60 s.
    pub idle: Duration,
    /// Time between two questions. Default 10 s.
    pub interval: Duration,
    /// Questions without an answer, after which the connection is broken. Default 6.
    pub count: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { idle: Duration::from_secs(60), interval: Duration::from_secs(10), count: 6 }
    }
}

/// What is asked of a TCP socket. What is not said is as the system has it, but for Nagle's algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketOptions {
    /// The address that connections go out from; port 0 takes a free one. Default: the system's choice. A listener does
    /// not heed it.
    pub local: Option<SocketAddr>,
    /// The network interface that connections go out by, such as `eth1` (SO_BINDTODEVICE). Linux only; elsewhere
    /// it is an error. Default: by the routes.
    pub interface: Option<String>,
    /// Whether and how silent connections are asked. Default: not.
    pub keep_alive: Option<KeepAlive>,
    /// Whether small writes go out at once (TCP_NODELAY). Default `true`.
    pub no_delay: bool,
    /// The most routers that a packet may pass: the TTL of IPv4, the hop limit of IPv6; not 0. Default: the system's.
    pub hop_limit: Option<u8>,
    /// The class of traffic, 0 to 63 (DSCP, RFC 2474). 46 is for what cannot wait (EF). Default: 0.
    pub dscp: Option<u8>,
    /// Octets that may wait to be sent. With it the system no longer adapts that to the way. Default: the system's.
    pub send_buffer: Option<usize>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            local: None,
            interface: None,
            keep_alive: None,
            no_delay: true,
            hop_limit: None,
            dscp: None,
            send_buffer: None,
        }
    }
}

impl SocketOptions {
    /// Says what no socket could be.
    ///
    /// # Errors
    /// [`NetError::SocketOption`].
    pub fn check(&self) -> Result<(), NetError> {
        let wrong = |option: &'static str, detail: &str| NetError::SocketOption { option, detail: detail.to_owned() };
        if self.hop_limit == Some(0) {
            return Err(wrong("the hop limit", "0 leads nowhere"));
        }
        if self.dscp.is_some_and(|dscp| dscp > 63) {
            return Err(wrong("the DSCP", "it is a number from 0 to 63"));
        }
        Ok(())
    }

    /// A connection to `remote` that has these options before the first packet.
    pub(crate) async fn connect(&self, remote: SocketAddr) -> Result<TcpStream, NetError> {
        let unreached = |error: io::Error| explain::unreached(remote, &error);
        let socket = Socket::new(Domain::for_address(remote), Type::STREAM, Some(Protocol::TCP)).map_err(unreached)?;
        socket.set_nonblocking(true).map_err(unreached)?;
        self.apply(&SockRef::from(&socket), remote)?;
        if let Some(local) = self.local {
            socket.bind(&local.into()).map_err(|error| refused("the local address", &error))?;
        }
        TcpSocket::from_std_stream(socket.into()).connect(remote).await.map_err(unreached)
    }

    /// Sets them on a connection that was accepted from `remote`; the local address does not matter then.
    ///
    /// # Errors
    /// [`NetError::SocketOption`] if the system does not take one.
    pub fn apply_to(&self, stream: &TcpStream, remote: SocketAddr) -> Result<(), NetError> {
        self.apply(&SockRef::from(stream), remote)
    }

    fn apply(&self, socket: &SockRef<'_>, remote: SocketAddr) -> Result<(), NetError> {
        socket.set_tcp_nodelay(self.no_delay).map_err(|error| refused("no delay", &error))?;
        if let Some(KeepAlive { idle, interval, count }) = self.keep_alive {
            let keep_alive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(count);
            socket.set_tcp_keepalive(&keep_alive).map_err(|error| refused("keep-alive", &error))?;
        }
        if let Some(hops) = self.hop_limit {
            let set = match remote {
                SocketAddr::V4(_) => socket.set_ttl_v4(hops.into()),
                SocketAddr::V6(_) => socket.set_unicast_hops_v6(hops.into()),
            };
            set.map_err(|error| refused("the hop limit", &error))?;
        }
        if let Some(dscp) = self.dscp {
            // RFC 2474 §3: the upper six bits of the octet; the lower two are for congestion (ECN).
            let octet = u32::from(dscp) << 2;
            let set = match remote {
                SocketAddr::V4(_) => socket.set_tos_v4(octet),
                SocketAddr::V6(_) => set_traffic_class(socket, octet),
            };
            set.map_err(|error| refused("the DSCP", &error))?;
        }
        if let Some(octets) = self.send_buffer {
            socket.set_send_buffer_size(octets).map_err(|error| refused("the send buffer", &error))?;
        }
        if let Some(interface) = &self.interface {
            bind_interface(socket, interface).map_err(|error| refused("the interface", &error))?;
        }
        Ok(())
    }
}

fn refused(option: &'static str, error: &io::Error) -> NetError {
    NetError::SocketOption { option, detail: error.to_string() }
}

#[cfg(target_os = "linux")]
fn bind_interface(socket: &SockRef<'_>, interface: &str) -> io::Result<()> {
    socket.bind_device(Some(interface.as_bytes()))
}

#[cfg(not(target_os = "linux"))]
fn bind_interface(_socket: &SockRef<'_>, _interface: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn set_traffic_class(socket: &SockRef<'_>, octet: u32) -> io::Result<()> {
    socket.set_tclass_v6(octet)
}

#[cfg(not(unix))]
fn set_traffic_class(_socket: &SockRef<'_>, _octet: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::listen::Listener;

    fn all(local: SocketAddr) -> SocketOptions {
        let keep_alive = KeepAlive { idle: Duration::from_secs(7), interval: Duration::from_secs(3), count: 4 };
        SocketOptions {
            local: Some(SocketAddr::new(local.ip(), 0)),
            interface: Some("lo".to_owned()),
            keep_alive: Some(keep_alive),
            no_delay: false,
            hop_limit: Some(9),
            dscp: Some(46),
            send_buffer: Some(32 * 1024),
        }
    }

    /// What the system says about a socket.
    fn seen(stream: &TcpStream, is_ipv6: bool) -> (bool, Duration, Duration, u32, u32, u32, bool) {
        let socket = SockRef::from(stream);
        let (hops, class) = match is_ipv6 {
            false => (socket.ttl_v4().unwrap(), socket.tos_v4().unwrap()),
            true => (socket.unicast_hops_v6().unwrap(), socket.tclass_v6().unwrap()),
        };
        (
            socket.keepalive().unwrap(),
            socket.tcp_keepalive_time().unwrap(),
            socket.tcp_keepalive_interval().unwrap(),
            socket.tcp_keepalive_retries().unwrap(),
            hops,
            class >> 2,
            socket.tcp_nodelay().unwrap(),
        )
    }

    #[tokio::test]
    async fn a_socket_is_what_was_asked_for_at_both_ends() {
        let seconds = Duration::from_secs;
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = Listener::bind(address.parse().unwrap(), 1) else { continue };
            let remote = listener.local_addr();
            let options = all(remote);
            let (connected, (accepted, peer)) = tokio::join!(options.connect(remote), listener.accept());
            let connected = connected.unwrap();
            let is_ipv6 = remote.is_ipv6();
            let expected = (true, seconds(7), seconds(3), 4, 9, 46, false);
            assert_eq!(seen(&connected, is_ipv6), expected, "{address}");
            options.apply_to(&accepted, peer).unwrap();
            assert_eq!(seen(&accepted, is_ipv6), expected, "{address}");
            assert_eq!(connected.local_addr().unwrap().ip(), remote.ip());
        }
    }

    #[tokio::test]
    async fn what_cannot_be_is_said_with_its_name() {
        let remote = SocketAddr::from(([127, 0, 0, 1], 9));
        let plain = SocketOptions::default();
        let table = [
            (SocketOptions { hop_limit: Some(0), ..plain.clone() }.check(), "the hop limit"),
            (SocketOptions { dscp: Some(64), ..plain.clone() }.check(), "the DSCP"),
            (
                SocketOptions { interface: Some("no-such-interface".into()), ..plain.clone() }
                    .connect(remote)
                    .await
                    .map(|_| ()),
                "the interface",
            ),
            (
                SocketOptions { local: Some("192.0.2.1:0".parse().unwrap()), ..plain }
                    .connect(remote)
                    .await
                    .map(|_| ()),
                "the local address",
            ),
        ];
        for (result, name) in table {
            let Err(NetError::SocketOption { option, .. }) = result else { panic!("{name}: {result:?}") };
            assert_eq!(option, name);
        }
    }
}
