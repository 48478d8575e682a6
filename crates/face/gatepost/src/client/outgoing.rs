//! A request on its way.

use std::fmt;

use gatepost_model::credential::Credential;
use gatepost_model::url::Url;
use http::{HeaderMap, Method, Uri};

use crate::client::payload::Payload;

/// What the pipeline works on: changed by redirects, read by each sending.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    /// The credential that the caller named for this request; it goes before the session's.
    pub(crate) credential: Option<Credential>,
    /// The URI and Host of somebody else's request, which go out as they are.
    pub(crate) target: Option<Uri>,
}

/// The fields by their names alone: a caller may have put a Cookie there.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("payload", &self.payload)
            .field("credential", &self.credential)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn what_fields_and_bodies_say_is_not_shown() {
        let outgoing = Outgoing {
            method: Method::POST,
            url: Url::parse("https://a.example/").unwrap(),
            headers: HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("hush"))]),
            payload: "hush".into(),
            credential: Some(Credential::login("ali", "hush")),
            target: None,
        };
        let shown = format!("{outgoing:?}");
        assert!(
            !shown.contains("hush") && shown.contains(r#"headers: ["cookie"], payload: Bytes(4 octets)"#),
            "{shown}"
        );
    }
}
