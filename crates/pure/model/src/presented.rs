//! What a certificate that a client has shown says about it, as far as identities are made of it.

use crate::time::Timestamp;

/// A value of a certificate; `None` for one that is no text, is empty or too long, or has a control character in it, such
/// as the NUL behind which some readers see nothing.
pub type Value = Option<String>;

/// What the certificate says. It has been judged before: its issuer stands behind every word of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presented {
    /// The subject's distinguished name (RFC 4514), the most specific part first.
    pub subject: Value,
    /// All common names in the subject. More than one is a trap: readers differ in which they take.
    pub common_names: Vec<Value>,
    /// DNS names among the alternative names, in lower case.
    pub dns: Vec<Value>,
    /// Mail addresses among them; what follows the `@` in lower case (RFC 5280 §7.5).
    pub emails: Vec<Value>,
    /// URIs among them, such as a SPIFFE identity, octet for octet.
    pub uris: Vec<Value>,
    /// User principal names among them (otherName 1.3.6.1.4.1.311.20.2.3).
    pub upns: Vec<Value>,
    /// The serial number in hexadecimal, a colon, and the issuer's distinguished name (RFC 4514): no two certificates of
    /// one authority have the same.
    pub serial: Value,
    /// The SHA-256 of the DER in hexadecimal.
    pub fingerprint: String,
    /// When the first certificate of its path ends.
    pub until: Timestamp,
}
