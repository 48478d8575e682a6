//! What was seen, as plain data. `None` means that nobody looked.

use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;

/// Everything that is known about one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The address that was looked at.
    pub url: Url,
    /// When it was looked at.
    pub seen: Timestamp,
    /// The certificate that it showed; `None` if no handshake was tried or finished.
    pub certificate: Option<Certificate>,
    /// The names of the authentication schemes on offer, from the challenges; `None` if no request
    /// was answered.
    pub schemes: Option<Vec<String>>,
    /// The protections that its configuration switches off, by their keys; `None` if the
    /// configuration was not at hand.
    pub dangers: Option<Vec<String>>,
}

impl Facts {
    /// Facts about `url` of which nothing is known yet.
    #[must_use]
    pub fn about(url: Url, seen: Timestamp) -> Self {
        Self { url, seen, certificate: None, schemes: None, dangers: None }
    }
}

/// What stands in an end-entity certificate (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The DNS names and IP addresses of its subjectAltName, as text.
    pub names: Vec<String>,
    /// Good from this moment.
    pub not_before: Timestamp,
    /// Good up to and including this moment (RFC 5280 §4.1.2.5).
    pub not_after: Timestamp,
}
