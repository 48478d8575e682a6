//! What a client asks for and what its answer is judged by, over either version of HTTP.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};

use crate::accept::key;
use crate::error::WsError;
use crate::handshake::extension::{self, Extension};
use crate::handshake::fields::{VERSION, has_duplicate, lists, only, tokens};
use crate::handshake::{h1, h2, subprotocol};

/// What a client asks for, and what its answer is judged by.
///
/// - A server or gateway reads it from the request with [`of_request`](Self::of_request), and answers with
///   [`status`](Self::status) and [`answer`](Self::answer).
/// - A client makes one with [`new`](Self::new) for HTTP/1.1 or [`extended`](Self::extended) for HTTP/2, sends
///   [`write`](Self::write)'s fields, and judges the answer with [`check_answer`](Self::check_answer). A gateway does so
///   too with its upstream's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The key, which the answer has to prove was understood. `None` over HTTP/2, which has none.
    pub key: Option<String>,
    /// The subprotocols on offer, best first.
    pub protocols: Vec<String>,
    /// The extensions on offer, best first; the same may stand there more than once, with other parameters.
    pub extensions: Vec<Extension>,
}

/// What both ends agreed to. `Default`: neither subprotocol nor extension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// The subprotocol, one of those on offer.
    pub protocol: Option<String>,
    /// The extensions, some of those on offer, with the parameters that hold.
    pub extensions: Vec<Extension>,
}

impl Offer {
    /// An offer to upgrade an HTTP/1.1 connection, without extensions; `entropy` is fresh for each handshake.
    #[must_use]
    pub fn new(entropy: [u8; 16], protocols: Vec<String>) -> Self {
        Self { key: Some(key(entropy)), protocols, extensions: Vec::new() }
    }

    /// An offer for an extended CONNECT over HTTP/2 (RFC 8441), without extensions.
    #[must_use]
    pub fn extended(protocols: Vec<String>) -> Self {
        Self { key: None, protocols, extensions: Vec::new() }
    }

    /// Whether an HTTP/1.1 request asks for a WebSocket at all: then [`of_request`](Self::of_request) decides whether it
    /// does so rightly. Other requests to upgrade are not for us.
    #[must_use]
    pub fn is_asked(headers: &HeaderMap) -> bool {
        lists(headers, &header::UPGRADE, "websocket")
    }

    /// Judges a request: one to upgrade in HTTP/1.1 (look at it before hop-by-hop fields are removed), or an extended
    /// CONNECT in HTTP/2 whose `:protocol` is `websocket` (the caller has seen to that: it is no field).
    ///
    /// # Errors
    /// [`WsError::Version`] for another version, [`WsError::Request`] for any other rule of RFC 6455 §4.2.1 or RFC 8441 §5
    /// that is broken, and for a request with a body: its end and the first frame could be taken for one another.
    /// [`refusal`](crate::handshake::refusal::refusal) makes an answer of it.
    pub fn of_request(method: &Method, version: Version, headers: &HeaderMap) -> Result<Self, WsError> {
        let key = match version {
            Version::HTTP_11 => Some(h1::request(method, headers)?),
            Version::HTTP_2 => {
                h2::request(method, headers)?;
                None
            }
            _ => return Err(WsError::Request("the HTTP version is neither 1.1 nor 2")),
        };
        let length = only(headers, &header::CONTENT_LENGTH).map_err(WsError::Request)?;
        if headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0") {
            return Err(WsError::Request("it has a body"));
        }
        let protocols = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).map_err(WsError::Request)?;
        if has_duplicate(protocols.iter()) {
            return Err(WsError::Request("a subprotocol is on offer twice"));
        }
        let extensions = extension::read(headers).map_err(WsError::Request)?;
        Ok(Self { key, protocols, extensions })
    }

    /// Sets the fields of the request: the `Sec-WebSocket-*` of this offer, and Upgrade and Connection over HTTP/1.1.
    /// [`reserved::check`](crate::handshake::reserved::check) says whether others may be set beside them.
    ///
    /// # Errors
    /// [`WsError::Unsendable`] for a subprotocol or an extension that is not made of tokens, or a subprotocol that stands
    /// there twice.
    pub fn write(&self, headers: &mut HeaderMap) -> Result<(), WsError> {
        if has_duplicate(self.protocols.iter()) {
            return Err(WsError::Unsendable("a subprotocol that is on offer twice"));
        }
        let (protocols, extensions) = (subprotocol::write(&self.protocols)?, extension::write(&self.extensions)?);
        if let Some(key) = &self.key {
            h1::write(key, headers)?;
        }
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
        put(headers, protocols, extensions);
        Ok(())
    }

    /// Server: the first of the accepted subprotocols that is on offer: [`subprotocol::choose`].
    ///
    /// # Errors
    /// [`WsError::SubprotocolRefused`] with what is accepted.
    pub fn choose(&self, accepted: &[String]) -> Result<Option<String>, WsError> {
        subprotocol::choose(&self.protocols, accepted)
    }

    /// The status of the answer that accepts: 101, or 200 over HTTP/2.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        if self.key.is_some() { StatusCode::SWITCHING_PROTOCOLS } else { StatusCode::OK }
    }

    /// The fields of the answer that accepts this offer, to this extent.
    ///
    /// # Errors
    /// [`WsError::Unsendable`] for a subprotocol or an extension that was not on offer.
    pub fn answer(&self, agreement: &Agreement) -> Result<HeaderMap, WsError> {
        self.covers(agreement).map_err(WsError::Unsendable)?;
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key {
            h1::answer(key, &mut headers)?;
        }
        put(&mut headers, subprotocol::write(agreement.protocol.as_slice())?, extension::write(&agreement.extensions)?);
        Ok(headers)
    }

    /// Judges the answer (RFC 6455 §4.1, RFC 8441 §5). Only after `Ok` is the connection a WebSocket; before, nothing that
    /// either end sends may pass. Challenges (401, 407) and redirects are the caller's to look at first.
    ///
    /// The parameters of an extension are judged by who knows it, as
    /// [`agreed::check`](crate::deflate::agreed::check) does.
    ///
    /// # Errors
    /// [`WsError::SubprotocolRefused`] and [`WsError::Version`] if the server says no for this reason;
    /// [`WsError::Answer`] for another status that does not accept, a missing or wrong proof, and any subprotocol or
    /// extension that was not on offer.
    pub fn check_answer(&self, status: StatusCode, headers: &HeaderMap) -> Result<Agreement, WsError> {
        if let Some(refused) = self.refused(status, headers) {
            return Err(refused);
        }
        match &self.key {
            Some(key) => h1::check(key, status, headers)?,
            None => h2::check(status)?,
        }
        let protocol = only(headers, &header::SEC_WEBSOCKET_PROTOCOL).map_err(WsError::Answer)?.map(str::to_owned);
        let extensions = extension::read(headers).map_err(WsError::Answer)?;
        let agreement = Agreement { protocol, extensions };
        self.covers(&agreement).map_err(WsError::Answer)?;
        Ok(agreement)
    }

    /// Whether it was on offer.
    fn covers(&self, agreement: &Agreement) -> Result<(), &'static str> {
        if agreement.protocol.as_ref().is_some_and(|protocol| !self.protocols.contains(protocol)) {
            return Err("a subprotocol that was not on offer");
        }
        let names = agreement.extensions.iter().map(|extension| &extension.name);
        let is_offered = |name: &String| self.extensions.iter().any(|offered| offered.name == *name);
        if has_duplicate(names.clone()) || !names.clone().all(is_offered) {
            return Err("an extension that was not on offer");
        }
        Ok(())
    }

    /// Whether the answer says no and what it would have said yes to.
    fn refused(&self, status: StatusCode, headers: &HeaderMap) -> Option<WsError> {
        // RFC 6455 §4.4: a server that does not speak our version lists its own.
        let versions = headers.contains_key(header::SEC_WEBSOCKET_VERSION);
        if status.is_client_error() && versions && !lists(headers, &header::SEC_WEBSOCKET_VERSION, VERSION) {
            return Some(WsError::Version);
        }
        subprotocol::refused(status, headers, &self.protocols)
    }
}

fn put(headers: &mut HeaderMap, protocols: Option<HeaderValue>, extensions: Option<HeaderValue>) {
    let fields = [(header::SEC_WEBSOCKET_PROTOCOL, protocols), (header::SEC_WEBSOCKET_EXTENSIONS, extensions)];
    for (name, value) in fields {
        match value {
            Some(value) => drop(headers.insert(name, value)),
            // What an earlier offer put there is no longer on offer.
            None => drop(headers.remove(name)),
        }
    }
}
