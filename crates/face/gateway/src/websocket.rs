//! A WebSocket on its way through: asked for by the client, asked for again at the upstream, and then carried.

use std::future::pending;
use std::time::Duration;

use gatepost::clock;
use gatepost::events::Events;
use gatepost::http1::fields;
use gatepost::model::event::Event;
use gatepost::model::fault::Fault;
use gatepost::model::time::Timestamp;
use gatepost::model::url::Origin;
use gatepost::net::body::Body;
use gatepost::net::tunnel;
use gatepost::net::upgrade::{self, Duplex, Upgrade};
use gatepost::net::websocket::relay::road;
use gatepost::net::websocket::relay::terms::{SideTerms, Terms, Why};
use gatepost::server::denied::Denied;
use gatepost::server::websocket::is_asked;
use gatepost::ws::deflate::agreed::{Agreed, agree, check};
use gatepost::ws::deflate::config::Config;
use gatepost::ws::deflate::offer::offers;
use gatepost::ws::error::WsError;
use gatepost::ws::handshake::extension::Extension;
use gatepost::ws::handshake::offer::{Agreement, Offer};
use gatepost::ws::handshake::reserved::is_reserved;
use http::header::{self, HeaderName};
use http::{Method, Request, Response};

use crate::config::websocket::{Relay, RelaySide, WebSocket};

/// How long a side may take to answer when it is asked whether it lives.
const ANSWER: Duration = Duration::from_secs(10);

/// A WebSocket that a client asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What the client offers.
    client: Offer,
    /// What we offer to the upstream.
    upstream: Offer,
    promise: Upgrade,
    relay: Option<Relay>,
}

/// Who has to know what becomes of it.
pub(crate) struct Told {
    pub(crate) events: Events,
    pub(crate) origin: Origin,
    /// When the credential ends that opened it.
    pub(crate) expires: Option<Timestamp>,
}

impl Asked {
    /// The WebSocket that a request asks for. Any other upgrade is not heard (RFC 9110 §7.8 allows that):
    /// the request goes on without it, so `Upgrade: h2c` is never forwarded.
    ///
    /// # Errors
    /// If it asks in a way that is not allowed. An extended CONNECT can be nothing else, so that it is refused
    /// where WebSockets do not pass.
    pub(crate) fn take(how: &WebSocket, request: &mut Request<Body>) -> Result<Option<Self>, Denied> {
        let relay = match how {
            WebSocket::Off if upgrade::extended(request.extensions()).is_some() => {
                return Err(Denied::NotImplemented("WebSockets do not pass here"));
            }
            WebSocket::Off => return Ok(None),
            WebSocket::Tunnel => None,
            WebSocket::Relay(relay) => Some(relay.clone()),
        };
        if !is_asked(request) {
            return Ok(None);
        }
        let version = request.version();
        let offer = Offer::of_request(request.method(), version, request.headers());
        let client = offer.map_err(|error| match error {
            WsError::Version => Denied::UpgradeRequired(version),
            _ => Denied::BadRequest("the WebSocket opening is malformed"),
        })?;
        let Some(promise) = upgrade::take_request(request) else { return Ok(None) };
        // A key of our own: what the upstream proves, it proves to us.
        let entropy = clock::entropy().map_err(|_| Denied::Unavailable)?;
        let (key, _) = entropy.split_first_chunk().ok_or(Denied::Unavailable)?;
        let mut upstream = Offer::new(*key, client.protocols.clone());
        upstream.extensions = match &relay {
            // The extensions are agreed on end to end, as the frames are.
            None => client.extensions.clone(),
            Some(relay) if relay.upstream.deflate => offers(&compression()),
            Some(_) => Vec::new(),
        };
        Ok(Some(Self { client, upstream, promise, relay }))
    }

    /// Makes the request to the upstream one that asks for the WebSocket, in the words of HTTP/1.1.
    ///
    /// # Errors
    /// If what the client offers cannot be written.
    pub(crate) fn write(&self, request: &mut Request<Body>) -> Result<(), Denied> {
        *request.method_mut() = Method::GET;
        strip(request.headers_mut());
        self.upstream.write(request.headers_mut()).map_err(|_| Denied::BadRequest("the WebSocket opening is malformed"))
    }

    /// Accepts the upstream's 101, and carries what follows; `None` if it is not the answer to what was asked.
    pub(crate) fn switch(self, mut response: Response<Body>, told: Told) -> Option<Response<Body>> {
        let Self { client, upstream, promise, relay } = self;
        let agreed = upstream.check_answer(response.status(), response.headers()).ok()?;
        let far = match relay.as_ref().filter(|relay| relay.upstream.deflate) {
            Some(_) => check(&compression(), &agreed.extensions).ok()?,
            None => None,
        };
        let server = upgrade::take_response(&mut response)?;
        let (near, extensions) = match &relay {
            None => (None, agreed.extensions),
            Some(relay) => compressed(relay, &client),
        };
        let answer = client.answer(&Agreement { protocol: agreed.protocol, extensions }).ok()?;
        tokio::spawn(async move {
            // Both are kept once our own answer has been written; how a tunnel ends is the two ends' affair.
            let (Ok(client), Ok(server)) = (promise.await, server.await) else { return };
            match relay {
                None => tunnelled(client, server, told.expires).await,
                Some(relay) => relayed((client, near), (server, far), &relay, &told).await,
            }
        });
        let (mut parts, _) = response.into_parts();
        fields::strip_hop_by_hop(&mut parts.headers);
        strip(&mut parts.headers);
        parts.headers.extend(answer);
        parts.status = client.status();
        Some(Response::from_parts(parts, Body::empty()))
    }
}

/// What we are ready for on either side of a relay: nothing is kept between messages, so that an idle relay costs as
/// little with compression as without.
fn compression() -> Config {
    Config::shared()
}

/// What is agreed on with the client of a relay, and the words that say so.
fn compressed(relay: &Relay, client: &Offer) -> (Option<Agreed>, Vec<Extension>) {
    if !relay.client.deflate {
        return (None, Vec::new());
    }
    match agree(&compression(), &client.extensions) {
        Some((agreed, member)) => (Some(agreed), vec![member]),
        None => (None, Vec::new()),
    }
}

/// Removes the words of a handshake that is not ours.
fn strip(headers: &mut header::HeaderMap) {
    let theirs: Vec<HeaderName> = headers.keys().filter(|name| is_reserved(name)).cloned().collect();
    for name in theirs {
        headers.remove(name);
    }
}

/// Octets both ways, as long as the credential lasts.
async fn tunnelled(client: Duplex, server: Duplex, expires: Option<Timestamp>) {
    let carried = tunnel::tunnel(client, server);
    match expires {
        None => drop(carried.await),
        Some(end) => drop(tokio::time::timeout(end.since(clock::now()), carried).await),
    }
}

type End = (Duplex, Option<Agreed>);

/// Frames both ways, as long as the credential lasts. Faults of the upstream are told.
async fn relayed((client, near): End, (server, far): End, relay: &Relay, told: &Told) {
    let side = |deflate, side: RelaySide| SideTerms {
        limits: relay.limits,
        deflate,
        keepalive: side.keepalive.map(|interval| (interval, ANSWER)),
    };
    let terms = Terms {
        client: side(near, relay.client),
        upstream: side(far, relay.upstream),
        pings: relay.pings,
        ..Terms::default()
    };
    let expired = async {
        match told.expires {
            None => pending().await,
            Some(end) => tokio::time::sleep(end.since(clock::now())).await,
        }
    };
    let ended = road::relay(client, server, &terms, expired).await;
    let (blame, code, fault) = match &ended.why {
        Why::UpstreamLost(error) => (error.blame(), error.code(), error.to_string()),
        Why::UpstreamBroke(error) => (error.blame(), error.code(), error.to_string()),
        _ => return,
    };
    told.events.emit(&Event::Failed { blame, code, detail: format!("upstream {}: {fault}", told.origin) });
}

#[cfg(test)]
mod tests {
    use gatepost::net::upgrade::Extended;
    use http::Version;

    use super::*;

    #[test]
    fn another_version_is_refused_in_the_words_of_http_2() {
        let asked = Request::builder().version(Version::HTTP_2).header("Sec-WebSocket-Version", "8");
        let mut request = asked.body(Body::empty()).unwrap();
        upgrade::extend(&mut request, Extended::WebSocket);
        let refused = Asked::take(&WebSocket::Tunnel, &mut request).map(drop);
        assert_eq!(refused, Err(Denied::UpgradeRequired(Version::HTTP_2)));
    }
}
