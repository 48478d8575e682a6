//! The head of a request as schemes and policies see it.

use http::{HeaderMap, Method};

use crate::url::Url;

/// Which of the two parties on the way asks for a proof (RFC 9110 §11.6, §11.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// The origin server: 401, `WWW-Authenticate`, `Authorization`.
    Server,
    /// A proxy: 407, `Proxy-Authenticate`, `Proxy-Authorization`.
    Proxy,
}

impl Party {
    /// The header field in which this party challenges.
    #[must_use]
    pub fn challenge_field(self) -> http::HeaderName {
        match self {
            Self::Server => http::header::WWW_AUTHENTICATE,
            Self::Proxy => http::header::PROXY_AUTHENTICATE,
        }
    }

    /// The header field in which this party is answered.
    #[must_use]
    pub fn answer_field(self) -> http::HeaderName {
        match self {
            Self::Server => http::header::AUTHORIZATION,
            Self::Proxy => http::header::PROXY_AUTHORIZATION,
        }
    }

    /// The status with which this party asks for a proof.
    #[must_use]
    pub fn challenge_status(self) -> http::StatusCode {
        match self {
            Self::Server => http::StatusCode::UNAUTHORIZED,
            Self::Proxy => http::StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        }
    }
}

/// Method, address and header fields of a request; borrowed, never owned.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The effective request URI (RFC 9110 §7.1).
    pub url: &'a Url,
    /// The request target as it goes over the wire (RFC 9112 §3.2): path and query, `*`, or what a tunnel leads to.
    pub target: &'a str,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// Whom the proof is for.
    pub party: Party,
}
