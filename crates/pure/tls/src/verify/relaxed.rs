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

/// What is asked of the chain in this look.
pub(crate) struct Relaxed<'a> {
    /// At which moment.
    pub(crate) time: Timestamp,
    /// Whether for the purpose.
    pub(crate) usage: bool,
    /// Whether it was revoked.
    pub(crate) revocation: bool,
    /// Whom else it may end in.
    pub(crate) extra: Option<&'a [u8]>,
}

impl Relaxed<'_> {
    /// The path from `end` to an anchor, its own certificate first and the root last.
    pub(crate) fn look(&self, trust: &Trust, case: &Case<'_>) -> Result<Vec<Vec<u8>>, Error> {
        let extra = self.extra.map(CertificateDer::from);
        let extra = extra.as_ref().map(webpki::anchor_from_trusted_cert).transpose()?;
        let anchors = self.anchors(trust, extra.as_ref());
        let lists: Vec<&CertRevocationList<'static>> = trust.lists.iter().collect();
        let path = case.end.verify_for_usage(
            trust.algorithms.all,
            &anchors,
            case.sent,
            unix(self.time),
            Usage { purpose: case.purpose, strict: self.usage },
            self.revocation.then(|| revocation(trust, &lists)).flatten(),
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

    fn anchors<'j>(&self, trust: &'j Trust, extra: Option<&'j TrustAnchor<'j>>) -> Cow<'j, [TrustAnchor<'j>]> {
        match extra {
            None => Cow::Borrowed(trust.anchors.as_slice()),
            Some(extra) => trust.anchors.iter().chain([extra]).cloned().collect(),
        }
    }
}

fn revocation<'j>(trust: &Trust, lists: &'j [&'j CertRevocationList<'j>]) -> Option<RevocationOptions<'j>> {
    // Without lists there is nothing to ask.
    let builder = RevocationOptionsBuilder::new(lists).ok()?;
    let unknown = if trust.demands_status { UnknownStatusPolicy::Deny } else { UnknownStatusPolicy::Allow };
    let depth = RevocationCheckDepth::Chain;
    let whole = builder.with_depth(depth).with_status_policy(unknown);
    Some(whole.with_expiration_policy(ExpirationPolicy::Enforce).build())
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
