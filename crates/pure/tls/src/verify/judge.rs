//! Judges a chain and goes on after the first flaw: each condition that is found broken is noted and set aside, and
//! webpki looks again, until nothing new is found or nothing more can be set aside.
//!
//! So what passes has passed webpki, except for exactly what is noted.

use gatepost_model::time::Timestamp;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName};
use webpki::{EndEntityCert, Error};

use crate::error::TlsError;

use super::flaw::{Flaw, Severity};
use super::judgement::Judgement;
use super::purpose::Purpose;
use super::relaxed::{Case, Relaxed, Revocation};
use super::trust::Trust;
use super::walk::Walk;

/// More certificates than this are not looked at.
const MOST: usize = 32;
/// Looks at one chain: every condition is set aside at most once.
const LOOKS: usize = 6;

/// Knows whom to trust and what was revoked.
#[derive(Debug)]
pub struct Judge {
    trust: Trust,
}

impl Judge {
    /// A judge who trusts these roots, as DER. With none, every chain is untrusted.
    ///
    /// # Errors
    /// [`TlsError::Malformed`] for a root that is no certificate.
    pub fn new(roots: &[Vec<u8>]) -> Result<Self, TlsError> {
        Ok(Self { trust: Trust::new(roots)? })
    }

    /// Knows revocation lists (RFC 5280 §5) as DER. A list counts for the certificates of its issuer, and not past
    /// its `nextUpdate`. With `demand`, what no list speaks about is [`Flaw::RevocationUnknown`].
    ///
    /// # Errors
    /// [`TlsError::Malformed`] for what is no list.
    pub fn with_revocation(mut self, lists: &[Vec<u8>], demand: bool) -> Result<Self, TlsError> {
        self.trust.know_revoked(lists, demand)?;
        Ok(self)
    }

    /// When the first of its lists is too old.
    pub(crate) fn fresh_until(&self) -> Option<Timestamp> {
        self.trust.fresh_until
    }

    /// What signatures may be made with.
    pub(crate) fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.trust.algorithms
    }

    /// All that is wrong with the chain of `leaf` and what was `sent` after it, at `now`. `name` is whom one
    /// wanted; a client has none.
    #[must_use]
    pub fn judge(
        &self,
        leaf: &[u8],
        sent: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        purpose: Purpose,
        now: Timestamp,
    ) -> Judgement {
        let chain = std::iter::once(leaf).chain(sent.iter().map(AsRef::as_ref)).map(<[u8]>::to_vec).collect();
        let mut judgement = Judgement { chain, ..Judgement::default() };
        if sent.len() > MOST {
            judgement.note(Flaw::Other, format!("more than {MOST} certificates came"));
            return judgement;
        }
        let Some(walk) = Walk::new(leaf, sent.iter().map(AsRef::as_ref)) else {
            judgement.note(Flaw::Malformed, "the certificate cannot be read");
            return judgement;
        };
        judgement.path = walk.path();
        let leaf = CertificateDer::from(leaf);
        match EndEntityCert::try_from(&leaf) {
            Ok(end) => {
                note_name(&end, name, &mut judgement);
                let case = Case { end: &end, sent, purpose };
                self.look_on(&case, &walk, now, &mut judgement);
            }
            Err(error) => judgement.note(flaw(&error), words(&error)),
        }
        // Of the certificates that count: those of the path, or of what the names lead to where there is none.
        let path = std::mem::take(&mut judgement.path);
        match Walk::along(&path) {
            Some(along) => {
                along.note_times(now, &mut judgement);
                along.note_strengths(&mut judgement);
            }
            None => judgement.note(Flaw::Malformed, "a certificate of the path cannot be read"),
        }
        judgement.path = path;
        judgement
    }

    fn look_on(&self, case: &Case<'_>, walk: &Walk<'_>, now: Timestamp, judgement: &mut Judgement) {
        let mut asked = Relaxed { time: now, usage: true, revocation: Revocation::AsAsked, extra: None };
        for _ in 0..LOOKS {
            let error = match asked.look(&self.trust, case) {
                Ok(path) => {
                    (judgement.path, judgement.is_proven) = (path, true);
                    // At another moment, webpki takes a list that is too old by now.
                    if asked.time != now && self.trust.fresh_until.is_some_and(|until| until < now) {
                        judgement.note(Flaw::RevocationFailed, words(&Error::IssuerNotCrlSigner));
                    }
                    return;
                }
                Err(error) => error,
            };
            // webpki takes no certificate of an authority for an end's own, but people do sign those themselves, for
            // servers.
            if matches!(error, Error::CaUsedAsEndEntity) && case.purpose == Purpose::Server && walk.is_self_signed() {
                return self.note_self_signed(case.end, walk, judgement);
            }
            if matches!(flaw(&error), Flaw::Expired | Flaw::NotYetValid) {
                // In better words than webpki's, which do not say whose.
                walk.note_times(now, judgement);
            }
            judgement.note(flaw_in(&error, walk), words_in(&error, walk));
            if matches!(flaw(&error), Flaw::RevocationUnknown | Flaw::RevocationFailed) {
                self.note_revoked(&asked, case, judgement);
            }
            if !set_aside(&error, &mut asked, walk, now) {
                // There may be more that is wrong and was not looked at: who ignores this must not ignore that. But that
                // nobody's key is there to look with is just what an incomplete chain means.
                let is_told = flaw(&error) == Flaw::Untrusted && walk.is_alone() && !walk.is_rooted();
                if flaw(&error).severity() == Severity::Ignorable && !is_told {
                    judgement.note(Flaw::Other, "the chain could not be judged any further");
                }
                return;
            }
        }
        judgement.note(Flaw::Other, "the chain could not be judged");
    }

    /// Where one list cannot be believed, or none speaks, another may still say that a certificate was taken back:
    /// each is asked alone, however old it is.
    fn note_revoked(&self, asked: &Relaxed<'_>, case: &Case<'_>, judgement: &mut Judgement) {
        for number in 0..self.trust.lists.len() {
            let alone = Relaxed { revocation: Revocation::Only(number), ..*asked };
            if matches!(alone.look(&self.trust, case), Err(Error::CertRevoked)) {
                judgement.note(Flaw::Revoked, words(&Error::CertRevoked));
            }
        }
    }

    /// A self-signed certificate of an authority: it is trusted if it is itself one of the roots. webpki has not looked
    /// at what it is for.
    fn note_self_signed(&self, end: &EndEntityCert<'_>, walk: &Walk<'_>, judgement: &mut Judgement) {
        if !walk.is_for_servers() {
            judgement.note(Flaw::WrongUsage, words(&Error::EmptyEkuExtension));
        }
        if self.trust.demands_status {
            judgement.note(Flaw::RevocationUnknown, words(&Error::UnknownRevocationStatus));
        }
        if self.trust.knows(end.der().as_ref()) {
            judgement.is_proven = true;
            return;
        }
        judgement.note(Flaw::Untrusted, "the certificate is self-signed, and not trusted here");
        judgement.is_proven = walk.own_signature().is_some_and(|(signed, signature)| {
            self.trust.algorithms.all.iter().any(|one| end.verify_signature(*one, signed, signature).is_ok())
        });
        if !judgement.is_proven {
            judgement.note(Flaw::BadSignature, words(&Error::InvalidSignatureForPublicKey));
        }
    }
}

/// Sets the condition aside that was broken, so that the next look finds others. `false` if there is no going on.
fn set_aside<'a>(error: &Error, asked: &mut Relaxed<'a>, walk: &Walk<'a>, now: Timestamp) -> bool {
    match flaw(error) {
        Flaw::Expired | Flaw::NotYetValid if asked.time == now => match walk.common_moment(now) {
            Some(moment) if moment != now => asked.time = moment,
            _ => return false,
        },
        // A leaf without any issuer: nobody's key is there to look with.
        Flaw::Untrusted if asked.extra.is_none() && (!walk.is_alone() || walk.is_rooted()) => {
            asked.extra = Some(walk.top());
        }
        Flaw::WrongUsage if asked.usage => asked.usage = false,
        Flaw::Revoked | Flaw::RevocationUnknown | Flaw::RevocationFailed
            if asked.revocation != Revocation::NotAsked =>
        {
            asked.revocation = Revocation::NotAsked;
        }
        _ => return false,
    }
    true
}

fn note_name(end: &EndEntityCert<'_>, name: Option<&ServerName<'_>>, judgement: &mut Judgement) {
    let Some(Err(error)) = name.map(|name| end.verify_is_valid_for_subject_name(name)) else { return };
    let Error::CertNotValidForName(context) = &error else {
        return judgement.note(Flaw::WrongName, words(&error));
    };
    let presented: Vec<String> = context.presented.iter().map(|name| plain_name(name)).collect();
    let presented = if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") };
    let text = format!("the certificate is not valid for {}; it is valid for {presented}", context.expected.to_str());
    judgement.note(Flaw::WrongName, text);
}

/// webpki gives presented names as `DnsName("x")`; people read `x`.
pub(crate) fn plain_name(presented: &str) -> String {
    let inner = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"').to_owned()
}

/// Which flaw an error of webpki is. An error that no arm names is [`Flaw::Other`], which is fatal.
fn flaw(error: &Error) -> Flaw {
    match error {
        Error::CertExpired { .. } => Flaw::Expired,
        Error::CertNotValidYet { .. } => Flaw::NotYetValid,
        Error::UnknownIssuer => Flaw::Untrusted,
        Error::CertNotValidForName(_) => Flaw::WrongName,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Flaw::WrongUsage,
        Error::CertRevoked => Flaw::Revoked,
        Error::UnknownRevocationStatus => Flaw::RevocationUnknown,
        Error::CrlExpired { .. }
        | Error::InvalidCrlSignatureForPublicKey
        | Error::IssuerNotCrlSigner
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Flaw::RevocationFailed,
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => Flaw::BadSignature,
        Error::NameConstraintViolation => Flaw::NameConstraint,
        Error::CaUsedAsEndEntity | Error::EndEntityUsedAsCa | Error::PathLenConstraintViolated => {
            Flaw::BasicConstraints
        }
        Error::UnsupportedCriticalExtension => Flaw::CriticalExtension,
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Flaw::WeakSignature
        }
        Error::BadDer | Error::BadDerTime | Error::InvalidCertValidity | Error::UnsupportedCertVersion => {
            Flaw::Malformed
        }
        _ => Flaw::Other,
    }
}

/// The same, knowing how far the issuers led: without a root in sight, one is missing.
fn flaw_in(error: &Error, walk: &Walk<'_>) -> Flaw {
    match flaw(error) {
        Flaw::Untrusted if !walk.is_rooted() => Flaw::IncompleteChain,
        other => other,
    }
}

fn words_in(error: &Error, walk: &Walk<'_>) -> String {
    match flaw_in(error, walk) {
        Flaw::Untrusted => {
            format!("the certificate was issued by an authority that is not trusted here ({})", walk.last_issuer())
        }
        Flaw::IncompleteChain => format!(
            "the certificate was issued by an authority that is not trusted here, and what came with it does not lead \
             to one that is ({} is missing)",
            walk.last_issuer()
        ),
        _ => words(error),
    }
}

fn words(error: &Error) -> String {
    match flaw(error) {
        Flaw::Expired => "a certificate of the chain expired".to_owned(),
        Flaw::NotYetValid => "a certificate of the chain is not valid yet".to_owned(),
        Flaw::WrongUsage => "the certificate is not for this purpose (extended key usage)".to_owned(),
        Flaw::Revoked => "a certificate of the chain was revoked".to_owned(),
        Flaw::RevocationUnknown => "no revocation list speaks about a certificate of the chain".to_owned(),
        Flaw::RevocationFailed => "a revocation list is too old, or not signed by its authority".to_owned(),
        Flaw::BadSignature => {
            "a signature does not fit: the certificate comes from another authority of the same name, or was altered"
                .to_owned()
        }
        Flaw::NameConstraint => "its authority may not issue certificates for that name".to_owned(),
        Flaw::BasicConstraints => "a certificate was issued by one that may not, or is an authority's own".to_owned(),
        Flaw::CriticalExtension => "a certificate has a critical extension that is not understood".to_owned(),
        Flaw::WeakSignature => {
            "a certificate is signed with an algorithm that is too weak, or not known here".to_owned()
        }
        Flaw::Malformed => "a certificate cannot be read".to_owned(),
        _ => format!("the certificate is not acceptable: {error}"),
    }
}
