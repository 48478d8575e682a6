//! A WebSocket at a server: judged, answered, and then a socket. Over HTTP/1.1 and HTTP/2 alike.

use std::fmt;

use gatepost_net::body::Body;
use gatepost_net::error::NetError;
use gatepost_net::upgrade::{self, Duplex, Upgrade};
use gatepost_net::websocket::octets::StreamSocket;
use gatepost_net::websocket::settings::Settings;
use gatepost_net::websocket::socket::MessageSocket;
use gatepost_ws::deflate::agreed::{Agreed, agree};
use gatepost_ws::deflate::config::Config;
use gatepost_ws::error::WsError;
use gatepost_ws::handshake::offer::{Agreement, Offer};
use gatepost_ws::handshake::refusal::refusal;
use gatepost_ws::role::Role;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN};
use http::{Request, Response, StatusCode, Version};

/// What a server takes. `Default`: any origin, no subprotocol, no compression, the settings of [`Settings`].
#[derive(Debug, Clone, Default)]
pub struct Acceptance {
    /// The subprotocols, best first. With none, a client's are not heard, and the answer names none. With some, a
    /// client that offers others only is refused with 400 and this list; one that offers none at all comes in.
    pub protocols: Vec<String>,
    /// How messages are compressed where the client offers it (RFC 7692); `None` for not at all.
    pub deflate: Option<Config>,
    /// The origins whose pages may open it (RFC 6455 §10.2), as browsers write them: `https://example.com`, without
    /// a slash, compared exactly; others are refused with 403. `None`: all. Who sends no Origin is no browser, and comes
    /// in: it could write any.
    pub origins: Option<Vec<String>>,
    /// Bounds, keep-alive, and how it writes.
    pub settings: Settings,
}

/// Why a request opens no WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// It does not ask for one, over this version of HTTP.
    NotAsked(Version),
    /// It asks for a version other than 13, over this version of HTTP.
    Version(Version),
    /// It breaks a rule of RFC 6455 §4.2.1 or RFC 8441 §5: the text says which.
    Malformed(&'static str),
    /// It comes from a page of another origin.
    Origin,
    /// None of the subprotocols that it offers is taken; these are.
    Subprotocol(Vec<String>),
}

/// A WebSocket that is granted when the answer has gone out. Await it in a task of its own: it is open only after
/// the response was returned.
#[derive(Debug)]
pub struct Accepting {
    upgrade: Upgrade,
    protocol: Option<String>,
    deflate: Option<Agreed>,
    settings: Settings,
}

/// Judges a request, and grants the WebSocket that it asks for: 101 over HTTP/1.1, 200 over HTTP/2 (RFC 8441 §5).
///
/// ```
/// use gatepost::net::body::Body;
/// use gatepost::server::websocket::{Acceptance, accept};
/// use http::{Request, Response};
///
/// fn answer(mut request: Request<Body>) -> Response<Body> {
///     let acceptance = Acceptance { protocols: vec!["chat".into()], ..Acceptance::default() };
///     let (response, accepting) = match accept(&mut request, &acceptance) {
///         Ok(granted) => granted,
///         Err(rejected) => return rejected.respond(),
///     };
///     tokio::spawn(async move {
///         let mut socket = accepting.socket().await?;
///         while let Some(message) = socket.receive().await? {
///             socket.send(message).await?;
///         }
///         Ok::<(), gatepost::net::error::NetError>(())
///     });
///     response
/// }
/// # let refused = answer(Request::new(Body::empty()));
/// # assert_eq!(refused.status(), 426);
/// ```
///
/// # Errors
/// [`Rejected`], which makes the response that says so.
pub fn accept(request: &mut Request<Body>, acceptance: &Acceptance) -> Result<(Response<Body>, Accepting), Rejected> {
    let version = request.version();
    let rejected = |error| rejected(error, version);
    if !is_asked(request) {
        return Err(Rejected::NotAsked(version));
    }
    let offer = Offer::of_request(request.method(), version, request.headers()).map_err(rejected)?;
    if !may_come(request, acceptance.origins.as_deref()) {
        return Err(Rejected::Origin);
    }
    let protocol = offer.choose(&acceptance.protocols).map_err(rejected)?;
    let agreed = acceptance.deflate.as_ref().and_then(|config| agree(config, &offer.extensions));
    let (deflate, extensions) = agreed.map_or((None, Vec::new()), |(agreed, member)| (Some(agreed), vec![member]));
    let agreement = Agreement { protocol, extensions };
    let headers = offer.answer(&agreement).map_err(rejected)?;
    // It is missing where the request has a body, or comes in HTTP/1.0.
    let upgrade = upgrade::take_request(request).ok_or(Rejected::Malformed("this connection cannot be upgraded"))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = offer.status();
    *response.headers_mut() = headers;
    let settings = acceptance.settings;
    Ok((response, Accepting { upgrade, protocol: agreement.protocol, deflate, settings }))
}

/// Whether a request asks for a WebSocket, rightly or not.
#[must_use]
pub fn is_asked(request: &Request<Body>) -> bool {
    upgrade::extended(request.extensions()).is_some() || Offer::is_asked(request.headers())
}

/// RFC 6455 §10.2.
fn may_come(request: &Request<Body>, origins: Option<&[String]>) -> bool {
    let Some(allowed) = origins else { return true };
    let is_allowed = |origin: &HeaderValue| allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
    request.headers().get_all(ORIGIN).iter().all(is_allowed)
}

fn rejected(error: WsError, version: Version) -> Rejected {
    match error {
        WsError::Version => Rejected::Version(version),
        WsError::SubprotocolRefused { expected } => Rejected::Subprotocol(expected),
        WsError::Request(rule) => Rejected::Malformed(rule),
        _ => Rejected::Malformed("the opening handshake"),
    }
}

impl Accepting {
    /// The subprotocol that was chosen.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// How messages are compressed, if they are.
    #[must_use]
    pub fn deflate(&self) -> Option<&Agreed> {
        self.deflate.as_ref()
    }

    /// The WebSocket, for messages.
    ///
    /// # Errors
    /// [`NetError::Upgrade`] if another answer was given.
    pub async fn socket(self) -> Result<MessageSocket<Duplex>, NetError> {
        let stream = self.upgrade.await?;
        Ok(MessageSocket::new(stream, Role::Server, self.deflate.as_ref(), self.settings))
    }

    /// The WebSocket, for octets in binary messages.
    ///
    /// # Errors
    /// As [`socket`](Self::socket).
    pub async fn stream(self) -> Result<StreamSocket<Duplex>, NetError> {
        self.socket().await.map(StreamSocket::new)
    }

    /// The octets beneath, for whoever reads and writes the frames alone.
    ///
    /// # Errors
    /// As [`socket`](Self::socket).
    pub async fn duplex(self) -> Result<Duplex, NetError> {
        self.upgrade.await
    }
}

impl Rejected {
    /// Its status: 403 for a page of another origin; where only the version is wrong or nothing was asked for, 426 over
    /// HTTP/1.1, which needs an `Upgrade` that HTTP/2 does not know; else 400.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.refusal().0
    }

    /// The response that says so: a line of text, and the fields that tell a client what would be taken.
    #[must_use]
    pub fn respond(&self) -> Response<Body> {
        let (status, told) = self.refusal();
        let mut response = Response::new(Body::from(format!("{self}\n")));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.extend(told);
        response
    }

    fn refusal(&self) -> (StatusCode, HeaderMap) {
        // Of all refusals only that of a version depends on the version of HTTP.
        let any = Version::HTTP_11;
        match self {
            Self::NotAsked(version) | Self::Version(version) => refusal(&WsError::Version, *version),
            Self::Subprotocol(expected) => refusal(&WsError::SubprotocolRefused { expected: expected.clone() }, any),
            Self::Malformed(rule) => refusal(&WsError::Request(rule), any),
            Self::Origin => (StatusCode::FORBIDDEN, HeaderMap::new()),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked(_) => f.write_str("a WebSocket is opened here: ask for an upgrade"),
            Self::Version(_) => f.write_str("the WebSocket version has to be 13"),
            Self::Malformed(rule) => write!(f, "the WebSocket opening is malformed: {rule}"),
            Self::Origin => f.write_str("pages of this origin may not open a WebSocket here"),
            Self::Subprotocol(expected) => write!(f, "no subprotocol in common: {} are taken", expected.join(", ")),
        }
    }
}

impl std::error::Error for Rejected {}

#[cfg(test)]
mod tests {
    use gatepost_net::upgrade::Extended;

    use super::*;

    const HTTP_1: &str = "Host: a.example\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n";

    fn request(version: Version, fields: &str) -> Request<Body> {
        let mut request = Request::builder().version(version);
        for (name, value) in fields.lines().filter_map(|line| line.split_once(": ")) {
            request = request.header(name, value);
        }
        request.body(Body::empty()).unwrap()
    }

    fn extended(fields: &str) -> Request<Body> {
        let mut request = request(Version::HTTP_2, fields);
        upgrade::extend(&mut request, Extended::WebSocket);
        request
    }

    #[test]
    fn a_refusal_says_what_would_be_taken_in_the_words_of_its_version() {
        let (http_1, http_2) = (Version::HTTP_11, Version::HTTP_2);
        let (old, new) = ("Sec-WebSocket-Version: 8\n", "Sec-WebSocket-Version: 13\nSec-WebSocket-Protocol: soap\n");
        let upgrade = vec![("connection", "Upgrade"), ("sec-websocket-version", "13"), ("upgrade", "websocket")];
        let version = vec![("sec-websocket-version", "13")];
        let chat = vec![("sec-websocket-protocol", "chat")];
        let table = [
            (request(http_1, ""), 426, upgrade.clone()),
            (request(http_2, ""), 400, version.clone()),
            (request(http_1, &[HTTP_1, old].concat()), 426, upgrade),
            (extended(old), 400, version),
            (request(http_1, &[HTTP_1, new].concat()), 400, chat.clone()),
            (extended(new), 400, chat),
            (request(http_1, &[&HTTP_1.replace("dG", "d"), new].concat()), 400, vec![]),
        ];
        let acceptance = Acceptance { protocols: vec!["chat".into()], ..Acceptance::default() };
        for (mut request, status, fields) in table {
            let rejected = accept(&mut request, &acceptance).unwrap_err();
            let response = rejected.respond();
            let told = response.headers().iter().filter(|(name, _)| ![CACHE_CONTROL, CONTENT_TYPE].contains(name));
            let mut told: Vec<_> = told.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            told.sort_unstable();
            assert_eq!((response.status().as_u16(), rejected.status().as_u16(), told), (status, status, fields));
        }
    }
}
