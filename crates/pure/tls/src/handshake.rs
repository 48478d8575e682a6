//! The TLS handshake, octets in and octets out, and what it leaves.
//!
//! Whoever drives it sends what [`Handshake::take_output`] gives, reads, and hands what was read to
//! [`Handshake::receive`], until [`Handshake::is_over`]; and sends the output also after an error, for it is the
//! alert that tells the peer (RFC 8446 §6.2).

use std::fmt;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::{Error, HandshakeKind, InvalidMessage, ProtocolVersion};

use crate::binder::Binder;
use crate::client_chain::ClientChain;
use crate::conversation::{Conversation, Step, Yield, asked_for};
use crate::end_point::server_end_point;
use crate::hello::{Heard, Hello};
use crate::legacy::Legacy;
use crate::manner::Manner;
use crate::record::layout::HEADER;
use crate::record::traffic::Traffic;
use crate::refusal::{Refusal, refused};
use crate::schedule::at_hand::{AtHand, caught};
use crate::schedule::exporter::Exporter;
use crate::server_certificate::ServerCertificate;
use crate::settings::{ClientSettings, Guard, ServerSettings};
use crate::shown::shown;
use crate::verify::judgement::Judgement;
use crate::verify::verifier::{judged, rejection};
use crate::version::{TlsVersion, suite_name};

/// The most that a peer may send before a message of its handshake is whole, in octets. rustls takes
/// messages up to 2^16 - 1; the rest is for the records around them.
const MAX_INCOMPLETE: usize = 80 * 1024;

/// What both ends agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The version.
    pub version: TlsVersion,
    /// The cipher suite, by its name in the registry of IANA.
    pub suite: &'static str,
    /// The group of the key exchange, such as `X25519MLKEM768`; `None` where there was none: TLS 1.2, resumed.
    pub group: Option<&'static str>,
    /// The application protocol (RFC 7301).
    pub alpn: Option<Vec<u8>>,
    /// The name that the client asked for; `None` at the client.
    pub server_name: Option<String>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// What was found about the chain of the server; `None` at the server.
    pub judgement: Option<Arc<Judgement>>,
    /// The chain of the client, also of a resumed session, for which it is judged again. `None` at the client, and
    /// where none was shown.
    pub client: Option<Arc<ClientChain>>,
    /// What proofs inside are bound to the connection by.
    pub binder: Arc<Binder>,
    /// The manner in which a server shook hands: of the settings by which it did, not of what is bound by now. `None`
    /// at the client, and where the settings came from elsewhere than from bindings.
    pub manner: Option<Arc<Manner>>,
}

/// A handshake under way.
pub struct Handshake {
    conversation: Box<dyn Conversation>,
    incoming: Vec<u8>,
    /// So much of `incoming` are the records that rustls has been given.
    admitted: usize,
    yielded: Yield,
    peer_closed: bool,
    server_name: Option<String>,
    judgement: Option<Arc<Judgement>>,
    /// Why a server showed no certificate.
    refusal: Option<Refusal>,
    /// What a server showed.
    shown: Option<Arc<ServerCertificate>>,
    /// What TLS 1.3 exports from.
    exporter: Option<Exporter>,
    /// Who listens for the client's first message, until it has been heard.
    hello: Option<Box<Hello>>,
    /// Who judges the client of a server.
    guard: Option<Guard>,
    /// Of the settings that the server goes by.
    manner: Option<Arc<Manner>>,
    /// Whom a client wants, and by which settings.
    wanted: Option<Box<(ClientSettings, ServerName<'static>)>>,
}

/// What a handshake leaves.
pub struct Established {
    /// What was agreed on.
    pub facts: Facts,
    /// What protects the connection from now on.
    pub protection: Protection,
    /// Data that has already come.
    pub plaintext: Vec<u8>,
    /// Records that have already come, and the beginning of one.
    pub received: Vec<u8>,
    /// What is still to be sent before anything else: a Finished, or a server's tickets.
    pub output: Vec<u8>,
    /// Whether the peer has already said that it says no more.
    pub peer_closed: bool,
}

/// What protects a connection after its handshake.
pub enum Protection {
    /// TLS 1.3, by records of our own.
    Traffic(Box<Traffic>),
    /// TLS 1.2, by rustls.
    Legacy(Legacy),
}

impl Handshake {
    /// Waits for a client that begins with `first`, or is not known to: how many tickets it gets depends on whether
    /// it shows one. All that it sends is still to be [received](Self::receive).
    ///
    /// # Errors
    /// [`rustls::Error`] if the configuration contradicts itself.
    pub fn server(settings: &ServerSettings, first: &[u8]) -> Result<Self, Error> {
        let connection = UnbufferedServerConnection::new(settings.config_for(first))?;
        let mut handshake = Self::new(Box::new(connection));
        handshake.hello = Hello::new(settings.chooser()).map(Box::new);
        handshake.guard = Some(settings.guard());
        handshake.manner = settings.manner();
        Ok(handshake)
    }

    /// Begins with `name`: there is output at once.
    ///
    /// # Errors
    /// [`rustls::Error`] if the configuration contradicts itself.
    pub fn client(settings: &ClientSettings, name: ServerName<'static>) -> Result<Self, Error> {
        let connection = UnbufferedClientConnection::new(settings.config(), name.clone())?;
        let mut handshake = Self::new(Box::new(connection));
        handshake.wanted = Some(Box::new((settings.clone(), name)));
        handshake.advance()?;
        Ok(handshake)
    }

    fn new(conversation: Box<dyn Conversation>) -> Self {
        Self {
            conversation,
            incoming: Vec::new(),
            admitted: 0,
            yielded: Yield::default(),
            peer_closed: false,
            server_name: None,
            judgement: None,
            refusal: None,
            shown: None,
            exporter: None,
            hello: None,
            guard: None,
            manner: None,
            wanted: None,
        }
    }

    /// Takes what the peer sent, and goes as far as that allows.
    ///
    /// # Errors
    /// [`rustls::Error`]; the output then ends with the alert for the peer.
    pub fn receive(&mut self, octets: &[u8]) -> Result<(), Error> {
        let _ready = AtHand::begin();
        self.incoming.extend_from_slice(octets);
        if !self.hear(octets)? {
            return Ok(());
        }
        let advanced = self.advance();
        if advanced.is_err() {
            // Only what is queued is taken: nothing more is read.
            while self.conversation.common().wants_write() {
                if self.step().is_err() {
                    break;
                }
            }
        }
        // rustls knows of one flaw, which is in the alert; we know them all.
        match (advanced, &self.judgement, self.refusal) {
            (Err(Error::InvalidCertificate(_)), Some(judgement), _) => Err(rejection(Arc::clone(judgement))),
            (Err(Error::General(_)), _, Some(refusal)) => Err(refusal.into()),
            (advanced, ..) => advanced,
        }
    }

    /// What is to be sent. After it there is none until more is received.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.yielded.ciphertext)
    }

    /// Whether both ends are done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.conversation.common().is_handshaking()
    }

    /// Whether the peer cannot go on before it has the output. It can once all of it is tickets (RFC 8446 §4.6.1).
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        let version = self.conversation.common().protocol_version();
        !(self.is_over() && self.conversation.is_server() && version == Some(ProtocolVersion::TLSv1_3))
    }

    /// Whether the peer has said that it says no more. If it is not over then, it never will be.
    #[must_use]
    pub fn is_peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// What it leaves, once it is over.
    ///
    /// # Errors
    /// [`rustls::Error::HandshakeNotComplete`] if it is not.
    pub fn finish(self) -> Result<Established, Error> {
        let common = self.conversation.common();
        let version = common.protocol_version().and_then(TlsVersion::negotiated).ok_or(Error::HandshakeNotComplete)?;
        let is_resumed = common.handshake_kind() == Some(HandshakeKind::Resumed);
        let shown = common.peer_certificates().unwrap_or_default();
        let (judgement, client, end_point) = match &self.wanted {
            None => {
                let client = self.guard.as_ref().map(|guard| guard.admit(shown, self.judgement)).transpose()?.flatten();
                (None, client, self.shown.as_ref().and_then(|certificate| certificate.end_point()).map(Arc::clone))
            }
            Some(wanted) => {
                let judgement = match self.judgement {
                    judgement if is_resumed || judgement.is_none() => wanted.0.judge_again(shown, &wanted.1)?,
                    judgement => judgement,
                };
                (judgement, None, shown.first().and_then(|leaf| server_end_point(leaf)))
            }
        };
        let facts = Facts {
            version,
            suite: common.negotiated_cipher_suite().map_or("unknown", |suite| suite_name(suite.suite())),
            group: common.negotiated_key_exchange_group().and_then(|group| group.name().as_str()),
            alpn: common.alpn_protocol().map(<[u8]>::to_vec),
            server_name: self.server_name,
            resumed: is_resumed,
            judgement,
            client,
            binder: Arc::new(Binder::new(end_point, self.exporter)),
            manner: self.manner,
        };
        // What the handshake needed is more than what is left of it.
        let received = self.incoming.as_slice().to_vec();
        let protection = match version {
            TlsVersion::V1_3 => Protection::Traffic(Box::new(self.conversation.into_traffic()?)),
            TlsVersion::V1_2 => Protection::Legacy(Legacy::new(self.conversation)),
        };
        let Yield { plaintext, ciphertext: output } = self.yielded;
        Ok(Established { facts, protection, plaintext, received, output, peer_closed: self.peer_closed })
    }

    /// Hears whether the client's first message is whole, and goes by the configuration for the name in it.
    fn hear(&mut self, octets: &[u8]) -> Result<bool, Error> {
        let Some(hello) = &mut self.hello else { return Ok(true) };
        match hello.hear(octets) {
            Heard::NotYet if self.incoming.len() > MAX_INCOMPLETE => {
                return Err(InvalidMessage::HandshakePayloadTooLarge.into());
            }
            Heard::NotYet => return Ok(false),
            Heard::Whole(None) => {}
            Heard::Whole(Some(settings)) => {
                let config = settings.config_for(&self.incoming);
                self.conversation = Box::new(UnbufferedServerConnection::new(config)?);
                self.guard = Some(settings.guard());
                self.manner = settings.manner();
            }
        }
        self.hello = None;
        Ok(true)
    }

    fn advance(&mut self) -> Result<(), Error> {
        loop {
            match self.step()? {
                Step::Went => {}
                Step::PeerClosed => {
                    self.peer_closed = true;
                    return Ok(());
                }
                // Behind the handshake rustls is shown no more: the keys are ours then.
                Step::Blocked if self.is_over() || !self.admit()? => return Ok(()),
                Step::Blocked => {}
            }
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        self.show(self.admitted)
    }

    /// Shows rustls so many of the octets that have come.
    fn show(&mut self, count: usize) -> Result<Step, Error> {
        let incoming = self.incoming.get_mut(..count).unwrap_or_default();
        // What another connection of this thread left is not ours.
        let _ = (asked_for(), judged(), refused(), shown());
        let (used, step) = self.conversation.step(incoming, &mut self.yielded);
        // Behind each step, or the next connection of this thread would find the name.
        self.server_name = asked_for().or(self.server_name.take());
        self.judgement = judged().or(self.judgement.take());
        self.refusal = refused().or(self.refusal);
        self.shown = shown().or(self.shown.take());
        self.exporter = caught().or(self.exporter.take());
        self.incoming.drain(..used.min(self.incoming.len()));
        self.admitted = self.admitted.saturating_sub(used);
        step
    }

    /// Lets rustls see one record more, and none of those behind it: it would take what is not its own.
    fn admit(&mut self) -> Result<bool, Error> {
        if self.admitted > MAX_INCOMPLETE {
            return Err(InvalidMessage::HandshakePayloadTooLarge.into());
        }
        let next = self.incoming.get(self.admitted..).unwrap_or_default();
        let length = next.first_chunk::<HEADER>().map(|[.., high, low]| usize::from(u16::from_be_bytes([*high, *low])));
        if let Some(length) = length.map(|length| length + HEADER).filter(|length| *length <= next.len()) {
            self.admitted += length;
            return Ok(true);
        }
        // Not whole, but rustls sees from its beginning if it is no record.
        self.show(self.incoming.len()).map(|_| false)
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}
