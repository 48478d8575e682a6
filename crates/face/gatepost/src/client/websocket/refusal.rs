//! What a server said that did not open the WebSocket.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gatepost_auth::challenge::Challenge;
use gatepost_model::fault::Retry;
use gatepost_net::body::Body;
use gatepost_ws::error::WsError;
use gatepost_ws::handshake::offer::Offer;
use http::header::{HeaderMap, WWW_AUTHENTICATE};
use http::{Response, StatusCode, Version};
use http_body_util::BodyExt;

/// Octets of the body that are kept.
const KEPT: usize = 64 * 1024;
/// How long the body may take to come.
const READ_TIME: Duration = Duration::from_secs(5);

/// The answer of a server that did not open a WebSocket: a final status, or a redirect, which is not followed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Its status.
    pub status: StatusCode,
    /// The version of HTTP that it came in.
    pub version: Version,
    /// Its fields.
    pub headers: HeaderMap,
    /// What it wants to be proved, with a 401: the challenges that could be read, in their order.
    pub challenges: Vec<Challenge>,
    /// The subprotocols that it takes, where it refused ours and said so.
    pub subprotocols: Vec<String>,
    /// The first 64 KiB of its body, or as much of them as came within 5 s.
    pub body: Bytes,
    /// Whether the body had more, or broke off.
    pub truncated: bool,
}

impl Refusal {
    /// Reads what is kept of an answer to this offer.
    pub(crate) async fn read(response: Response<Body>, offer: &Offer) -> Self {
        let subprotocols = match offer.check_answer(response.status(), response.headers()) {
            Err(WsError::SubprotocolRefused { expected }) => expected,
            _ => Vec::new(),
        };
        let (head, body) = response.into_parts();
        let mut read = BytesMut::new();
        let whole = tokio::time::timeout(READ_TIME, fill(&mut read, body)).await.unwrap_or(false);
        let challenges = match head.status {
            StatusCode::UNAUTHORIZED => challenges(&head.headers),
            _ => Vec::new(),
        };
        Self {
            status: head.status,
            version: head.version,
            headers: head.headers,
            challenges,
            subprotocols,
            body: read.freeze(),
            truncated: !whole,
        }
    }

    /// Whether it is about who we are.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        )
    }

    /// Whether it is worth another try, and when.
    pub(crate) fn retry(&self) -> Retry {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Retry::After(Duration::from_secs(5)),
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Retry::Fresh,
            _ => Retry::Never,
        }
    }

    /// What to try.
    pub(crate) fn hint(&self) -> Option<String> {
        let text = match self.status {
            StatusCode::UNAUTHORIZED if self.challenges.is_empty() => return None,
            StatusCode::UNAUTHORIZED => {
                let schemes: Vec<&str> = self.challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
                return Some(format!(
                    "give a credential for one of the schemes that it asks for: {}",
                    schemes.join(", ")
                ));
            }
            StatusCode::BAD_REQUEST if !self.subprotocols.is_empty() => {
                return Some(format!("offer one of the subprotocols that it takes: {}", self.subprotocols.join(", ")));
            }
            StatusCode::NOT_FOUND | StatusCode::OK | StatusCode::METHOD_NOT_ALLOWED => {
                "check the path: no WebSocket is opened there"
            }
            StatusCode::FORBIDDEN => "check the Origin, and whether this user may come in there",
            StatusCode::UPGRADE_REQUIRED => "the server, or a proxy before it, wants another version or protocol",
            status if status.is_redirection() => {
                "redirects are not followed for WebSockets: use the address in its Location"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Reads up to what is kept; whether that was all.
async fn fill(read: &mut BytesMut, mut body: Body) -> bool {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let Ok(data) = frame.into_data() else { continue };
        let room = KEPT.saturating_sub(read.len());
        read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if data.len() > room {
            return false;
        }
    }
    true
}

fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    Challenge::parse_all(headers.get_all(WWW_AUTHENTICATE)).challenges
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server did not open the WebSocket: it answered {}", self.status)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not its fields and its body: they may hold a secret.
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .field("octets", &self.body.len())
            .finish_non_exhaustive()
    }
}
