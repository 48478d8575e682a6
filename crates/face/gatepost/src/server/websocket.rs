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
use gatepost_ws::role::Role;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{Request, Response, StatusCode};

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
    /// It does not ask for one.
    NotAsked,
    /// It asks for a version other than 13.
    Version,
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
    if !is_asked(request) {
        return Err(Rejected::NotAsked);
    }
    let offer = Offer::of_request(request.method(), request.version(), request.headers()).map_err(rejected)?;
    if !may_come(request, acceptance.origins.as_deref()) {
        return Err(Rejected::Origin);
    }
    let protocol = match acceptance.protocols.as_slice() {
        [] => None,
        accepted => offer.choose(accepted).map_err(rejected)?,
    };
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

fn rejected(error: WsError) -> Rejected {
    match error {
        WsError::Version => Rejected::Version,
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
    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotAsked | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Malformed(_) | Self::Subprotocol(_) => StatusCode::BAD_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    /// The response that says so: a line of text, and the fields that tell a client what would be taken.
    #[must_use]
    pub fn respond(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{self}\n")));
        *response.status_mut() = self.status();
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::NotAsked | Self::Version => {
                // RFC 9110 §15.5.22, RFC 6455 §4.4. HTTP/2 leaves the first two out.
                fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
                fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                fields.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::Subprotocol(expected) => {
                let list = HeaderValue::from_str(&expected.join(", "));
                fields.extend(list.ok().map(|list| (SEC_WEBSOCKET_PROTOCOL, list)));
            }
            Self::Malformed(_) | Self::Origin => {}
        }
        response
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("a WebSocket is opened here: ask for an upgrade"),
            Self::Version => f.write_str("the WebSocket version has to be 13"),
            Self::Malformed(rule) => write!(f, "the WebSocket opening is malformed: {rule}"),
            Self::Origin => f.write_str("pages of this origin may not open a WebSocket here"),
            Self::Subprotocol(expected) => write!(f, "no subprotocol in common: {} are taken", expected.join(", ")),
        }
    }
}

impl std::error::Error for Rejected {}
