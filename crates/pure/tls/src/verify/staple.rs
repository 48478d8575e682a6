//! What a server staples to its certificate: its authority's word whether it was revoked (RFC 6066 §8), and whether the
//! certificate demands one (RFC 7633).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gatepost_model::time::Timestamp;
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::flaw::Flaw;
use super::judgement::Judgement;
use crate::certificate::fingerprint;
use crate::ocsp::der::Reader;
use crate::ocsp::status::{Status, judge};

/// Certificates whose staple is kept: with one more, all are forgotten.
const KEPT: usize = 256;
/// id-pe-tlsfeature (RFC 7633 §6).
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
/// The number of the extension status_request (RFC 6066 §8). Its successor is not on offer here.
const STATUS_REQUEST: [u8; 1] = [5];

/// What was stapled to a certificate, as DER; empty if nothing was.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stapled<'a> {
    /// In this handshake.
    Now(&'a [u8]),
    /// In the one in which the session was begun that is resumed: it counts as long as it says, and then it is gone.
    Before(&'a [u8]),
}

/// Notes what a stapled response says against the certificate that was judged, and that one is missing which has to be
/// there.
pub(crate) fn note_staple(stapled: Stapled<'_>, now: Timestamp, judgement: &mut Judgement) {
    let Some(leaf) = judgement.chain.first().cloned() else { return };
    let (Stapled::Now(response) | Stapled::Before(response)) = stapled;
    if !response.is_empty() {
        let status = match judgement.path.get(1) {
            Some(issuer) => judge(response, &leaf, issuer, now).map_err(|unbelievable| unbelievable.to_string()),
            None => Err("an OCSP response came, and who issued the certificate is not known".to_owned()),
        };
        match (status, stapled) {
            (Ok(status), _) => note_status(status, judgement),
            // RFC 6066 §8: what is not satisfactory ends the handshake, also where none had to come.
            (Err(detail), Stapled::Now(_)) => judgement.note(Flaw::RevocationFailed, detail),
            (Err(_), Stapled::Before(_)) => {}
        }
    }
    // Only the leaf is asked: what an authority's certificate demands is a matter of what it issues (RFC 7633 §4.2.2).
    if judgement.stapled.is_none() && demands_one(&leaf) {
        judgement.note(Flaw::MustStaple, "the certificate demands a stapled OCSP response, and none came that counts");
    }
}

fn note_status(status: Status, judgement: &mut Judgement) {
    match status {
        // Where the path follows names only, anybody could have signed it.
        Status::Good { until } => judgement.stapled = judgement.is_proven.then_some(until),
        Status::Revoked { since } => {
            judgement.note(Flaw::Revoked, format!("the certificate was revoked at {since}, says its authority"));
        }
        Status::Unknown => {
            judgement.note(Flaw::RevocationUnknown, "its authority says that it does not know the certificate");
        }
    }
}

/// Whether a certificate demands a staple. One that demands something that cannot be read does.
fn demands_one(leaf: &[u8]) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return false };
    let features = leaf.extensions().iter().filter(|extension| extension.oid.to_id_string() == TLS_FEATURE);
    features.into_iter().any(|features| lists_status_request(features.value).unwrap_or(true))
}

fn lists_status_request(value: &[u8]) -> Option<bool> {
    let mut list = Reader::new(value);
    let mut features = list.sequence().filter(|_| list.is_at_end())?;
    let mut found = false;
    while !features.is_at_end() {
        found |= features.take(Tag::Integer)?.content == STATUS_REQUEST;
    }
    Some(found)
}

/// What was stapled to certificates that passed, by the certificate.
#[derive(Default)]
pub(crate) struct Staples(Mutex<HashMap<[u8; 32], Arc<[u8]>>>);

impl Staples {
    /// Keeps what came with a certificate; nothing came if it is empty.
    pub(crate) fn keep(&self, leaf: &[u8], response: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if response.is_empty() {
            kept.remove(&fingerprint(leaf));
            return;
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(fingerprint(leaf), response.into());
    }

    /// What came with a certificate last; empty if nothing is known.
    pub(crate) fn of(&self, leaf: &[u8]) -> Arc<[u8]> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&fingerprint(leaf)).cloned().unwrap_or_default()
    }
}

impl fmt::Debug for Staples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Staples(..)")
    }
}
