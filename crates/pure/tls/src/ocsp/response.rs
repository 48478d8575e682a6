//! An OCSP response as it is written (RFC 6960 §4.2.1), before anybody believes it.

use gatepost_model::time::Timestamp;
use x509_parser::asn1_rs::Tag;

use super::der::{Element, Reader};
use super::signed::Signed;

/// More octets than this are not looked at; real ones have some hundred to few thousand.
pub(crate) const LONGEST: usize = 64 * 1024;
/// More certificates of responders than this are not looked at.
const MOST_CERTIFICATES: usize = 8;
/// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1.
const BASIC: [u8; 9] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// Why there is no answer in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It cannot be read, or says something that has to be understood and is not.
    Malformed,
    /// The responder has none, by the number of its reason.
    Status(u8),
}

/// A response with an answer.
#[derive(Debug)]
pub(crate) struct Basic<'a> {
    /// What is signed.
    pub(crate) signed: Signed<'a>,
    /// Who says to have signed it.
    pub(crate) responder: Responder<'a>,
    /// What is said, of each certificate.
    pub(crate) answers: Vec<Answer<'a>>,
    /// Certificates that came along, as DER.
    pub(crate) certificates: Vec<&'a [u8]>,
}

/// How a responder calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Responder<'a> {
    /// By the subject of its certificate, as DER.
    Name(&'a [u8]),
    /// By the SHA-1 of its public key.
    Key(&'a [u8]),
}

/// What is said of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) of: Named<'a>,
    pub(crate) word: Word,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Option<Timestamp>,
}

/// How a certificate is named (CertID).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    /// The object identifier of the hash, its content.
    pub(crate) hash: &'a [u8],
    pub(crate) issuer_name: &'a [u8],
    pub(crate) issuer_key: &'a [u8],
    pub(crate) serial: &'a [u8],
}

/// The word itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Good,
    Revoked(Timestamp),
    Unknown,
}

/// Reads a response.
pub(crate) fn read(octets: &[u8]) -> Result<Basic<'_>, NoAnswer> {
    if octets.len() > LONGEST {
        return Err(NoAnswer::Malformed);
    }
    let (status, bytes) = outer(octets).ok_or(NoAnswer::Malformed)?;
    match (status, bytes) {
        (0, Some(bytes)) => basic(bytes).ok_or(NoAnswer::Malformed),
        (0, None) => Err(NoAnswer::Malformed),
        (status, _) => Err(NoAnswer::Status(status)),
    }
}

/// OCSPResponse: the status, and what stands in the octets of a basic response.
fn outer(octets: &[u8]) -> Option<(u8, Option<&[u8]>)> {
    let mut all = Reader::new(octets);
    let mut response = all.sequence().filter(|_| all.is_at_end())?;
    let [status] = response.take(Tag::Enumerated)?.content else { return None };
    let Some(bytes) = response.tagged(0) else { return response.is_at_end().then_some((*status, None)) };
    let mut explicit = bytes.inside();
    let mut typed = explicit.sequence()?;
    let is_basic = typed.take(Tag::Oid)?.content == BASIC;
    let content = typed.take(Tag::OctetString)?.content;
    (is_basic && typed.is_at_end() && explicit.is_at_end() && response.is_at_end()).then_some((*status, Some(content)))
}

/// BasicOCSPResponse.
fn basic(octets: &[u8]) -> Option<Basic<'_>> {
    let mut all = Reader::new(octets);
    let mut response = all.sequence().filter(|_| all.is_at_end())?;
    let signed = Signed::read(&mut response)?;
    let mut certificates = Vec::new();
    if let Some(explicit) = response.tagged(0) {
        let mut list = only(&explicit)?.inside();
        while !list.is_at_end() && certificates.len() < MOST_CERTIFICATES {
            certificates.push(list.take(Tag::Sequence)?.whole);
        }
    }
    if !response.is_at_end() {
        return None;
    }
    let mut data = signed.body.inside();
    if let Some(version) = data.tagged(0) {
        // v1 is the default, and the only one there is.
        only(&version).filter(|number| number.content == [0])?;
    }
    let responder = responder(&data.any()?)?;
    moment(&mut data)?;
    let mut list = data.sequence()?;
    let mut answers = Vec::new();
    while !list.is_at_end() {
        answers.push(answer(&mut list.sequence()?)?);
    }
    extensions_may_be_passed_over(&mut data)?;
    Some(Basic { signed, responder, answers, certificates })
}

fn responder<'a>(element: &Element<'a>) -> Option<Responder<'a>> {
    let inside = only(element)?;
    match element.number()? {
        1 => Some(Responder::Name(inside.whole)),
        2 => Some(Responder::Key(inside.content)),
        _ => None,
    }
}

/// SingleResponse.
fn answer<'a>(single: &mut Reader<'a>) -> Option<Answer<'a>> {
    let mut id = single.sequence()?;
    let hash = id.sequence()?.take(Tag::Oid)?.content;
    let issuer_name = id.take(Tag::OctetString)?.content;
    let issuer_key = id.take(Tag::OctetString)?.content;
    let serial = id.take(Tag::Integer)?.content;
    if !id.is_at_end() {
        return None;
    }
    let word = single.any()?;
    let word = match word.number()? {
        0 if word.content.is_empty() => Word::Good,
        1 => Word::Revoked(moment(&mut word.inside())?),
        2 if word.content.is_empty() => Word::Unknown,
        _ => return None,
    };
    let this_update = moment(single)?;
    let next_update = match single.tagged(0) {
        None => None,
        Some(explicit) => Some(moment(&mut explicit.inside())?),
    };
    extensions_may_be_passed_over(single)?;
    Some(Answer { of: Named { hash, issuer_name, issuer_key, serial }, word, this_update, next_update })
}

/// Extensions at the end, of which none is critical: none is understood here (RFC 6960 §4.4).
fn extensions_may_be_passed_over(rest: &mut Reader<'_>) -> Option<()> {
    if let Some(explicit) = rest.tagged(1) {
        let mut list = only(&explicit)?.inside();
        while !list.is_at_end() {
            let mut extension = list.sequence()?;
            extension.take(Tag::Oid)?;
            // What is false is not written in DER: a BOOLEAN that stands there is true.
            extension.take(Tag::OctetString)?;
        }
    }
    rest.is_at_end().then_some(())
}

/// The one element in an explicit tag.
fn only<'a>(explicit: &Element<'a>) -> Option<Element<'a>> {
    let mut inside = explicit.inside();
    inside.any().filter(|_| inside.is_at_end())
}

/// A GeneralizedTime as RFC 5280 §4.1.2.5.2 has it: `20260101000000Z`.
fn moment(reader: &mut Reader<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(reader.take(Tag::GeneralizedTime)?.content).ok()?;
    let digits = text.strip_suffix('Z').filter(|digits| digits.len() == 14 && digits.is_ascii())?;
    let part = |from, to| digits.get(from..to);
    let (date, time) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(8, 10)?, part(10, 12)?, part(12, 14)?));
    Timestamp::parse_rfc3339(&format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, time.0, time.1, time.2))
}
