//! One WebSocket of a session, put together word by word.

use std::sync::Arc;
use std::time::Duration;

use gatepost_model::credential::Credential;
use gatepost_model::url::Url;
use gatepost_net::upgrade::Duplex;
use gatepost_net::websocket::octets::StreamSocket;
use gatepost_net::websocket::settings::{KeepAlive, Settings};
use gatepost_net::websocket::socket::MessageSocket;
use gatepost_ws::deflate::config::Config;
use gatepost_ws::handshake::reserved::is_reserved;
use gatepost_ws::limits::Limits;
use gatepost_ws::role::Role;
use http::Method;
use http::header::{EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, TE};

use crate::client::context::Context;
use crate::client::lane::Over;
use crate::client::outgoing::Outgoing;
use crate::client::payload::Payload;
use crate::client::pipeline::admit;
use crate::client::websocket::opened::Opened;
use crate::client::websocket::road::{self, Asked, as_http};
use crate::error::Error;

/// Fields that HTTP sets, beside those of the handshake.
const RESERVED: [HeaderName; 3] = [EXPECT, HOST, TE];

/// A WebSocket that is being asked for. A mistake in it shows when it is connected.
///
/// ```no_run
/// use gatepost::Session;
/// use gatepost::model::credential::Credential;
///
/// # async fn example(password: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let session = Session::builder().credential(Credential::login("ali", password)).build()?;
/// let opened = session.websocket("wss://example.com/chat").subprotocol("chat.v2").connect().await?;
/// let mut socket = opened.socket;
/// while let Some(message) = socket.receive().await? {
///     socket.send(message).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a WebSocket is not opened until it is connected"]
pub struct WebSocketBuilder {
    context: Arc<Context>,
    asked: Result<Asked, Error>,
    settings: Settings,
    time: Option<Duration>,
}

impl WebSocketBuilder {
    pub(crate) fn new(context: Arc<Context>, url: &str) -> Self {
        let asked = admitted_url(&context, url).map(|url| Asked {
            outgoing: Outgoing {
                method: Method::GET,
                url,
                headers: HeaderMap::new(),
                payload: Payload::Empty,
                credential: None,
                target: None,
            },
            protocols: Vec::new(),
            deflate: None,
            over: Over::Any,
        });
        Self { context, asked, settings: Settings::default(), time: None }
    }

    /// Offers this subprotocol (RFC 6455 §1.9). Called several times, the best comes first. Default: none.
    pub fn subprotocol(self, name: &str) -> Self {
        self.with(|asked| {
            if asked.protocols.iter().any(|known| known == name) {
                return Err(Error::usage(format!("the subprotocol `{name}` is offered twice")));
            }
            asked.protocols.push(name.to_owned());
            Ok(())
        })
    }

    /// Adds a header field to the request. Those of the handshake and of the connection are not the caller's.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|asked| {
            let field: HeaderName =
                name.parse().map_err(|_| Error::usage(format!("`{name}` is not a header field name")))?;
            if is_reserved(&field) || RESERVED.contains(&field) {
                return Err(Error::usage(format!("`{name}` belongs to the handshake and is not yours to set")));
            }
            let value = HeaderValue::from_str(value)
                .map_err(|_| Error::usage(format!("the value of `{name}` holds characters that a field cannot")))?;
            asked.outgoing.headers.append(field, value);
            Ok(())
        })
    }

    /// Says whose page asks, as browsers do (RFC 6455 §10.2). Default: nothing is said.
    pub fn origin(self, origin: &str) -> Self {
        self.with(|asked| {
            let origin = HeaderValue::from_str(origin).map_err(|_| Error::usage("the origin is not text"))?;
            asked.outgoing.headers.insert(ORIGIN, origin);
            Ok(())
        })
    }

    /// Offers to compress messages (RFC 7692). Default: it is not offered.
    pub fn deflate(self, config: Config) -> Self {
        self.with(|asked| {
            asked.deflate = Some(config);
            Ok(())
        })
    }

    /// Takes no message of more octets. Default 16 MiB.
    pub fn max_message_size(mut self, octets: usize) -> Self {
        self.settings.limits.message = octets;
        self
    }

    /// Sets all bounds of what the server may send. Default [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Asks a silent server whether it lives, or shows it that we do. Default: no.
    pub fn keepalive(mut self, keepalive: KeepAlive) -> Self {
        self.settings.keepalive = Some(keepalive);
        self
    }

    /// Sets the socket up: bounds, keep-alive, and how it writes. Replaces what was said of these before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Uses this credential. Without a scope it is bound to the origin of the address.
    pub fn credential(self, credential: Credential) -> Self {
        self.with(|asked| {
            asked.outgoing.credential = Some(credential);
            Ok(())
        })
    }

    /// Opens it over this version of HTTP. Default [`Over::Any`].
    pub fn version(self, over: Over) -> Self {
        self.with(|asked| {
            asked.over = over;
            Ok(())
        })
    }

    /// Gives it this much time until it is open: waiting for other attempts to the same host and port, connecting,
    /// challenges. Default: no bound beside those of the session's limits.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Opens it, for messages.
    ///
    /// # Errors
    /// [`Error`], as for a request. Where the server answers with anything but a WebSocket,
    /// [`Error::refusal`] is that answer.
    pub async fn connect(self) -> Result<Opened<MessageSocket<Duplex>>, Error> {
        let settings = self.settings;
        let Opened { socket, info } = self.connect_duplex().await?;
        let socket = MessageSocket::new(socket, Role::Client, info.deflate.as_ref(), settings);
        Ok(Opened { socket, info })
    }

    /// Opens it, for octets in binary messages.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_stream(self) -> Result<Opened<StreamSocket<Duplex>>, Error> {
        let Opened { socket, info } = self.connect().await?;
        Ok(Opened { socket: StreamSocket::new(socket), info })
    }

    /// Opens it, for whoever reads and writes the frames alone.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_duplex(self) -> Result<Opened<Duplex>, Error> {
        // On the heap: the road is long, and seldom walked.
        let road = Box::pin(road::open(&self.context, self.asked?));
        match self.time {
            None => road.await,
            Some(time) => tokio::time::timeout(time, road)
                .await
                .map_err(|_| Error::environment(format!("no WebSocket within {} s", time.as_secs_f32())))?,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Asked) -> Result<(), Error>) -> Self {
        self.asked = self.asked.and_then(|mut asked| {
            change(&mut asked)?;
            Ok(asked)
        });
        self
    }
}

/// The address, if we may go there at all: judged in the words of the caller.
fn admitted_url(cx: &Context, url: &str) -> Result<Url, Error> {
    let url = Url::parse(url)?;
    admit(cx, &url)?;
    as_http(&url)
}
