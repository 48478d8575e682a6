//! Takes sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_model::event::Event;
use gatepost_model::limits::Limits;
use gatepost_net::listen::Listener as Accepting;
use gatepost_net::socket_options::SocketOptions;

use crate::error::Error;
use crate::events::Events;
use crate::socket::info::Info;
use crate::socket::stream::{Role, Socket};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// Takes TCP connections. Each is in the clear at first: [`Socket::accept_tls`] protects it, which belongs into a task
/// of the connection's own, so that a slow handshake holds nobody else up. How many there are at once is the caller's
/// to bound.
///
/// ```no_run
/// use gatepost::socket::listen::Listener;
/// use gatepost::tls::server::ServerTls;
/// use std::sync::Arc;
/// use tokio::io::{copy, split};
///
/// # async fn example(tls: Arc<ServerTls>) -> Result<(), gatepost::Error> {
/// let listener = Listener::bind("127.0.0.1:7007".parse().unwrap())?;
/// loop {
///     let (socket, tls) = (listener.accept().await, Arc::clone(&tls));
///     tokio::spawn(async move {
///         let (mut from, mut to) = split(socket.accept_tls(&tls).await?);
///         copy(&mut from, &mut to).await.map_err(|error| gatepost::Error::environment(error.to_string()))
///     });
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    accepting: Accepting,
    options: SocketOptions,
    limits: Arc<Limits>,
    events: Events,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free one, and `[::]` takes IPv4 as well. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// [`NetError::PortInUse`](gatepost_net::error::NetError), or what the system says.
    pub fn bind(address: SocketAddr) -> Result<Self, Error> {
        let accepting = Accepting::bind(address, BACKLOG)?;
        Ok(Self { accepting, options: SocketOptions::default(), limits: Arc::default(), events: Events::default() })
    }

    /// What is asked of the sockets that come. Default [`SocketOptions::default`]. `local` means nothing here.
    ///
    /// # Errors
    /// If an option can be no socket's.
    pub fn options(mut self, options: SocketOptions) -> Result<Self, Error> {
        options.check()?;
        self.options = options;
        Ok(self)
    }

    /// The bounds: `handshake_time` for TLS, `head_time` for a conversation that leads to it. Default
    /// [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Arc::new(limits);
        self
    }

    /// Where events go. Default: the log.
    #[must_use]
    pub fn events(mut self, events: Events) -> Self {
        events.emit(&Event::Listening { address: self.local_addr() });
        self.events = events;
        self
    }

    /// Where it listens, with the port that was given for 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.accepting.local_addr()
    }

    /// Waits for the next connection. It never fails: one that has gone before it was taken, or does not take the
    /// options, is passed over; while the system has no descriptor left it waits.
    pub async fn accept(&self) -> Socket {
        loop {
            let (stream, remote) = self.accepting.accept().await;
            let Ok(local) = stream.local_addr() else { continue };
            if let Err(error) = self.options.apply_to(&stream, remote) {
                tracing::debug!(%remote, "passed over: {error}");
                continue;
            }
            self.events.emit(&Event::Connected { address: remote, tls: None, protocol: "tcp" });
            let info = Info { local, remote, through_proxy: false, starttls: None, tls: None };
            let role = Role::Accepted(self.events.clone(), Arc::clone(&self.limits));
            return Socket::new(Box::new(stream), info, role);
        }
    }
}
