//! What the server answers a proof with: `Authentication-Info` (RFC 7615, RFC 7616 §3.5).

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::AuthError;
use crate::grammar;
use gatepost_model::head::Party;

const NAME: &str = "Digest";

/// The most octets that are read.
const MOST_OCTETS: usize = 4 * 1024;

/// The server's word on a proof that it took. Its `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// The nonce to prove with next time.
    pub nextnonce: Option<String>,
    /// The server's own proof, in hexadecimal digits.
    pub rspauth: Option<String>,
    /// What that proof covers, as written.
    pub qop: Option<String>,
    /// The client's nonce.
    pub cnonce: Option<String>,
    /// The count.
    pub nc: Option<String>,
}

/// The field in which it stands (RFC 7615 §3, §4).
#[must_use]
pub fn field(party: Party) -> HeaderName {
    match party {
        Party::Server => HeaderName::from_static("authentication-info"),
        Party::Proxy => HeaderName::from_static("proxy-authentication-info"),
    }
}

impl Info {
    /// What an answer says to a client; empty if it says nothing.
    ///
    /// # Errors
    /// [`AuthError::Malformed`] if it does not follow its grammar or says something twice.
    pub fn of(fields: &HeaderMap, party: Party) -> Result<Self, AuthError> {
        let malformed = |detail: &str| AuthError::Malformed {
            scheme: NAME,
            what: "authentication info",
            detail: detail.to_owned(),
        };
        let mut params = Vec::new();
        for value in fields.get_all(field(party)) {
            if value.len() > MOST_OCTETS {
                return Err(malformed("too long"));
            }
            for (_, element) in grammar::elements(value.as_bytes()) {
                grammar::param(element).and_then(|param| grammar::add(&mut params, param)).map_err(malformed)?;
            }
        }
        let mut said =
            |name: &str| params.iter_mut().find(|(known, _)| known == name).map(|(_, value)| std::mem::take(value));
        Ok(Self {
            nextnonce: said("nextnonce"),
            rspauth: said("rspauth"),
            qop: said("qop"),
            cnonce: said("cnonce"),
            nc: said("nc"),
        })
    }

    /// The field value; `None` if there is nothing to say.
    #[must_use]
    pub fn to_header_value(&self) -> Option<HeaderValue> {
        let params = [
            ("rspauth", &self.rspauth),
            ("qop", &self.qop),
            ("cnonce", &self.cnonce),
            ("nc", &self.nc),
            ("nextnonce", &self.nextnonce),
        ];
        let params: Vec<_> = params
            .into_iter()
            .filter_map(|(name, value)| value.clone().map(|value| (name.to_owned(), value)))
            .collect();
        // A client's nonce that cannot be repeated is one that our grammar has read: it holds no control character.
        let line = grammar::print("", None, &params, &["qop", "nc"]);
        if params.is_empty() { None } else { HeaderValue::from_bytes(line.trim_start().as_bytes()).ok() }
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info").field("rspauth", &self.rspauth.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let line = r#"rspauth="ae66", qop=auth, cnonce="a\"b", nc=00000001, nextnonce="5TsQ""#;
        let fields = |line: &str| HeaderMap::from_iter([(field(Party::Server), HeaderValue::from_str(line).unwrap())]);
        let info = Info::of(&fields(line), Party::Server).unwrap();
        assert_eq!(info.to_header_value().unwrap(), line);
        assert_eq!(Info::of(&fields(line), Party::Proxy), Ok(Info::default()));
        assert_eq!(Info::default().to_header_value(), None);
        // Another scheme's, or none: nothing is said.
        assert_eq!(Info::of(&fields("token=1"), Party::Server), Ok(Info::default()));
        for line in [r#"rspauth="a", rspauth="b""#, "rspauth", r#"rspauth="a"#] {
            assert!(Info::of(&fields(line), Party::Server).is_err(), "{line}");
        }
    }
}
