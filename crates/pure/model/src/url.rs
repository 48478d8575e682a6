//! A canonical address: one spelling per resource, no credentials in it, safe to print.

use std::fmt;

use thiserror::Error;

use crate::fault::{Blame, Fault};

/// Why a text is not an address that Gatepost goes to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not follow the URL grammar.
    #[error("`{0}` is not a URL: {1}")]
    Malformed(String, String),
    /// A scheme that Gatepost does not speak.
    #[error("the scheme `{0}` is not one of http, https, ws, wss")]
    Scheme(String),
    /// A user name or password stands in the URL.
    #[error("the URL holds a user name or password")]
    Userinfo,
}

impl Fault for UrlError {
    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(..) => "GP-URL-001",
            Self::Scheme(_) => "GP-URL-002",
            Self::Userinfo => "GP-URL-003",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed(..) => Some("write it like `https://host:port/path`".into()),
            // `localhost:8443` reads as a URL of the scheme `localhost`.
            Self::Scheme(_) => Some("write it like `https://host:port/path`".into()),
            Self::Userinfo => Some("URLs end up in logs: give the user with `--user` or a stored credential".into()),
        }
    }
}

/// Scheme, host and port: the border that no credential crosses (RFC 6454 §4).
///
/// `ws` counts as `http` and `wss` as `https`: the handshake is a request to that origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Puts an origin together. `host` is lower-cased; an IPv6 address stands in brackets.
    #[must_use]
    pub fn new(secure: bool, host: &str, port: u16) -> Self {
        Self { secure, host: host.to_ascii_lowercase(), port }
    }

    /// Whether TLS protects it.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host: a lower-case name, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own one if none was written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host` or `host:port`, as the Host header field wants it (RFC 9110 §7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == if self.secure { 443 } else { 80 } {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

/// A canonical `http`, `https`, `ws` or `wss` URL.
///
/// Canonical means: scheme and host in lower case, default port left out, dot segments resolved,
/// fragment dropped. `Display` and `Debug` show the query as `?…`, because tokens travel there;
/// [`as_str`](Self::as_str) is the whole.
///
/// ```
/// use gatepost_model::url::Url;
///
/// let url = Url::parse("HTTPS://Example.com:443/a/../b?token=1#top")?;
/// assert_eq!(url.as_str(), "https://example.com/b?token=1");
/// assert_eq!(url.to_string(), "https://example.com/b?…");
/// # Ok::<(), gatepost_model::url::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url(::url::Url);

impl Url {
    /// Reads and canonicalises.
    ///
    /// # Errors
    /// [`UrlError`] for bad grammar, another scheme, or credentials in the URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let parsed =
            ::url::Url::parse(text).map_err(|error| UrlError::Malformed(without_secrets(text), error.to_string()))?;
        Self::from_parsed(parsed)
    }

    /// Resolves a reference, such as a Location header field, against this URL (RFC 3986 §5).
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let parsed = self
            .0
            .join(reference)
            .map_err(|error| UrlError::Malformed(without_secrets(reference), error.to_string()))?;
        Self::from_parsed(parsed)
    }

    fn from_parsed(mut parsed: ::url::Url) -> Result<Self, UrlError> {
        if !matches!(parsed.scheme(), "http" | "https" | "ws" | "wss") {
            return Err(UrlError::Scheme(parsed.scheme().to_owned()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(UrlError::Userinfo);
        }
        parsed.set_fragment(None);
        Ok(Self(parsed))
    }

    /// The whole URL, query included: may hold a token, so it is not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// `http`, `https`, `ws` or `wss`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// Whether TLS protects the connection.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        matches!(self.0.scheme(), "https" | "wss")
    }

    /// Whether this asks for a WebSocket.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        matches!(self.0.scheme(), "ws" | "wss")
    }

    /// Its origin.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let host = self.0.host_str().unwrap_or_default();
        Origin::new(self.is_secure(), host, self.0.port_or_known_default().unwrap_or_default())
    }

    /// The path; never empty.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// What follows `?`, if anything does.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.0.query()
    }

    /// Path and query: the origin-form of a request target (RFC 9112 §3.2.1).
    #[must_use]
    pub fn request_target(&self) -> String {
        match self.query() {
            Some(query) => format!("{}?{query}", self.path()),
            None => self.path().to_owned(),
        }
    }
}

impl std::str::FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.as_str();
        match whole.split_once('?') {
            Some((before, _)) => write!(f, "{before}?…"),
            None => f.write_str(whole),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What of an unreadable URL may stand in an error: neither userinfo nor query.
fn without_secrets(text: &str) -> String {
    let before_query = text.split(['?', '#']).next().unwrap_or_default();
    match before_query.rsplit_once('@') {
        Some((_, after)) => format!("…@{after}"),
        None => before_query.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_spelling() {
        let table = [
            ("https://EXAMPLE.com", "https://example.com/"),
            ("https://example.com:443/", "https://example.com/"),
            ("http://example.com:80/a/./b/../c", "http://example.com/a/c"),
            ("wss://example.com:8443/chat?x=1#y", "wss://example.com:8443/chat?x=1"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
        ];
        for (text, canonical) in table {
            assert_eq!(Url::parse(text).unwrap().as_str(), canonical, "{text}");
        }
    }

    #[test]
    fn refusals() {
        assert_eq!(Url::parse("https://u:p@example.com/"), Err(UrlError::Userinfo));
        assert_eq!(Url::parse("ftp://example.com/"), Err(UrlError::Scheme("ftp".into())));
        let error = Url::parse("https://u:hunter2@exa mple/?token=hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn origins_compare_and_print() {
        let origin = Url::parse("wss://Example.com/x").unwrap().origin();
        assert_eq!(origin, Url::parse("https://example.com:443/y").unwrap().origin());
        assert_eq!(origin.to_string(), "https://example.com");
        assert_ne!(origin, Url::parse("http://example.com:443/").unwrap().origin());
        assert_eq!(Url::parse("http://h:8080/").unwrap().origin().authority(), "h:8080");
    }

    #[test]
    fn the_query_is_not_printed() {
        let url = Url::parse("https://h/p?token=hunter2").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://h/p?… https://h/p?…");
        assert_eq!(url.request_target(), "/p?token=hunter2");
    }

    proptest::proptest! {
        #[test]
        fn canonical_is_idempotent(text in "https?://[a-zA-Z0-9.]{1,12}(:[0-9]{1,4})?/[a-zA-Z0-9./?=&%#-]{0,24}") {
            if let Ok(url) = Url::parse(&text) {
                proptest::prop_assert_eq!(Url::parse(url.as_str()).unwrap(), url);
            }
        }
    }
}
