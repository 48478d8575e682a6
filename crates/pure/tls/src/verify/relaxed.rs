//! One look of webpki at a chain, with some of its conditions set aside because they were found broken before.

use std::borrow::Cow;

use gatepost_model::time::Timestamp;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::purpose::Purpose;
use super::trust::Trust;

/// What is judged.
pub(crate) struct Case<'a> {
    pub(crate) end: &'a EndEntityCert<'a>,
    pub(crate) sent: &'a [CertificateDer<'a>],
    pub(crate) purpose: Purpose,
}

/// How it is asked whether a certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// By all lists, and none may be too old.
    AsAsked,
    /// By the list of this number alone, however old it is.
    Only(usize),
    /// Not at all.
    NotAsked,
}

/// What is asked of the chain in this look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relaxed<'a> {
    /// At which moment.
    pub(crate) time: Timestamp,
    /// Whether for the purpose.
    pub(crate) usage: bool,
    /// Whether it was revoked.
    pub(crate) revocation: Revocation,
    /// Whom else it may end in.
    pub(crate) extra: Option<&'a [u8]>,
}

impl Relaxed<'_> {
    /// The path from `end` to an anchor, its own certificate first and the root last.
    pub(crate) fn look(&self, trust: &Trust, case: &Case<'_>) -> Result<Vec<Vec<u8>>, Error> {
        let extra = self.extra.map(CertificateDer::from);
        let extra = extra.as_ref().map(webpki::anchor_from_trusted_cert).transpose()?;
        let anchors = self.anchors(trust, extra.as_ref());
        // Where a status is demanded and there is nobody to ask, nothing is known.
        if self.revocation == Revocation::AsAsked && trust.demands_status && trust.lists.is_empty() {
            let alone = Self { revocation: Revocation::NotAsked, ..*self };
            return alone.look(trust, case).and(Err(Error::UnknownRevocationStatus));
        }
        let lists: Vec<&CertRevocationList<'static>> = match self.revocation {
            Revocation::AsAsked => trust.lists.iter().collect(),
            Revocation::Only(number) => trust.lists.get(number).into_iter().collect(),
            Revocation::NotAsked => Vec::new(),
        };
        let path = case.end.verify_for_usage(
            trust.algorithms.all,
            &anchors,
            case.sent,
            unix(self.time),
            Usage { purpose: case.purpose, strict: self.usage },
            self.options(trust, &lists),
            None,
        )?;
        let mut certificates = vec![path.end_entity().der().to_vec()];
        certificates.extend(path.intermediate_certificates().map(|one| one.der().to_vec()));
        let root = trust.root_of(path.anchor());
        // A leaf that is its own root stands there once.
        if let Some(root) = root.or(self.extra).filter(|root| certificates.last().is_none_or(|last| last != root)) {
            certificates.push(root.to_vec());
        }
        Ok(certificates)
    }

    fn options<'t>(&self, trust: &Trust, lists: &'t [&'t CertRevocationList<'t>]) -> Option<RevocationOptions<'t>> {
        // Without lists there is nothing to ask.
        let builder = RevocationOptionsBuilder::new(lists).ok()?.with_depth(RevocationCheckDepth::Chain);
        let (unknown, expired) = match self.revocation {
            Revocation::AsAsked if trust.demands_status => (UnknownStatusPolicy::Deny, ExpirationPolicy::Enforce),
            Revocation::AsAsked => (UnknownStatusPolicy::Allow, ExpirationPolicy::Enforce),
            Revocation::Only(_) | Revocation::NotAsked => (UnknownStatusPolicy::Allow, ExpirationPolicy::Ignore),
        };
        Some(builder.with_status_policy(unknown).with_expiration_policy(expired).build())
    }

    fn anchors<'j>(&self, trust: &'j Trust, extra: Option<&'j TrustAnchor<'j>>) -> Cow<'j, [TrustAnchor<'j>]> {
        match extra {
            None => Cow::Borrowed(trust.anchors.as_slice()),
            Some(extra) => trust.anchors.iter().chain([extra]).cloned().collect(),
        }
    }
}

fn unix(moment: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(moment.as_secs()).unwrap_or_default()))
}

/// Judges extended key usages, or lets all pass.
struct Usage {
    purpose: Purpose,
    strict: bool,
}

impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        if !self.strict {
            return Ok(());
        }
        match self.purpose {
            Purpose::Server => KeyUsage::server_auth().validate(usages),
            Purpose::Client => KeyUsage::client_auth().validate(usages),
        }
    }
}
