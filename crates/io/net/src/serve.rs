//! The accept loop: from a listener to requests in a handler's hands.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_model::limits::Limits;
use gatepost_tls::server::ServerTls;
use gatepost_tls::version::TlsVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::drain::Drain;
use crate::error::{NetError, Wait};
use crate::explain;
use crate::handler::{Handler, Peer};
use crate::http1::drive::serve_http1;
use crate::http2::drive::serve_http2;
use crate::listen::Listener;
use crate::paced::Paced;

/// The content type of a TLS handshake record (RFC 8446 §5.1): the first octet of every ClientHello.
const HANDSHAKE_RECORD: u8 = 22;

/// What someone who speaks plain HTTP to a TLS port reads.
const WRONG_DOOR: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
Content-Length: 51\r\nConnection: close\r\n\r\nThis is a TLS port: use https:// instead of http://";

/// What became of a listener's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServeSummary {
    /// Connections accepted.
    pub accepted: u64,
    /// Of these, the ones that ended with an error, such as a refused handshake.
    pub failed: u64,
    /// Connections that were still open after the drain's grace time, and were cut.
    pub cut: u64,
}

/// Serves a listener until the drain has started and its connections are gone, or the grace time is over.
///
/// With `tls` every connection is TLS and its ALPN chooses HTTP/2 or HTTP/1.1; without, all is HTTP/1.1
/// in the clear. At most [`Limits::connections`] are open at once; tunnels count. More wait in the backlog.
///
/// ```
/// use std::sync::Arc;
///
/// use gatepost_model::limits::Limits;
/// use gatepost_model::url::Origin;
/// use gatepost_net::body::Body;
/// use gatepost_net::dial::{ClientTls, Dialer};
/// use gatepost_net::drain::Drain;
/// use gatepost_net::error::NetError;
/// use gatepost_net::handler::Peer;
/// use gatepost_net::listen::Listener;
/// use gatepost_net::serve::serve;
/// use http::{Request, Response};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), NetError> {
/// let (limits, drain) = (Arc::new(Limits::default()), Drain::default());
/// let listener = Listener::bind(([127, 0, 0, 1], 0).into(), 128)?;
/// let origin = Origin::new(false, "127.0.0.1", listener.local_addr().port());
/// let hello = |_: Request<Body>, _: Arc<Peer>| async { Response::new(Body::from("hello")) };
/// let serving = tokio::spawn(serve(listener, None, Arc::new(hello), limits.clone(), drain.clone()));
///
/// let mut connection = Dialer::new(ClientTls::default(), limits)?.connect(&origin).await?;
/// let mut request = Request::new(Body::empty());
/// *request.uri_mut() = format!("{origin}/").parse().unwrap();
/// let answer = connection.send(request).await?;
/// assert_eq!(answer.into_body().collect(1024).await?, "hello");
///
/// drain.start();
/// assert_eq!(serving.await.unwrap().accepted, 1);
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: Listener,
    tls: Option<Arc<ServerTls>>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
) -> ServeSummary {
    let all = u32::try_from(limits.connections.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
    let places = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(usize::MAX)));
    let shared = Arc::new(Shared { tls, handler, limits, drain: drain.clone() });
    let mut summary = ServeSummary::default();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.started() => break,
            Some(ended) = connections.join_next() => {
                summary.failed += u64::from(!matches!(ended, Ok(true)));
                continue;
            }
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, address, place)) = accepted else { break };
        summary.accepted += 1;
        connections.spawn(Arc::clone(&shared).run(stream, address, place));
    }
    drop(listener);
    let gone = async {
        while let Some(ended) = connections.join_next().await {
            summary.failed += u64::from(!matches!(ended, Ok(true)));
        }
        // Tunnels have left their tasks, but keep their places.
        let _ = places.acquire_many(all).await;
    };
    if tokio::time::timeout(drain.grace(), gone).await.is_err() {
        summary.cut = u64::try_from(connections.len()).unwrap_or(u64::MAX);
        connections.shutdown().await;
    }
    summary
}

/// Waits for a place first: a connection that cannot be served stays in the backlog.
async fn accept(listener: &Listener, places: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, address) = listener.accept().await;
    Some((stream, address, place))
}

/// What all connections of a listener share.
struct Shared {
    tls: Option<Arc<ServerTls>>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
}

impl Shared {
    /// Serves one connection; whether it ended in good order.
    async fn run(self: Arc<Self>, stream: TcpStream, address: SocketAddr, place: OwnedSemaphorePermit) -> bool {
        match self.connection(stream, address, place).await {
            Ok(()) => true,
            Err(error) => {
                self.handler.failed(address, &error);
                false
            }
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        place: OwnedSemaphorePermit,
    ) -> Result<(), NetError> {
        let broken = |error: std::io::Error| explain::io(&error, "the request");
        stream.set_nodelay(true).map_err(broken)?;
        let local = stream.local_addr().map_err(broken)?;
        let mut peer = Peer { address, local, tls: None, sni: None, protocol: "http/1.1" };
        let (handler, limits, drain) = (Arc::clone(&self.handler), Arc::clone(&self.limits), self.drain.clone());
        let Some(tls) = &self.tls else {
            let stream = Paced::new(stream, limits.idle_time, place);
            return serve_http1(stream, Arc::new(peer), handler, limits, drain).await;
        };
        let handshake = async {
            let stream = refuse_plain_http(stream, address).await?;
            let stream = Paced::new(stream, limits.idle_time, place);
            let accepting = TlsAcceptor::from(tls.config_for(local)).accept(stream);
            accepting.await.map_err(|error| explain::handshake(&error, address.to_string()))
        };
        let limit = limits.handshake_time;
        let handshake = tokio::time::timeout(limit, handshake).await;
        let stream = handshake.map_err(|_| explain::timeout(Wait::Handshake, limit))??;
        let session = stream.get_ref().1;
        peer.tls = session.protocol_version().and_then(TlsVersion::negotiated).map(TlsVersion::name);
        peer.sni = session.server_name().map(str::to_owned);
        if session.alpn_protocol() == Some(b"h2") {
            peer.protocol = "h2";
            return serve_http2(stream, Arc::new(peer), handler, limits, drain).await;
        }
        serve_http1(stream, Arc::new(peer), handler, limits, drain).await
    }
}

/// Tells a client that speaks plain HTTP on a TLS port where it is.
async fn refuse_plain_http(mut stream: TcpStream, address: SocketAddr) -> Result<TcpStream, NetError> {
    let broken = |error: std::io::Error| explain::io(&error, "the TLS handshake");
    let mut first = [0_u8; 1];
    let seen = stream.peek(&mut first).await.map_err(broken)?;
    if seen == 0 || first == [HANDSHAKE_RECORD] {
        return Ok(stream);
    }
    if first.iter().all(u8::is_ascii_uppercase) {
        // What was sent is read, or closing would reset the connection and lose the answer.
        let mut request = [0_u8; 4096];
        let _ = stream.read(&mut request).await;
        stream.write_all(WRONG_DOOR).await.map_err(broken)?;
        stream.shutdown().await.map_err(broken)?;
    }
    let reason = gatepost_tls::error::TlsError::Handshake { detail: "the client does not speak TLS".to_owned() };
    Err(NetError::Tls { peer: address.to_string(), reason })
}
