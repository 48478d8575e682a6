//! The client's extended CONNECT (RFC 8441): a stream that becomes another protocol's.

use bytes::Bytes;
use h2::ext::Protocol;
use http::{Request, Response};

use crate::body::Body;
use crate::error::NetError;
use crate::failed::Failed;
use crate::http2::channel::Channel;
use crate::http2::client::{Exchange, Streams, fit};
use crate::http2::incoming::Incoming;
use crate::request;
use crate::upgrade::{self, Extended};

impl Streams {
    /// Whether the server takes extended CONNECT. That stands in its SETTINGS, the first that it says: they are
    /// waited for.
    pub(crate) async fn takes_extended(&mut self) -> bool {
        let greeted = self.greeted.wait_for(|greeted| *greeted);
        // Whether its settings have come is all that this decides: without them the answer is no.
        let _ = tokio::time::timeout(self.answer_time, greeted).await;
        self.sender.is_extended_connect_protocol_enabled()
    }

    /// Asks for `protocol`; the answer holds the upgrade if it was granted.
    pub(super) async fn extended(
        &mut self,
        request: Request<Body>,
        protocol: Extended,
    ) -> Result<Response<Body>, Failed> {
        if !self.takes_extended().await {
            return Err(request::wrong("the server takes no extended CONNECT").into());
        }
        let (origin, request) = self.prepare(request).await?;
        let (mut head, _) = fit(request);
        let again = head.clone();
        head.extensions_mut().insert(match protocol {
            Extended::WebSocket => Protocol::from_static("websocket"),
        });
        let in_hand = self.busy.begin();
        let (answer, mut outgoing) =
            self.sender.send_request(head, false).map_err(|error| request::wrong(&error.to_string()))?;
        let mut exchange = Exchange { answer, upload: None, answer_time: self.answer_time };
        let answer = exchange.head().await.map_err(|error| {
            let unsent = (error == NetError::Unsent).then(|| again.map(|()| Body::empty()));
            Failed { error, unsent: unsent.map(|request| Box::new(origin.restore(request))) }
        })?;
        let (head, incoming) = answer.into_parts();
        if !head.status.is_success() {
            // Nothing will follow; a server that is gone need not hear it.
            let _ = outgoing.send_data(Bytes::new(), true);
            if incoming.is_end_stream() {
                return Ok(Response::from_parts(head, Body::empty()));
            }
            let body = Incoming::new(incoming, &head.headers, "the answer");
            return Ok(Response::from_parts(head, Body::streaming(body).holding(in_hand)));
        }
        let mut response = Response::from_parts(head, Body::empty());
        let channel = Channel::new(incoming, outgoing, self.send_time, in_hand);
        // Kept already; it fails only if nobody took the promise.
        drop(upgrade::promise(response.extensions_mut()).send(Box::new(channel)));
        Ok(response)
    }
}
