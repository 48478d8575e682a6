//! A listening socket that survives whatever happens to single connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::error::NetError;

/// How long accepting pauses when the machine has run out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A TCP listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free port. `backlog` is how many connections may wait to be accepted.
    ///
    /// `[::]` takes IPv4 as well. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// [`NetError::PortInUse`], or [`NetError::Listen`] for everything else, each naming the address.
    pub fn bind(address: SocketAddr, backlog: i32) -> Result<Self, NetError> {
        open(address, backlog).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => NetError::PortInUse { address },
            _ => NetError::Listen { address, detail: error.to_string() },
        })
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

fn open(address: SocketAddr, backlog: i32) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let another program steal the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    let socket = TcpListener::from_std(socket.into())?;
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
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
