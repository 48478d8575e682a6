//! What proves that a name is ours: shown while an authority may ask, and no longer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use gatepost::tls::challenge::{Challenges, Shown};
use http::Method;
use http::request::Parts;

use crate::acme::wanted::Challenge;

/// Where an authority asks in the clear (RFC 8555 §8.3).
const PLACE: &str = "/.well-known/acme-challenge/";
/// Answers that are shown at once, at most.
const MOST: usize = 1000;
/// The longest token; they have at least 22 characters (128 bits, RFC 8555 §8.1).
const LONGEST_TOKEN: usize = 256;

/// The proofs that are shown. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Proofs {
    tokens: Arc<Tokens>,
    challenges: Arc<Challenges>,
}

/// Answers in the clear, by token.
#[derive(Debug, Default)]
struct Tokens {
    shown: RwLock<BTreeMap<String, Arc<str>>>,
    /// Whether there are any: known without touching the lock.
    are_any: AtomicBool,
}

/// One proof, shown for as long as this lives.
#[derive(Debug)]
#[must_use = "the proof is shown for as long as this lives"]
pub struct Held {
    _shown: Kind,
}

#[derive(Debug)]
enum Kind {
    Token { _shown: ShownToken },
    Certificate { _shown: Shown },
}

#[derive(Debug)]
struct ShownToken {
    tokens: Arc<Tokens>,
    token: String,
}

impl Proofs {
    /// Shows the proof for `name`: the key authorization under the token, or its digest in a certificate.
    ///
    /// # Errors
    /// Why not: the token is none, or too much is shown already.
    pub(crate) fn show(
        &self,
        challenge: Challenge,
        name: &str,
        token: &str,
        authorization: &str,
        digest: &[u8; 32],
    ) -> Result<Held, String> {
        // RFC 8555 §8.1: base64url. It becomes part of a path and of an answer, so nothing else may stand in it.
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        if token.is_empty() || token.len() > LONGEST_TOKEN || !token.bytes().all(plain) {
            return Err("its token is none: characters stand in it that are not base64url, or too many".to_owned());
        }
        let shown = match challenge {
            Challenge::Http01 => Kind::Token { _shown: self.tokens.show(token, authorization)? },
            Challenge::TlsAlpn01 => {
                Kind::Certificate { _shown: self.challenges.show(name, digest).map_err(|error| error.to_string())? }
            }
        };
        Ok(Held { _shown: shown })
    }

    /// What a listener with TLS answers an authority with.
    pub(crate) fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// The answer to a request in the clear, if it asks for a proof that is shown.
    pub(crate) fn answer(&self, head: &Parts) -> Option<Arc<str>> {
        if !self.tokens.are_any.load(Ordering::Acquire) || head.method != Method::GET {
            return None;
        }
        let token = head.uri.path().strip_prefix(PLACE)?;
        self.tokens.shown.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}

impl Tokens {
    fn show(self: &Arc<Self>, token: &str, authorization: &str) -> Result<ShownToken, String> {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if shown.len() >= MOST {
            return Err(format!("{MOST} names are being proved already"));
        }
        if shown.contains_key(token) {
            return Err("its token is another's".to_owned());
        }
        shown.insert(token.to_owned(), authorization.into());
        self.are_any.store(true, Ordering::Release);
        Ok(ShownToken { tokens: Arc::clone(self), token: token.to_owned() })
    }
}

impl Drop for ShownToken {
    fn drop(&mut self) {
        let mut shown = self.tokens.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.remove(&self.token);
        self.tokens.are_any.store(!shown.is_empty(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(method: &str, path: &str) -> Parts {
        Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_what_is_shown_is_answered_and_only_while_it_is() {
        let proofs = Proofs::default();
        let ask = |method: &str, path: &str| proofs.answer(&head(method, path)).map(|answer| answer.to_string());
        let path = "/.well-known/acme-challenge/abc-_1";
        assert_eq!(ask("GET", path), None);
        let held = proofs.show(Challenge::Http01, "a.test", "abc-_1", "abc-_1.thumb", &[0; 32]).unwrap();
        assert_eq!(ask("GET", path).as_deref(), Some("abc-_1.thumb"));
        for (method, path) in [("POST", path), ("GET", "/.well-known/acme-challenge/"), ("GET", "/abc-_1")] {
            assert_eq!(ask(method, path), None, "{method} {path}");
        }
        assert_eq!(ask("GET", &format!("{path}/x")), None);
        drop(held);
        assert_eq!(ask("GET", path), None);
    }

    #[test]
    fn a_token_that_is_none_is_not_shown() {
        let proofs = Proofs::default();
        let long = "a".repeat(257);
        for token in ["", "a/b", "..", "a b", "a\r\nb", "a.b", "é", &long] {
            for challenge in [Challenge::Http01, Challenge::TlsAlpn01] {
                assert!(proofs.show(challenge, "a.test", token, "x", &[0; 32]).is_err(), "{token:?}");
            }
        }
        let _held = proofs.show(Challenge::Http01, "a.test", "same", "x", &[0; 32]).unwrap();
        assert!(proofs.show(Challenge::Http01, "b.test", "same", "y", &[0; 32]).is_err());
    }
}
