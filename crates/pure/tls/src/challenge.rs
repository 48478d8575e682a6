//! The answers to an ACME authority's question over TLS whether a name is ours (tls-alpn-01, RFC 8737).
//!
//! While an answer is shown, a client that offers nothing but `acme-tls/1` and asks for its name gets the answer's
//! certificate and no other. Everybody else is served as ever; without an answer such a client is refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::error::TlsError;
use crate::issue::is_server_name;
use crate::manner::{Manner, Ready};
use crate::settings::ServerSettings;
use crate::version::TlsVersion;

/// The application protocol under which nothing is asked but for an answer (RFC 8737 §6.2). A connection that agreed
/// on it carries no request.
pub const PROTOCOL: &[u8] = b"acme-tls/1";

/// Answers that are shown at once, at most.
const MOST: usize = 1000;

/// The answers that are shown. Listeners share one.
#[derive(Debug, Default)]
pub struct Challenges {
    shown: RwLock<BTreeMap<String, Answer>>,
    /// Whether there are any: known without touching the lock.
    are_any: AtomicBool,
    next: AtomicU64,
}

#[derive(Debug)]
struct Answer {
    number: u64,
    settings: ServerSettings,
}

/// An answer that is shown for as long as this lives.
#[derive(Debug)]
#[must_use = "the answer is shown for as long as this lives"]
pub struct Shown {
    challenges: Arc<Challenges>,
    asked: String,
    number: u64,
}

impl Challenges {
    /// Shows the answer for a name or address, of which `digest` is the SHA-256 of the key authorization
    /// (RFC 8555 §8.1). Of two for one name the later one stands.
    ///
    /// # Errors
    /// [`TlsError::Issue`] if it is no name, or a thousand are shown already.
    pub fn show(self: &Arc<Self>, name: &str, digest: &[u8; 32]) -> Result<Shown, TlsError> {
        if !is_server_name(name) || name.starts_with("*.") {
            return Err(wrong(name, "it is neither a DNS name nor an IP address".to_owned()));
        }
        let settings = settings(certificate(name, digest)?)?;
        let (asked, number) = (asked_for(name), self.next.fetch_add(1, Ordering::Relaxed));
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if shown.len() >= MOST && !shown.contains_key(&asked) {
            return Err(wrong(name, format!("{MOST} names are being proved already")));
        }
        shown.insert(asked.clone(), Answer { number, settings });
        self.are_any.store(true, Ordering::Release);
        Ok(Shown { challenges: Arc::clone(self), asked, number })
    }

    /// Whether any answer is shown.
    pub(crate) fn are_any(&self) -> bool {
        self.are_any.load(Ordering::Acquire)
    }

    /// What a client that asks for an answer is to be shown, if it is one and there is one.
    ///
    /// RFC 8737 §3: it offers this protocol alone, and names what it asks for.
    pub(crate) fn settings_for(&self, hello: &ClientHello<'_>) -> Option<ServerSettings> {
        if !self.are_any() || !hello.alpn()?.eq([PROTOCOL]) {
            return None;
        }
        let asked = asked_for(hello.server_name()?);
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.get(&asked).map(|answer| answer.settings.clone())
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let mut shown = self.challenges.shown.write().unwrap_or_else(PoisonError::into_inner);
        if shown.get(&self.asked).is_some_and(|answer| answer.number == self.number) {
            shown.remove(&self.asked);
        }
        self.challenges.are_any.store(!shown.is_empty(), Ordering::Release);
    }
}

/// What a client asks for (SNI) that wants the answer for this name. An address is asked for by its name in the reverse
/// tree (RFC 8738 §6), since it cannot be one (RFC 6066 §3).
fn asked_for(name: &str) -> String {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(IpAddr::V6(address)) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).chain(["ip6.arpa".to_owned()]).collect()
        }
        Err(_) => name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(),
    }
}

/// RFC 8737 §3: for that name alone, with the digest in a critical extension.
fn certificate(name: &str, digest: &[u8; 32]) -> Result<CertifiedKey, TlsError> {
    let failed = |error: rcgen::Error| wrong(name, error.to_string());
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let made = params.self_signed(&key).map_err(failed)?;
    let signer = any_ecdsa_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into());
    let signer = signer.map_err(|error| wrong(name, error.to_string()))?;
    // What is critical and unknown to our own reader keeps it from comparing the two; they were made together.
    Ok(CertifiedKey::new(vec![made.der().clone()], signer))
}

fn settings(certificate: CertifiedKey) -> Result<ServerSettings, TlsError> {
    let resolver = Arc::new(SingleCertAndKey::from(certificate));
    let Ready { config, .. } =
        Manner::passing().config(TlsVersion::V1_2, TlsVersion::V1_3, &[PROTOCOL.to_vec()], resolver)?;
    Ok(ServerSettings::new(config))
}

fn wrong(name: &str, detail: String) -> TlsError {
    TlsError::Issue { name: name.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let table = [
            ("A.test.", "a.test"),
            ("192.0.2.10", "10.2.0.192.in-addr.arpa"),
            ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
        ];
        for (name, asked) in table {
            assert_eq!(asked_for(name), asked);
        }
    }

    #[test]
    fn an_answer_ends_with_its_holder_and_a_later_one_stays() {
        let challenges = Arc::new(Challenges::default());
        assert!(!challenges.are_any());
        let first = challenges.show("a.test", &[1; 32]).unwrap();
        let second = challenges.show("A.test", &[2; 32]).unwrap();
        drop(first);
        assert!(challenges.are_any());
        drop(second);
        assert!(!challenges.are_any() && challenges.shown.read().unwrap().is_empty());
        assert!(challenges.show("a b", &[0; 32]).is_err());
    }
}
