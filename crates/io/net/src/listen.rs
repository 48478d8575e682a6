//! Listening sockets that survive whatever happens to single connections: one, or one for each worker.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

#[cfg(target_os = "linux")]
use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::announced::Announcers;
use crate::error::NetError;

/// How long accepting pauses when the machine has run out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Octets of a connection that may wait in the system to be sent. By itself it takes megabytes, and more only when a
/// third of them have gone: a client that reads slowly would seem to read nothing for a minute.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 16 * 1024;

/// A TCP listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    announcers: Option<Announcers>,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free port. `backlog` is how many connections may wait to be accepted.
    ///
    /// `[::]` takes IPv4 as well. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// [`NetError::PortInUse`], or [`NetError::Listen`] for everything else, each naming the address.
    pub fn bind(address: SocketAddr, backlog: i32) -> Result<Self, NetError> {
        open(address, backlog).and_then(Self::over).map_err(|error| explain(address, &error))
    }

    /// A listener over a socket of [`bind_shared`]. Call it inside the runtime that accepts from it.
    ///
    /// # Errors
    /// [`NetError::Listen`], if the runtime cannot watch one more socket.
    pub(crate) fn adopt(socket: std::net::TcpListener, address: SocketAddr) -> Result<Self, NetError> {
        Self::over(socket).map_err(|error| explain(address, &error))
    }

    fn over(socket: std::net::TcpListener) -> io::Result<Self> {
        let socket = TcpListener::from_std(socket)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, announcers: None })
    }

    /// The same; each connection has to be announced, by one of these, in a header of the PROXY protocol.
    #[must_use]
    pub fn announced_by(self, announcers: Announcers) -> Self {
        Self { announcers: Some(announcers), ..self }
    }

    /// Who announces connections; `None` if they come without.
    pub(crate) fn announcers(&self) -> Option<&Announcers> {
        self.announcers.as_ref()
    }

    /// Where it listens, with the port that was given for 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next connection.
    ///
    /// Never fails: a connection that ended before it was accepted is passed over; when the system
    /// has no descriptor or memory left it pauses, so that connections wait in the backlog and no core spins.
    pub async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if concerns_one_connection(&error) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// So that its number among the descriptors can be looked at.
#[cfg(unix)]
impl std::os::fd::AsFd for Listener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// `count` sockets on one address, at least one; what comes in is spread over them. No runtime knows them yet.
///
/// # Errors
/// As [`Listener::bind`]; none is left open then.
pub(crate) fn bind_shared(
    address: SocketAddr,
    backlog: i32,
    count: usize,
) -> Result<Vec<std::net::TcpListener>, NetError> {
    shared(address, backlog, count).map_err(|error| explain(address, &error))
}

/// The first socket is bound and listens alone, so that whoever holds the port already is noticed, also one that
/// would share it: another Gatepost of the same user. Only then is the port opened to its siblings.
#[cfg(target_os = "linux")]
fn shared(address: SocketAddr, backlog: i32, count: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let first = open(address, backlog)?;
    if count > 1 {
        SockRef::from(&first).set_reuse_port(true)?;
    }
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        let socket = socket(address)?;
        socket.set_reuse_port(true)?;
        sockets.push(listening(socket, address, backlog)?);
    }
    Ok(sockets)
}

/// Elsewhere the option does not spread connections; the workers accept from one queue.
#[cfg(not(target_os = "linux"))]
fn shared(address: SocketAddr, backlog: i32, count: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let mut sockets = vec![open(address, backlog)?];
    for _ in 1..count {
        let twin = sockets.first().map(std::net::TcpListener::try_clone).transpose()?;
        sockets.extend(twin);
    }
    Ok(sockets)
}

fn open(address: SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    listening(socket(address)?, address, backlog)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let another program steal the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn listening(socket: Socket, address: SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    // Connections inherit both. The second is an optimisation: where it is refused, all goes on as before.
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_nodelay(true)?;
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

fn explain(address: SocketAddr, error: &io::Error) -> NetError {
    match error.kind() {
        io::ErrorKind::AddrInUse => NetError::PortInUse { address },
        _ => NetError::Listen { address, detail: error.to_string() },
    }
}

/// accept(2) hands out errors of the new connection as its own.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn little_waits_in_the_system_for_a_slow_reader() {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let client = TcpStream::connect(listener.local_addr());
        let (client, (stream, _)) = tokio::join!(client, listener.accept());
        assert_eq!(SockRef::from(&stream).tcp_notsent_lowat().unwrap(), UNSENT);
        assert!(stream.nodelay().unwrap());
        drop(client);
    }
}
