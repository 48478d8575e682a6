//! Somebody else's request, sent on with a proof of who we are.

use gatepost_model::url::Url;
use gatepost_net::body::Body;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response};

use crate::client::outgoing::Outgoing;
use crate::client::payload::Payload;
use crate::client::pipeline;
use crate::client::session::Session;
use crate::error::Error;

/// Octets of a body that are kept, so that the request can be sent again with another proof.
const KEPT: usize = 64 * 1024;

impl Session {
    /// Sends a request that somebody else has made, such as one that a gateway forwards, and proves who this session
    /// is. Its URI is absolute and goes out octet for octet, with the fields and the Host that it has; no redirect is
    /// followed, and an answer 401 is given back if there is no proof that would change it.
    ///
    /// A body of at most 64 KiB whose length is known is read first. Any other goes out once: if the other end asks for
    /// a proof only after it, the request fails.
    ///
    /// # Errors
    /// [`Error`] if the address is not allowed, the connection or the exchange fails, or the body would have to be sent
    /// again and cannot be.
    pub async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())?;
        pipeline::admit(&self.context, &url)?;
        let payload = kept(&parts.headers, body).await?;
        let (method, headers, target) = (parts.method, parts.headers, Some(parts.uri));
        let mut outgoing = Outgoing { method, url: url.clone(), headers, payload, credential: None, target };
        pipeline::answered(&self.context, &mut outgoing, &url, false).await
    }
}

/// The body, in a form that can be sent again if it is short.
async fn kept(headers: &HeaderMap, body: Body) -> Result<Payload, Error> {
    if http_body::Body::is_end_stream(&body) {
        return Ok(Payload::Empty);
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    match length {
        Some(length) if length <= KEPT => Ok(Payload::Bytes(body.collect(KEPT).await?)),
        _ => Ok(Payload::Once(body)),
    }
}
