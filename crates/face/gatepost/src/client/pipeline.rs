//! The road out, on one screen: admit, pre-authenticate, send, answer the challenge, redirect.

use std::time::Duration;

use gatepost_model::event::Event;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use gatepost_policy::redirects::{self, Hop, RedirectPlan};
use gatepost_policy::transport;
use http::header::{CONTENT_LENGTH, HOST, LOCATION, TRANSFER_ENCODING};
use http::{Request, Response};

use crate::client::authenticate::{Next, Turns};
use crate::client::context::Context;
use crate::client::outgoing::Outgoing;
use crate::client::payload::Payload;
use crate::error::Error;

/// Octets of an answer that are read away so that its connection can be used again.
const DRAIN: usize = 64 * 1024;
/// How long that may take: a new connection costs less than a server that dribbles.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Takes a request to its final answer.
pub(crate) async fn run(cx: &Context, mut outgoing: Outgoing) -> Result<Response<Body>, Error> {
    let requested = outgoing.url.clone();
    let mut hops: Vec<Hop> = Vec::new();
    loop {
        admit(cx, &outgoing.url)?;
        let response = answered(cx, &mut outgoing, &requested, !hops.is_empty()).await?;
        let here = Hop { method: outgoing.method.clone(), url: outgoing.url.clone() };
        match redirects::next(&here, response.status(), response.headers().get(LOCATION), &hops, &cx.redirects) {
            RedirectPlan::Follow { url, method, keep_body, same_origin } => {
                drain(response).await;
                outgoing.url = url;
                outgoing.method = method;
                if !keep_body {
                    redirects::strip_content(&mut outgoing.headers);
                    outgoing.payload = Payload::Empty;
                }
                if !same_origin {
                    redirects::strip_on_cross_origin(&mut outgoing.headers);
                    // What a scheme of one's own calls its fields, nobody else can know.
                    for field in cx.registry.fields() {
                        outgoing.headers.remove(field);
                    }
                }
                hops.push(here);
            }
            RedirectPlan::Stop(reason) if reason.is_final_answer() || cx.redirects.max == 0 => return Ok(response),
            RedirectPlan::Stop(reason) => return Err(Error::denied(format!("the redirect is not followed: {reason}"))),
            _ => return Ok(response),
        }
    }
}

/// One hop: proves and answers challenges until the server is content or there is nothing to say.
pub(crate) async fn answered(
    cx: &Context,
    outgoing: &mut Outgoing,
    requested: &Url,
    redirected: bool,
) -> Result<Response<Body>, Error> {
    let mut turns = Turns::new(cx, outgoing, requested, redirected);
    turns.ahead().await?;
    loop {
        let proof = turns.proof().clone();
        let preliminary = turns.is_preliminary();
        let request = request(turns.outgoing, &proof, preliminary).await?;
        let event = Event::RequestSent {
            method: turns.outgoing.method.to_string(),
            url: turns.outgoing.url.clone(),
            scheme: turns.scheme(),
        };
        cx.events.emit(&event);
        let response = turns.send(request).await?;
        cx.events.emit(&Event::AnswerReceived { status: response.status().as_u16() });
        match turns.answer(response.status(), response.headers()).await? {
            Next::Again => drain(response).await,
            Next::Done => return Ok(response),
        }
    }
}

/// Plain http only where it was named.
pub(crate) fn admit(cx: &Context, url: &Url) -> Result<(), Error> {
    let decision = transport::admit(url, &cx.transport);
    if decision.allowed {
        return Ok(());
    }
    let reason = decision.reason.to_string();
    cx.events.emit(&decision.into_event("transport"));
    Err(Error::denied(reason))
}

/// The request as it goes on the wire this time.
async fn request(outgoing: &mut Outgoing, proof: &http::HeaderMap, preliminary: bool) -> Result<Request<Body>, Error> {
    let (length, body) = match preliminary {
        true => (Some(0), Body::empty()),
        false => (outgoing.payload.length().await?, outgoing.payload.body().await?),
    };
    let mut request = Request::new(body);
    *request.method_mut() = outgoing.method.clone();
    *request.headers_mut() = outgoing.headers.clone();
    if let Some(target) = &outgoing.target {
        *request.uri_mut() = target.clone();
    } else {
        let address = outgoing.url.as_str().replacen("ws", "http", usize::from(outgoing.url.is_websocket()));
        let unfit = |_| Error::usage(format!("{} cannot be requested", outgoing.url));
        *request.uri_mut() = address.parse().map_err(unfit)?;
        request.headers_mut().remove(HOST);
    }
    if length.is_some() {
        request.headers_mut().remove(CONTENT_LENGTH);
        request.headers_mut().remove(TRANSFER_ENCODING);
    }
    for name in proof.keys() {
        request.headers_mut().remove(name);
    }
    request.headers_mut().extend(proof.clone());
    match length {
        Some(0) if !matches!(*request.method(), http::Method::POST | http::Method::PUT | http::Method::PATCH) => {}
        Some(length) => {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        None => {}
    }
    Ok(request)
}

/// Reads an answer that nobody wants, so that its connection can be used again; gives up on a long or
/// a slow one, whose connection is closed then.
pub(crate) async fn drain(response: Response<Body>) {
    let _ = tokio::time::timeout(DRAIN_TIME, response.into_body().collect(DRAIN)).await;
}
