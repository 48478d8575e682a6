//! The chain as the names of issuers lead, before any signature is looked at: for words, times and keys.

use gatepost_model::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::flaw::Flaw;
use super::judgement::Judgement;

/// So far a chain is followed: public ones have three or four certificates.
const DEPTH: usize = 10;
/// NIST SP 800-57: 112 bits of security.
const LEAST_RSA_BITS: usize = 2048;
/// Signatures over MD2, MD5 and SHA-1 with RSA (RFC 8017), over SHA-1 with ECDSA (RFC 5758) and DSA.
const WEAK_SIGNATURES: [&str; 5] =
    ["1.2.840.113549.1.1.2", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1", "1.2.840.10040.4.3"];

/// The certificates from the end's own as far as issuers are known, at least one.
pub(crate) struct Walk<'a> {
    links: Vec<Link<'a>>,
}

struct Link<'a> {
    der: &'a [u8],
    parsed: X509Certificate<'a>,
}

impl<'a> Walk<'a> {
    /// Follows issuers' names from `leaf` through what was `sent` besides. `None` if the leaf cannot be read; what
    /// else cannot is passed over.
    pub(crate) fn new(leaf: &'a [u8], sent: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut others: Vec<Link<'a>> = sent.filter_map(Link::read).collect();
        let mut links = vec![Link::read(leaf)?];
        while let Some(last) = links.last().filter(|last| !last.is_self_issued() && links.len() < DEPTH) {
            let issuer = last.parsed.issuer().as_raw();
            let Some(at) = others.iter().position(|other| other.parsed.subject().as_raw() == issuer) else { break };
            links.push(others.swap_remove(at));
        }
        Some(Self { links })
    }

    /// The certificates of a path that was found; `None` if one cannot be read.
    pub(crate) fn along(path: &'a [Vec<u8>]) -> Option<Self> {
        let links = path.iter().map(|der| Link::read(der)).collect::<Option<Vec<_>>>()?;
        (!links.is_empty()).then_some(Self { links })
    }

    /// The last that is known.
    pub(crate) fn top(&self) -> &'a [u8] {
        self.links.last().map_or(&[], |link| link.der)
    }

    /// Whether only the leaf is known.
    pub(crate) fn is_alone(&self) -> bool {
        self.links.len() == 1
    }

    /// Whether it ends in a certificate that names itself as its issuer.
    pub(crate) fn is_rooted(&self) -> bool {
        self.links.last().is_some_and(Link::is_self_issued)
    }

    /// Who issued the last that is known.
    pub(crate) fn last_issuer(&self) -> String {
        self.links.last().map(|link| link.parsed.issuer().to_string()).unwrap_or_default()
    }

    /// Its certificates as DER.
    pub(crate) fn path(&self) -> Vec<Vec<u8>> {
        self.links.iter().map(|link| link.der.to_vec()).collect()
    }

    /// Whether the leaf names itself as its issuer.
    pub(crate) fn is_self_signed(&self) -> bool {
        self.links.first().is_some_and(Link::is_self_issued)
    }

    /// Whether the leaf may be a server's: it says so, or says nothing (RFC 5280 §4.2.1.12).
    pub(crate) fn is_for_servers(&self) -> bool {
        let usages = self.links.first().map(|leaf| leaf.parsed.extended_key_usage());
        usages.is_some_and(|usages| usages.is_ok_and(|usages| usages.is_none_or(|usages| usages.value.server_auth)))
    }

    /// What the leaf signed of itself, and the signature; for one that is self-issued.
    pub(crate) fn own_signature(&self) -> Option<(&[u8], &[u8])> {
        let leaf = self.links.first().filter(|leaf| leaf.is_self_issued())?;
        Some((leaf.parsed.tbs_certificate.as_ref(), leaf.parsed.signature_value.data.as_ref()))
    }

    /// A moment at which all of them hold: `now` if they do, else the nearest.
    pub(crate) fn common_moment(&self, now: Timestamp) -> Option<Timestamp> {
        let first = self.links.iter().map(Link::not_before).max()?;
        let last = self.links.iter().map(Link::not_after).min()?;
        (first <= last).then(|| now.clamp(first, last))
    }

    /// Notes every certificate that is over or has not begun.
    pub(crate) fn note_times(&self, now: Timestamp, judgement: &mut Judgement) {
        for (at, link) in self.links.iter().enumerate() {
            let whose = link.name(at);
            if now > link.not_after() {
                judgement.note(Flaw::Expired, format!("{whose} expired at {}", link.not_after()));
            }
            if now < link.not_before() {
                judgement.note(Flaw::NotYetValid, format!("{whose} is not valid yet, only from {}", link.not_before()));
            }
        }
    }

    /// Notes every certificate that has too short a key or too weak a signature.
    pub(crate) fn note_strengths(&self, judgement: &mut Judgement) {
        for (at, link) in self.links.iter().enumerate() {
            let whose = link.name(at);
            if let Some(bits) = link.rsa_bits().filter(|bits| *bits < LEAST_RSA_BITS) {
                let text = format!("{whose} has an RSA key of {bits} bits; {LEAST_RSA_BITS} are the least");
                judgement.note(Flaw::WeakKey, text);
            }
            // Nobody asks what a root says of itself.
            if link.is_signed_weakly() && (at == 0 || !link.is_self_issued()) {
                judgement.note(Flaw::WeakSignature, format!("{whose} is signed over SHA-1 or weaker"));
            }
        }
    }
}

impl<'a> Link<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        rest.is_empty().then_some(Self { der, parsed })
    }

    fn is_self_issued(&self) -> bool {
        self.parsed.subject().as_raw() == self.parsed.issuer().as_raw()
    }

    fn not_before(&self) -> Timestamp {
        Timestamp::from_secs(self.parsed.validity().not_before.timestamp())
    }

    fn not_after(&self) -> Timestamp {
        Timestamp::from_secs(self.parsed.validity().not_after.timestamp())
    }

    fn rsa_bits(&self) -> Option<usize> {
        match self.parsed.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => Some(key.key_size()),
            _ => None,
        }
    }

    fn is_signed_weakly(&self) -> bool {
        WEAK_SIGNATURES.contains(&self.parsed.signature_algorithm.algorithm.to_id_string().as_str())
    }

    fn name(&self, at: usize) -> String {
        if at == 0 { "the certificate".to_owned() } else { format!("the authority {}", self.parsed.subject()) }
    }
}
