//! The road of a WebSocket, on one screen: admit, take turns, come to a connection, prove, ask, answer the challenge.

use gatepost_model::event::Event;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use gatepost_net::error::NetError;
use gatepost_net::upgrade::{self, Duplex};
use gatepost_ws::deflate::agreed;
use gatepost_ws::deflate::config::Config;
use gatepost_ws::deflate::offer::offers;
use gatepost_ws::handshake::offer::Offer;
use http::header::{HOST, HeaderMap};
use http::{Request, Response};

use crate::client::authenticate::{Next, Turns};
use crate::client::context::Context;
use crate::client::lane::{Lane, Over};
use crate::client::outgoing::Outgoing;
use crate::client::pipeline::drain;
use crate::client::websocket::opened::{Info, Opened};
use crate::client::websocket::refusal::Refusal;
use crate::clock;
use crate::error::Error;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// With an address in `http` or `https`: what a server sees of it.
    pub(super) outgoing: Outgoing,
    pub(super) protocols: Vec<String>,
    pub(super) deflate: Option<Config>,
    pub(super) over: Over,
}

/// Opens a WebSocket at an address that was admitted. Redirects are not followed: RFC 6455 §4.1 leaves that open, and browsers do not.
pub(super) async fn open(cx: &Context, mut asked: Asked) -> Result<Opened<Duplex>, Error> {
    let url = asked.outgoing.url.clone();
    let _pass = cx.turnstile.enter(&url.origin()).await;
    let destination = cx.upstream.to(&url.origin());
    let mut lane = destination.lane(asked.over, false).await?;
    asked.outgoing.method = lane.method();
    let Asked { outgoing, protocols, deflate, over } = &mut asked;
    let mut turns = Turns::new(cx, outgoing, &url, false);
    turns.go_over(&lane)?;
    turns.ahead().await?;
    loop {
        let offer = offer(&lane, protocols, deflate.as_ref())?;
        let request = request(turns.outgoing, turns.proof(), &offer)?;
        tell(cx, &turns);
        let response = match lane.send(request).await {
            // It went stale while it waited in the pool.
            Err(NetError::Unsent) if lane.is_pooled => {
                lane = destination.lane(*over, true).await?;
                turns.outgoing.method = lane.method();
                turns.go_over(&lane)?;
                continue;
            }
            sent => sent?,
        };
        cx.events.emit(&Event::AnswerReceived { status: response.status().as_u16() });
        if *over == Over::Any && lane.is_http2() && turns.wants_connection(response.status(), response.headers()) {
            *over = Over::Http1;
            lane = destination.lane(*over, false).await?;
            turns.outgoing.method = lane.method();
            turns.go_over(&lane)?;
        }
        let next = turns.answer(response.status(), response.headers()).await?;
        match next {
            Next::Done => return granted(response, &offer, deflate.as_ref(), &lane).await,
            Next::Again => drain(response).await,
        }
        if !lane.is_usable() {
            lane = destination.lane(*over, false).await?;
            turns.outgoing.method = lane.method();
            turns.go_over(&lane)?;
        }
    }
}

fn tell(cx: &Context, turns: &Turns<'_>) {
    let (method, url) = (turns.outgoing.method.to_string(), turns.outgoing.url.clone());
    cx.events.emit(&Event::RequestSent { method, url, scheme: turns.scheme() });
}

/// The offer of one leg: a key serves once.
fn offer(lane: &Lane, protocols: &[String], deflate: Option<&Config>) -> Result<Offer, Error> {
    let protocols = protocols.to_vec();
    let mut offer = if lane.is_http2() {
        Offer::extended(protocols)
    } else {
        let mut key = [0; 16];
        for (octet, random) in key.iter_mut().zip(clock::entropy()?) {
            *octet = random;
        }
        Offer::new(key, protocols)
    };
    offer.extensions = deflate.map(offers).unwrap_or_default();
    Ok(offer)
}

/// The request as it goes on the wire this time.
fn request(outgoing: &Outgoing, proof: &HeaderMap, offer: &Offer) -> Result<Request<Body>, Error> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = outgoing.method.clone();
    let unfit = |_| Error::usage(format!("{} cannot be requested", outgoing.url));
    *request.uri_mut() = outgoing.url.as_str().parse().map_err(unfit)?;
    *request.headers_mut() = outgoing.headers.clone();
    request.headers_mut().remove(HOST);
    for name in proof.keys() {
        request.headers_mut().remove(name);
    }
    request.headers_mut().extend(proof.clone());
    offer.write(request.headers_mut())?;
    Ok(request)
}

/// The WebSocket, if that is what the answer grants.
async fn granted(
    mut response: Response<Body>,
    offer: &Offer,
    deflate: Option<&Config>,
    lane: &Lane,
) -> Result<Opened<Duplex>, Error> {
    let Some(upgrade) = upgrade::take_response(&mut response) else {
        return Err(Refusal::read(response, offer).await.into());
    };
    let agreement = offer.check_answer(response.status(), response.headers())?;
    let deflate = match deflate {
        Some(config) => agreed::check(config, &agreement.extensions)?,
        None => None,
    };
    let socket = upgrade.await?;
    let facts = lane.facts();
    let info = Info {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        subprotocol: agreement.protocol,
        deflate,
        address: facts.address,
        tls: facts.tls,
        protocol: facts.protocol,
    };
    Ok(Opened { socket, info })
}

/// The address as a server sees it: `wss` is `https` there (RFC 6455 §3, RFC 8441 §5), and so it is in a proof.
pub(super) fn as_http(url: &Url) -> Result<Url, Error> {
    let text = url.as_str().replacen("ws", "http", usize::from(url.is_websocket()));
    Ok(Url::parse(&text)?)
}
