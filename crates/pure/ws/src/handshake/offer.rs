//! The opening handshake over HTTP/1.1 (RFC 6455 §4), judged at both ends.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};

use crate::accept::{accept, is_key, key};
use crate::error::WsError;

/// What a client asks for, and what its answer is judged by.
///
/// - A server or gateway reads it from the request with [`of_request`](Self::of_request), and answers
///   with [`answer`](Self::answer).
/// - A client makes one with [`new`](Self::new), sends [`write`](Self::write)'s fields, and judges the
///   answer with [`check_answer`](Self::check_answer). A gateway does so too with its upstream's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The key, which the answer has to prove was understood.
    pub key: String,
    /// The subprotocols on offer, best first.
    pub protocols: Vec<String>,
    /// The extensions on offer, by name and in lower case; their parameters are not kept.
    pub extensions: Vec<String>,
}

/// What both ends agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// The subprotocol, one of those on offer.
    pub protocol: Option<String>,
    /// The extensions by name, some of those on offer.
    pub extensions: Vec<String>,
}

impl Offer {
    /// An offer without extensions; `entropy` is fresh for each handshake.
    #[must_use]
    pub fn new(entropy: [u8; 16], protocols: Vec<String>) -> Self {
        Self { key: key(entropy), protocols, extensions: Vec::new() }
    }

    /// Whether a request asks for a WebSocket at all: then [`of_request`](Self::of_request) decides
    /// whether it does so rightly. Other requests to upgrade are not for us.
    #[must_use]
    pub fn is_asked(headers: &HeaderMap) -> bool {
        lists(headers, &header::UPGRADE, "websocket")
    }

    /// Judges an upgrade request. Look at it before hop-by-hop fields are removed.
    ///
    /// # Errors
    /// [`WsError::Version`] for another version, [`WsError::Request`] for any other rule of RFC 6455
    /// §4.2.1 that is broken, and for a request with a body: its end and the first frame could be
    /// taken for one another.
    pub fn of_request(method: &Method, version: Version, headers: &HeaderMap) -> Result<Self, WsError> {
        if *method != Method::GET {
            return Err(WsError::Request("the method is not GET"));
        }
        if version != Version::HTTP_11 {
            return Err(WsError::Request("the HTTP version is not 1.1"));
        }
        if !lists(headers, &header::UPGRADE, "websocket") {
            return Err(WsError::Request("Upgrade does not list websocket"));
        }
        if !lists(headers, &header::CONNECTION, "upgrade") {
            return Err(WsError::Request("Connection does not list upgrade"));
        }
        if only(headers, &header::SEC_WEBSOCKET_VERSION).ok().flatten() != Some("13") {
            return Err(WsError::Version);
        }
        let key = only(headers, &header::SEC_WEBSOCKET_KEY).map_err(WsError::Request)?;
        let key = key.filter(|key| is_key(key)).ok_or(WsError::Request("the key is not sixteen octets in base64"))?;
        let length = only(headers, &header::CONTENT_LENGTH).map_err(WsError::Request)?;
        if headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0") {
            return Err(WsError::Request("it has a body"));
        }
        let protocols = names(headers, &header::SEC_WEBSOCKET_PROTOCOL).map_err(WsError::Request)?;
        let extensions = names(headers, &header::SEC_WEBSOCKET_EXTENSIONS).map_err(WsError::Request)?;
        if has_duplicate(&protocols) {
            return Err(WsError::Request("a subprotocol is on offer twice"));
        }
        let extensions = extensions.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Self { key: key.to_owned(), protocols, extensions })
    }

    /// Sets the fields of the request: Upgrade, Connection and the `Sec-WebSocket-*` of this offer.
    /// Parameters of extensions are not known here: who offers one appends them after.
    ///
    /// # Errors
    /// [`WsError::Unsendable`] for a subprotocol that is not a token.
    pub fn write(&self, headers: &mut HeaderMap) -> Result<(), WsError> {
        let bad_key = |_| WsError::Unsendable("a key that is not base64");
        let key = HeaderValue::from_str(&self.key).map_err(bad_key)?;
        let protocols = match self.protocols.iter().all(|name| is_token(name)) {
            true => HeaderValue::from_str(&self.protocols.join(", ")).ok(),
            false => None,
        };
        let protocols = protocols.ok_or(WsError::Unsendable("a subprotocol that is not a token"))?;
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_KEY, key);
        if !protocols.is_empty() {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocols);
        }
        Ok(())
    }

    /// The fields of the 101 that accepts this offer, with one of its subprotocols or none.
    ///
    /// # Errors
    /// [`WsError::Unsendable`] for a subprotocol that was not on offer.
    pub fn answer(&self, protocol: Option<&str>) -> Result<HeaderMap, WsError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        let proof = HeaderValue::from_str(&accept(&self.key));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, proof.map_err(|_| WsError::Unsendable("a proof"))?);
        if let Some(protocol) = protocol {
            let offered = self.protocols.iter().any(|name| name == protocol);
            let value = HeaderValue::from_str(protocol).ok().filter(|_| offered);
            let value = value.ok_or(WsError::Unsendable("a subprotocol that was not on offer"))?;
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value);
        }
        Ok(headers)
    }

    /// Judges the answer (RFC 6455 §4.1). Only after `Ok` is the connection a WebSocket; before,
    /// nothing that either end sends may pass.
    ///
    /// # Errors
    /// [`WsError::Answer`] for a status other than 101, a missing or wrong proof, and any subprotocol
    /// or extension that was not on offer.
    pub fn check_answer(&self, status: StatusCode, headers: &HeaderMap) -> Result<Agreement, WsError> {
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(WsError::Answer("the status is not 101"));
        }
        if !only(headers, &header::UPGRADE).map_err(WsError::Answer)?.is_some_and(|value| is_same(value, "websocket")) {
            return Err(WsError::Answer("Upgrade is not websocket"));
        }
        if !lists(headers, &header::CONNECTION, "upgrade") {
            return Err(WsError::Answer("Connection does not list upgrade"));
        }
        let proof = only(headers, &header::SEC_WEBSOCKET_ACCEPT).map_err(WsError::Answer)?;
        if proof != Some(accept(&self.key).as_str()) {
            return Err(WsError::Answer("the proof does not fit the key"));
        }
        let protocol = only(headers, &header::SEC_WEBSOCKET_PROTOCOL).map_err(WsError::Answer)?.map(str::to_owned);
        if protocol.as_ref().is_some_and(|protocol| !self.protocols.contains(protocol)) {
            return Err(WsError::Answer("a subprotocol that was not on offer"));
        }
        let extensions = names(headers, &header::SEC_WEBSOCKET_EXTENSIONS).map_err(WsError::Answer)?;
        let extensions: Vec<String> = extensions.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        if has_duplicate(&extensions) || !extensions.iter().all(|name| self.extensions.contains(name)) {
            return Err(WsError::Answer("an extension that was not on offer"));
        }
        Ok(Agreement { protocol, extensions })
    }
}

/// Whether a comma-separated field lists this member, whatever its case.
fn lists(headers: &HeaderMap, name: &HeaderName, member: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|listed| is_same(listed.trim_matches([' ', '\t']), member))
}

fn is_same(written: &str, meant: &str) -> bool {
    written.eq_ignore_ascii_case(meant)
}

/// The one value of a field that may stand once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, &'static str> {
    let mut lines = headers.get_all(name).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err("a field that may stand once is given twice");
    }
    value.to_str().map(Some).map_err(|_| "a field value is not text")
}

/// The names of a list whose members may have parameters, which may be quoted (RFC 6455 §9.1).
fn names(headers: &HeaderMap, field: &HeaderName) -> Result<Vec<String>, &'static str> {
    let mut names = Vec::new();
    for value in headers.get_all(field) {
        let text = value.to_str().map_err(|_| "a field value is not text")?;
        for member in members(text)? {
            let name = member.split(';').next().unwrap_or_default().trim_matches([' ', '\t']);
            if !is_token(name) {
                return Err("a name in a list is not a token");
            }
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Splits at commas outside quotation marks.
fn members(text: &str) -> Result<Vec<&str>, &'static str> {
    let (mut quoted, mut escaped) = (false, false);
    let members = text.split(|c: char| {
        let after_escape = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !after_escape => escaped = true,
            '"' if !after_escape => quoted = !quoted,
            ',' => return !quoted,
            _ => {}
        }
        false
    });
    let members = members.collect();
    if quoted { Err("a quoted string does not end") } else { Ok(members) }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn has_duplicate(names: &[String]) -> bool {
    names.iter().enumerate().any(|(at, name)| names.iter().skip(at.saturating_add(1)).any(|later| later == name))
}
