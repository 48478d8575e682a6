//! One request of a session, put together field by field.

use std::sync::Arc;
use std::time::Duration;

use gatepost_model::credential::Credential;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response};

use crate::client::context::Context;
use crate::client::outgoing::Outgoing;
use crate::client::payload::Payload;
use crate::client::pipeline;
use crate::error::Error;

/// A request that is being put together. A mistake in it shows when it is sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    context: Arc<Context>,
    outgoing: Result<Outgoing, Error>,
    time: Option<Duration>,
}

impl RequestBuilder {
    pub(crate) fn new(context: Arc<Context>, method: Method, url: &str) -> Self {
        let outgoing = Url::parse(url).map_err(Error::from).map(|url| Outgoing {
            method,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            credential: None,
            target: None,
        });
        Self { context, outgoing, time: None }
    }

    /// Adds a header field.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|outgoing| {
            let name: HeaderName =
                name.parse().map_err(|_| Error::usage(format!("`{name}` is not a header field name")))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| Error::usage(format!("the value of `{name}` holds characters that a field cannot")))?;
            if matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection" | "upgrade") {
                return Err(Error::usage(format!("`{name}` frames the message and is not yours to set")));
            }
            outgoing.headers.append(name, value);
            Ok(())
        })
    }

    /// Sets the body.
    pub fn body(self, payload: impl Into<Payload>) -> Self {
        self.with(|outgoing| {
            outgoing.payload = payload.into();
            Ok(())
        })
    }

    /// Uses this credential for this request. Without a scope it is bound to the request's origin.
    pub fn credential(self, credential: Credential) -> Self {
        self.with(|outgoing| {
            outgoing.credential = Some(credential);
            Ok(())
        })
    }

    /// Gives the whole exchange this much time, redirects and challenges included, until the head
    /// of the final answer is there. Default: no bound beside those of the session's limits.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Sends it and returns the final answer: whatever status it has. An answer 401 that could not
    /// be answered is returned too; ask its status.
    ///
    /// # Errors
    /// [`Error`]: a bad request, a policy that forbids it, a connection that fails, a body that
    /// would be needed twice.
    pub async fn send(self) -> Result<Response<Body>, Error> {
        let run = pipeline::run(&self.context, self.outgoing?);
        match self.time {
            None => run.await,
            Some(time) => tokio::time::timeout(time, run)
                .await
                .map_err(|_| Error::environment(format!("no answer within {} s", time.as_secs_f32())))?,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Outgoing) -> Result<(), Error>) -> Self {
        self.outgoing = self.outgoing.and_then(|mut outgoing| {
            change(&mut outgoing)?;
            Ok(outgoing)
        });
        self
    }
}
