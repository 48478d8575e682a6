//! OCSP responses (RFC 6960 §4.2.1) as an authority would give them, and as none would.

use aws_lc_rs::digest;
use rcgen::{KeyPair, SigningKey};

/// What is said of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It was not taken back.
    Good,
    /// It was, at this moment: `20260101000000Z`.
    Revoked(&'static str),
    /// Nobody knows it.
    Unknown,
}

/// A response in the making. All of it can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What is said.
    pub word: Word,
    /// Since when it counts: `20260101000000Z`.
    pub this_update: String,
    /// Until when; `None`: it does not say.
    pub next_update: Option<String>,
    /// Certificates that come along, as DER.
    pub certificates: Vec<Vec<u8>>,
    /// Extensions of the response, as DER.
    pub extensions: Vec<Vec<u8>>,
}

/// What stands before the public key in a certificate, by number: version, serial, algorithm, issuer, validity, subject.
const BEFORE_KEY: usize = 6;

impl Reply {
    /// A word that counts between these moments.
    #[must_use]
    pub fn new(word: Word, this_update: &str, next_update: &str) -> Self {
        let next_update = Some(next_update.to_owned());
        Self { word, this_update: this_update.into(), next_update, certificates: vec![], extensions: vec![] }
    }

    /// The response about `leaf` (DER), which `issuer` (DER) has issued, signed with `key`. It says that whoever is the
    /// subject of `signer` (DER) has signed it.
    ///
    /// # Panics
    /// If a certificate cannot be read, or the key cannot sign.
    #[must_use]
    pub fn sign(&self, leaf: &[u8], issuer: &[u8], signer: &[u8], key: &KeyPair) -> Vec<u8> {
        let responder = tlv(0xa1, &field(signer, BEFORE_KEY - 1));
        let produced = tlv(0x18, self.this_update.as_bytes());
        let mut data = [responder, produced, tlv(0x30, &self.single(leaf, issuer))].concat();
        if !self.extensions.is_empty() {
            data.extend(tlv(0xa1, &tlv(0x30, &self.extensions.concat())));
        }
        let data = tlv(0x30, &data);
        let signature = key.sign(&data).expect("a key signs");
        // ecdsa-with-SHA256: the keys of this kit are P-256.
        let algorithm = tlv(0x30, &tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
        let mut basic = [data, algorithm, tlv(3, &[&[0], signature.as_slice()].concat())].concat();
        if !self.certificates.is_empty() {
            basic.extend(tlv(0xa0, &tlv(0x30, &self.certificates.concat())));
        }
        let typed = [tlv(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]), tlv(4, &tlv(0x30, &basic))].concat();
        tlv(0x30, &[tlv(10, &[0]), tlv(0xa0, &tlv(0x30, &typed))].concat())
    }

    fn single(&self, leaf: &[u8], issuer: &[u8]) -> Vec<u8> {
        let sha1 = |octets: &[u8]| tlv(4, digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref());
        let key = field(issuer, BEFORE_KEY);
        let (_, bits) = split(inside(&key));
        let key = sha1(inside(bits).get(1..).expect("a public key"));
        let algorithm = tlv(0x30, &[tlv(6, &[0x2b, 0x0e, 3, 2, 0x1a]), tlv(5, &[])].concat());
        let id = tlv(0x30, &[algorithm, sha1(&field(leaf, 3)), key, field(leaf, 1)].concat());
        let word = match self.word {
            Word::Good => tlv(0x80, &[]),
            Word::Revoked(since) => tlv(0xa1, &tlv(0x18, since.as_bytes())),
            Word::Unknown => tlv(0x82, &[]),
        };
        let mut single = [id, word, tlv(0x18, self.this_update.as_bytes())].concat();
        if let Some(next) = &self.next_update {
            single.extend(tlv(0xa0, &tlv(0x18, next.as_bytes())));
        }
        tlv(0x30, &single)
    }
}

/// One element of DER.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    let length = match significant.as_slice() {
        [] => vec![0],
        [short] if *short < 0x80 => vec![*short],
        long => [&[0x80 | u8::try_from(long.len()).expect("a length")], long].concat(),
    };
    [&[tag], length.as_slice(), content].concat()
}

/// The serial number of a certificate.
pub(crate) fn serial(certificate: &[u8]) -> Vec<u8> {
    inside(&field(certificate, 1)).to_vec()
}

/// A field of a certificate by its number.
fn field(certificate: &[u8], number: usize) -> Vec<u8> {
    let mut rest = inside(inside(certificate));
    for _ in 0..number {
        (_, rest) = split(rest);
    }
    split(rest).0.to_vec()
}

/// What an element holds, and nothing behind it.
fn inside(element: &[u8]) -> &[u8] {
    let (header, length) = measure(element);
    element.get(header..header + length).expect("DER")
}

/// The first element, and what follows.
fn split(octets: &[u8]) -> (&[u8], &[u8]) {
    let (header, length) = measure(octets);
    octets.split_at(header + length)
}

/// The length of the header, and of the content.
fn measure(element: &[u8]) -> (usize, usize) {
    match *element.get(1).expect("DER") {
        short if short < 0x80 => (2, usize::from(short)),
        long => {
            let end = 2 + usize::from(long & 0x7f);
            let octets = element.get(2..end).expect("DER");
            (end, octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
        }
    }
}
