//! From the clear to TLS on a socket that stands, at either end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use gatepost_model::event::Event;
use gatepost_model::url::Origin;
use gatepost_net::accept::accept_tls;
use gatepost_net::connection::ConnectionFacts;
use gatepost_net::endpoint;
use gatepost_net::error::NetError;
use gatepost_net::starttls::converse;
use gatepost_net::upgrade::Duplex;
use gatepost_tls::server::ServerTls;
use gatepost_tls::starttls::dialogue::Dialogue;
use gatepost_tls::starttls::error::StartTlsError;
use gatepost_tls::starttls::protocol::{Protocol, Told};
use gatepost_tls::starttls::{ALL, by_name};
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::Error;
use crate::events::Events;
use crate::socket::info::Info;
use crate::socket::stream::{Layer, Role, Socket};

/// What an error about a conversation of the caller's own is about.
const OWN: &str = "socket";

/// What the events call a protocol that is not ours to know.
const PROTOCOL: &str = "tcp";

impl Socket {
    /// Begins with TLS, now: what was said before has led both ends there. The certificate has to be that of
    /// `server_name`, a host name or an address, which need not be the one that was dialled.
    ///
    /// Trust, pins, the client's certificate and the look before anything is sent are those of the connector.
    ///
    /// # Errors
    /// [`StartTlsError::Injected`] if something has come that nobody has read yet: behind the go-ahead it is our turn,
    /// and whoever put it there in the clear wants it to be heard behind TLS (CVE-2011-0411). The error of the
    /// handshake. If this socket was accepted, or speaks TLS already.
    pub async fn upgrade_tls(self, server_name: &str) -> Result<Self, Error> {
        self.secure(server_name, None).await
    }

    /// Asks for TLS in the words of a protocol, by its name in [`ALL`], and begins with it. The certificate has to be
    /// that of the host that was dialled.
    ///
    /// # Errors
    /// [`NetError::StartTls`] if the other end does not offer it, says no, or says more than it should; otherwise as
    /// [`upgrade_tls`](Self::upgrade_tls). Nothing is said in the clear after any of them.
    pub async fn starttls(self, protocol: &str) -> Result<Self, Error> {
        let Role::Connected(_, target) = &self.role else { return Err(accepted()) };
        let name = target.host().to_owned();
        self.starttls_as(protocol, &name).await
    }

    /// As [`starttls`](Self::starttls), for a certificate of `server_name`.
    ///
    /// # Errors
    /// As there.
    pub async fn starttls_as(mut self, protocol: &str, server_name: &str) -> Result<Self, Error> {
        let protocol = named(protocol)?;
        let Role::Connected(opener, target) = &self.role else { return Err(accepted()) };
        let (events, limit) = (opener.events.clone(), opener.dialer.limits().answer_time);
        let name = origin(server_name, target)?.host().trim_matches(['[', ']']).to_owned();
        let dialogue = Dialogue::client(protocol, &name).map_err(NetError::from)?;
        let stream = self.in_the_clear()?;
        converse(dialogue, stream, limit, teller(&events)).await?;
        self.secure(server_name, Some(protocol.name())).await
    }

    /// Hears what a server says to whoever comes, in the words of a protocol, and no more: for passing a client on that
    /// has heard it from us.
    ///
    /// # Errors
    /// As [`starttls`](Self::starttls).
    pub async fn hear_greeting(&mut self, protocol: &str) -> Result<(), Error> {
        let Some(dialogue) = Dialogue::greeting(named(protocol)?) else { return Ok(()) };
        let Role::Connected(opener, _) = &self.role else { return Err(accepted()) };
        let (events, limit) = (opener.events.clone(), opener.dialer.limits().answer_time);
        Ok(converse(dialogue, self.in_the_clear()?, limit, teller(&events)).await?)
    }

    /// Begins with TLS as the server, now. What is bound to the address that was reached, and to the name that the
    /// client asks for, answers.
    ///
    /// # Errors
    /// [`StartTlsError::Injected`] if the client has said something that nobody has read; the error of the handshake.
    /// If this socket was not accepted, or speaks TLS already.
    pub async fn accept_tls(self, tls: &ServerTls) -> Result<Self, Error> {
        self.shake_hands(tls, None).await
    }

    /// Waits until the client asks for TLS in the words of a protocol, and begins with it as the server. Until then it
    /// takes nothing else.
    ///
    /// # Errors
    /// As [`accept_tls`](Self::accept_tls), and [`NetError::StartTls`] if the client breaks the rules. If only the
    /// client's part of the protocol is known.
    pub async fn accept_starttls(mut self, protocol: &str, tls: &ServerTls) -> Result<Self, Error> {
        let protocol = named(protocol)?;
        let Role::Accepted(events, limits) = &self.role else { return Err(connected()) };
        let (events, limit) = (events.clone(), limits.head_time);
        let dialogue = Dialogue::server(protocol).ok_or_else(|| {
            Error::usage(format!("the server's part of {} is not known here, only the client's", protocol.name()))
        })?;
        converse(dialogue, self.in_the_clear()?, limit, teller(&events)).await?;
        self.shake_hands(tls, Some(protocol.name())).await
    }

    async fn secure(mut self, server_name: &str, starttls: Option<&'static str>) -> Result<Self, Error> {
        // Behind the go-ahead the client speaks first: whatever has come is nobody's answer.
        let count = self.heard.len().max(usize::from(self.has_more().await));
        let Self { layer, info, role, .. } = self;
        let Role::Connected(opener, target) = &role else { return Err(accepted()) };
        let origin = origin(server_name, target)?;
        let stream = plain(layer, count)?;
        let (stream, facts) = opener.dialer.upgrade(&origin, stream).await?;
        let (tls, judgement) = (Some(facts.version.name()), facts.judgement.clone());
        let binder = Some(Arc::clone(&facts.binder));
        opener.judge(&ConnectionFacts { address: info.remote, tls, protocol: PROTOCOL, judgement, binder }).await?;
        let info = Info { tls: Some(facts), starttls, ..info };
        Ok(Self { layer: Layer::Tls(Box::new(stream)), info, role, heard: Vec::new() })
    }

    async fn shake_hands(self, tls: &ServerTls, starttls: Option<&'static str>) -> Result<Self, Error> {
        let Self { layer, info, role, heard } = self;
        let Role::Accepted(events, limits) = &role else { return Err(connected()) };
        let stream = plain(layer, heard.len())?;
        let (stream, facts) = accept_tls(tls, stream, (info.local, info.remote), limits.handshake_time).await?;
        let version = Some(facts.version.name());
        events.emit(&Event::Connected { address: info.remote, tls: version, protocol: PROTOCOL });
        let info = Info { tls: Some(facts), starttls, ..info };
        Ok(Self { layer: Layer::Tls(Box::new(stream)), info, role, heard: Vec::new() })
    }

    /// The stream, as long as it is in the clear and nothing waits to be read.
    fn in_the_clear(&mut self) -> Result<&mut Duplex, Error> {
        match &mut self.layer {
            Layer::Plain(_) if !self.heard.is_empty() => Err(injected(self.heard.len())),
            Layer::Plain(stream) => Ok(stream),
            Layer::Tls(_) => Err(twice()),
        }
    }

    /// Whether something has come, as far as that can be seen without waiting. What comes later meets the handshake,
    /// which takes it for none of its own.
    async fn has_more(&mut self) -> bool {
        let Layer::Plain(stream) = &mut self.layer else { return false };
        poll_fn(|cx| {
            let mut octet = [0];
            let mut room = ReadBuf::new(&mut octet);
            let read = Pin::new(&mut *stream).poll_read(cx, &mut room);
            Poll::Ready(matches!(read, Poll::Ready(Ok(()))) && !room.filled().is_empty())
        })
        .await
    }
}

fn plain(layer: Layer, unread: usize) -> Result<Duplex, Error> {
    match layer {
        Layer::Plain(_) if unread > 0 => Err(injected(unread)),
        Layer::Plain(stream) => Ok(stream),
        Layer::Tls(_) => Err(twice()),
    }
}

fn injected(count: usize) -> Error {
    NetError::from(StartTlsError::Injected { protocol: OWN, count }).into()
}

fn twice() -> Error {
    Error::usage("the socket speaks TLS already")
}

fn accepted() -> Error {
    Error::usage("the socket was accepted: it speaks TLS as a server does, by `accept_tls`")
}

fn connected() -> Error {
    Error::usage("the socket was connected: it speaks TLS as a client does, by `upgrade_tls`")
}

/// Whom TLS is expected with.
fn origin(server_name: &str, target: &Origin) -> Result<Origin, Error> {
    let origin = endpoint::parse(server_name, Some(target.port()))?;
    match origin.port() == target.port() {
        true => Ok(origin),
        false => Err(Error::usage(format!("`{server_name}` is no server name: it has a port"))),
    }
}

/// The protocol of that name.
fn named(name: &str) -> Result<&'static dyn Protocol, Error> {
    by_name(name).ok_or_else(|| {
        let known: Vec<_> = ALL.iter().map(|protocol| protocol.name()).collect();
        Error::usage(format!("STARTTLS is not known of `{name}`: it is of {}", known.join(", ")))
    })
}

fn teller(events: &Events) -> impl FnMut(Told) + '_ {
    |told| events.emit(&Event::Said { ours: told.is_ours, text: told.text })
}
