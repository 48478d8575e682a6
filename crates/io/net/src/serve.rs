//! The accept loop: from a listener to requests in a handler's hands.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_http::proxy_header::header::Announced;
use gatepost_model::bound::Bound;
use gatepost_model::limits::Limits;
use gatepost_model::shaken::Shaken;
use gatepost_tls::certificate::Certificate;
use gatepost_tls::challenge;
use gatepost_tls::handshake::Facts;
use gatepost_tls::server::ServerTls;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::admission::Admission;
use crate::announced::{Announcers, hear_out};
use crate::cut::Cut;
use crate::door::{Door, Guest, Place};
use crate::drain::{Drain, Sleepers};
use crate::error::{NetError, Wait};
use crate::explain;
use crate::handler::{Handler, Peer};
use crate::handshakes::Handshakes;
use crate::http1::drive::{House, serve_http1};
use crate::http2::drive::serve_http2;
use crate::listen::Listener;
use crate::paced::Paced;
use crate::reports::Reports;
use crate::secured::handshake::{accept_after, hear};

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
/// The bounds of the process hold for this listener alone: see [`serve_admitted`].
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
    let admission = Admission::new(&limits);
    serve_admitted(listener, tls, handler, limits, drain, admission).await
}

/// As [`serve`], but counts together with all that are given the same admission. Of `limits`, it heeds those of
/// the process that are not shared: the handshakes.
pub async fn serve_admitted(
    listener: Listener,
    tls: Option<Arc<ServerTls>>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
    admission: Arc<Admission>,
) -> ServeSummary {
    let told = Arc::clone(&handler);
    let reports = Reports::new(Box::new(move |reached| told.bounded(reached)));
    let rate = if tls.is_some() { limits.handshakes_per_second } else { 0 };
    let memory = Arc::clone(admission.memory());
    let mut door = Door::new(admission, reports.clone(), rate);
    let handshakes = Handshakes::new(limits.handshakes);
    let sleepers = Sleepers::default();
    let (drain_too, sleepers_too) = (drain.clone(), sleepers.clone());
    let house = House { handler, limits, drain: drain_too, sleepers: sleepers_too, memory, reports };
    let (listening, announcers) = (listener.local_addr(), listener.announcers().cloned());
    let shared = Arc::new(Shared { tls, listening, announcers, house: Arc::new(house), handshakes });
    let mut summary = ServeSummary::default();
    let mut connections = JoinSet::new();
    loop {
        let Guest { stream, address, place } = tokio::select! {
            biased;
            () = drain.started() => break,
            Some(ended) = connections.join_next() => {
                summary.failed += u64::from(!matches!(ended, Ok(true)));
                continue;
            }
            guest = door.next(&listener) => guest,
        };
        summary.accepted += 1;
        connections.spawn(Arc::clone(&shared).run(stream, address, place));
    }
    drop(listener);
    sleepers.wake();
    let gone = async {
        while let Some(ended) = connections.join_next().await {
            summary.failed += u64::from(!matches!(ended, Ok(true)));
        }
        // Tunnels have left their tasks, but keep their places.
        door.emptied().await;
    };
    if tokio::time::timeout(drain.grace(), gone).await.is_err() {
        summary.cut = u64::try_from(connections.len()).unwrap_or(u64::MAX);
        connections.shutdown().await;
    }
    summary
}

/// What all connections of a listener share.
struct Shared {
    tls: Option<Arc<ServerTls>>,
    listening: SocketAddr,
    announcers: Option<Announcers>,
    house: Arc<House>,
    handshakes: Handshakes,
}

impl Shared {
    /// Serves one connection; whether it ended in good order.
    async fn run(self: Arc<Self>, mut stream: TcpStream, mut address: SocketAddr, mut place: Place) -> bool {
        let mut announced = None;
        if let Some(announcers) = &self.announcers {
            // On the heap, so that a connection that lives on does not keep the place of what came before it.
            match Box::pin(hear_out(announcers, &mut stream, address, self.house.limits.handshake_time)).await {
                Ok(said) => {
                    address = said.route.map_or(address, |route| route.source);
                    announced = Some(Arc::new(said));
                }
                Err(error) => {
                    self.house.handler.failed(address, &error);
                    return false;
                }
            }
            if !place.belongs_to(address.ip()) {
                stream.reset_when_dropped();
                return false;
            }
        }
        match self.connection(stream, address, announced, place).await {
            Ok(()) => true,
            Err(error) => {
                self.house.handler.failed(address, &error);
                false
            }
        }
    }

    /// Each protocol is in a box of its own: the connection lives in that, and has no room for the others.
    async fn connection(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        announced: Option<Arc<Announced>>,
        place: Place,
    ) -> Result<(), NetError> {
        let broken = |error: std::io::Error| explain::io(&error, "the request");
        // Elsewhere than on Linux it does not come with the listener.
        #[cfg(not(target_os = "linux"))]
        stream.set_nodelay(true).map_err(broken)?;
        let local = match self.listening {
            everywhere if everywhere.ip().is_unspecified() => stream.local_addr().map_err(broken)?,
            here => here,
        };
        let mut peer = Peer { announced, ..Peer::new(address, local) };
        let (house, limits) = (Arc::clone(&self.house), &self.house.limits);
        let Some(tls) = &self.tls else {
            let stream = Paced::new(stream, Arc::clone(limits), place);
            return Box::pin(serve_http1(stream, Arc::new(peer), house)).await;
        };
        let handshake = async {
            let mut stream = stream;
            let first = hear(&mut stream).await.map_err(|error| explain::io(&error, "the TLS handshake"))?;
            if first.first().is_some_and(|octet| *octet != HANDSHAKE_RECORD) {
                return Err(refuse_other(stream, &first, address).await);
            }
            let stream = Paced::new(stream, Arc::clone(limits), place);
            let accepted = accept_after(&tls.settings_for(local), &first, stream).await;
            accepted.map_err(|error| explain::handshake(&error, address.to_string()))
        };
        let limit = limits.handshake_time;
        let crowded = || self.house.reports.note(Bound::Handshakes, Some(address.ip()));
        let handshake = self.handshakes.run(tokio::time::timeout(limit, handshake), crowded);
        // On the heap, so that a connection that lives on does not keep the place of its handshake.
        let handshake = Box::pin(handshake).await.map_err(|_| NetError::Crowded)?;
        let (mut stream, facts) = handshake.map_err(|_| explain::timeout(Wait::Handshake, limit))??;
        if facts.alpn.as_deref() == Some(challenge::PROTOCOL) {
            // RFC 8737 §3: the certificate was the answer, and nothing else is said. Who has it may be gone already.
            let _ = tokio::time::timeout(limit, stream.shutdown()).await;
            return Ok(());
        }
        if tls.bindings().are_logged(local, facts.server_name.as_deref()) {
            house.handler.shaken(&told(address, &facts));
        }
        peer.tls = Some(facts.version.name());
        peer.binder = Some(facts.binder);
        peer.client = facts.client;
        peer.sni = facts.server_name;
        peer.manner = facts.manner;
        if facts.alpn.as_deref() == Some(b"h2") {
            peer.protocol = "h2";
            let House { handler, limits, drain, .. } = House::clone(&house);
            return Box::pin(serve_http2(stream, Arc::new(peer), handler, limits, drain)).await;
        }
        Box::pin(serve_http1(stream, Arc::new(peer), house)).await
    }
}

/// What is told of a handshake.
fn told(peer: SocketAddr, facts: &Facts) -> Shaken {
    let client =
        facts.client.as_ref().and_then(|chain| chain.certificates().first()).map(|der| match Certificate::parse(der) {
            Ok(leaf) => leaf.subject,
            Err(_) => "a certificate that cannot be read".to_owned(),
        });
    Shaken {
        peer,
        server_name: facts.server_name.clone(),
        version: facts.version.name(),
        suite: facts.suite,
        group: facts.group,
        resumed: facts.resumed,
        client,
    }
}

/// Turns away whoever does not speak TLS; a client that speaks plain HTTP is told where it is.
async fn refuse_other(mut stream: TcpStream, first: &[u8], address: SocketAddr) -> NetError {
    if first.first().is_some_and(u8::is_ascii_uppercase) {
        let told = async {
            stream.write_all(WRONG_DOOR).await?;
            stream.shutdown().await
        };
        if let Err(error) = told.await {
            return explain::io(&error, "the TLS handshake");
        }
    }
    let reason = gatepost_tls::error::TlsError::Handshake { detail: "the client does not speak TLS".to_owned() };
    NetError::Tls { peer: address.to_string(), reason }
}
