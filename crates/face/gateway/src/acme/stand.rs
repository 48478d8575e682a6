//! A listener for nothing but proofs, while there are any.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gatepost::Server;
use gatepost::events::Events;
use gatepost::http1::host::Authority;
use gatepost::model::fault::Fault;
use gatepost::model::limits::Limits;
use gatepost::net::admission::Admission;
use gatepost::net::body::Body;
use gatepost::net::handler::Peer;
use gatepost::net::workers::Workers;
use gatepost::server::denied::Denied;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, Handling, Site, Visitor};
use gatepost::tls::bindings::Bindings;
use gatepost::tls::server::{ServerRules, ServerTls};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response};

use crate::acme::proofs::Proofs;
use crate::acme::wanted::Challenge;
use crate::error::GatewayError;

/// How long a request under way may take at the end.
const GRACE: Duration = Duration::from_secs(2);

/// Whose threads it works on, and within which bounds.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The threads.
    pub workers: Workers,
    /// The bounds of the process.
    pub admission: Arc<Admission>,
    /// The bounds of a connection.
    pub limits: Limits,
}

impl Ground {
    /// One thread of its own, and the usual bounds.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub fn own() -> Result<Self, GatewayError> {
        let workers = Workers::start(1).map_err(|error| GatewayError::engine(&error))?;
        let limits = Limits::default();
        Ok(Self { workers, admission: Admission::new(&limits), limits })
    }
}

/// Opens a listener that shows proofs and answers everything else with 404, or, over TLS, with the end of the
/// handshake.
///
/// # Errors
/// If it cannot be opened.
pub fn open(
    ground: &Ground,
    address: SocketAddr,
    challenge: Challenge,
    proofs: &Proofs,
    events: &Events,
) -> Result<Running, GatewayError> {
    let server = Server::new(Stand(proofs.clone())).on(&ground.workers).limits(ground.limits.clone());
    let server = server.admission(Arc::clone(&ground.admission)).grace(GRACE).events(events.clone());
    let server = match challenge {
        // RFC 8555 §8.3: the question comes in the clear. Nothing else is answered.
        Challenge::Http01 => server.danger_listen_plain(address),
        Challenge::TlsAlpn01 => {
            let nothing = Arc::new(Bindings::default());
            let tls = ServerTls::answering(&ServerRules::default(), nothing, Arc::clone(proofs.challenges()));
            server.listen(address, Arc::new(tls.map_err(|error| engine(&error))?))
        }
    };
    server.start().map_err(|error| engine(&error))
}

/// The answer that proves a name.
pub(crate) fn proof(authorization: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(Bytes::copy_from_slice(authorization.as_bytes())));
    // RFC 8555 §8.3.
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answer
}

fn engine(fault: &dyn Fault) -> GatewayError {
    GatewayError::engine(fault)
}

struct Stand(Proofs);

impl Site for Stand {
    type Route = Arc<str>;

    fn route(&self, head: &Parts, _host: &Authority, _peer: &Peer) -> Result<(Guard, Arc<str>), Denied> {
        let authorization = self.0.answer(head).ok_or(Denied::NoRoute)?;
        // It is meant for whoever asks, and says nothing that they could not work out (RFC 8555 §8.1).
        Ok((Guard::DangerOpen, authorization))
    }

    fn handle(&self, authorization: Arc<str>, _request: Request<Body>, _visitor: Visitor) -> Handling {
        Box::pin(ready(Ok(proof(&authorization))))
    }
}
