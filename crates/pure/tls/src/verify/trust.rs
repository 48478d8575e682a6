//! Whom one trusts, what is known to be revoked, and which signatures count.

use gatepost_model::time::Timestamp;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::{CertificateDer, TrustAnchor};
use webpki::{CertRevocationList, Error, OwnedCertRevocationList};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::error::TlsError;

/// What a judgement rests on.
#[derive(Debug)]
pub(crate) struct Trust {
    /// The roots as DER, each at the place of its anchor.
    roots: Vec<Vec<u8>>,
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    pub(crate) lists: Vec<CertRevocationList<'static>>,
    /// Whether what no list speaks about is a flaw.
    pub(crate) demands_status: bool,
    /// When the first of `lists` is too old.
    pub(crate) fresh_until: Option<Timestamp>,
}

impl Trust {
    /// Trusts these roots, and knows nothing of revocation.
    pub(crate) fn new(roots: &[Vec<u8>]) -> Result<Self, TlsError> {
        let read = |der: &Vec<u8>| {
            let certificate = CertificateDer::from(der.as_slice());
            let anchor = webpki::anchor_from_trusted_cert(&certificate).map(|anchor| anchor.to_owned());
            anchor.map_err(|error| malformed("root certificate", &error))
        };
        let anchors = roots.iter().map(read).collect::<Result<_, _>>()?;
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let (roots, lists) = (roots.to_vec(), Vec::new());
        Ok(Self { roots, anchors, algorithms, lists, demands_status: false, fresh_until: None })
    }

    /// Learns what was revoked.
    pub(crate) fn know_revoked(&mut self, lists: &[Vec<u8>], demand: bool) -> Result<(), TlsError> {
        let read = |der: &Vec<u8>| {
            let list = OwnedCertRevocationList::from_der(der).map(CertRevocationList::from);
            list.map_err(|error| malformed("revocation list", &error))
        };
        // Of two lists of one authority webpki asks the first.
        let mut lists = lists.to_vec();
        lists.sort_by_key(|der| std::cmp::Reverse(this_update(der)));
        self.lists = lists.iter().map(read).collect::<Result<_, _>>()?;
        self.fresh_until = lists.iter().filter_map(|der| next_update(der)).min();
        self.demands_status = demand;
        Ok(())
    }

    /// Whether this very certificate is one of the roots.
    pub(crate) fn knows(&self, der: &[u8]) -> bool {
        self.roots.iter().any(|root| root == der)
    }

    /// The root that has this anchor.
    pub(crate) fn root_of(&self, anchor: &TrustAnchor<'_>) -> Option<&[u8]> {
        let is_it = |one: &TrustAnchor<'_>| {
            one.subject == anchor.subject && one.subject_public_key_info == anchor.subject_public_key_info
        };
        self.anchors.iter().zip(&self.roots).find(|(one, _)| is_it(one)).map(|(_, root)| root.as_slice())
    }
}

fn this_update(list: &[u8]) -> Option<Timestamp> {
    let (_, list) = CertificateRevocationList::from_der(list).ok()?;
    Some(Timestamp::from_secs(list.last_update().timestamp()))
}

/// When a list says that there will be a newer one.
pub(crate) fn next_update(list: &[u8]) -> Option<Timestamp> {
    let (_, list) = CertificateRevocationList::from_der(list).ok()?;
    list.next_update().map(|at| Timestamp::from_secs(at.timestamp()))
}

fn malformed(what: &'static str, error: &Error) -> TlsError {
    TlsError::Malformed { what, detail: error.to_string() }
}
