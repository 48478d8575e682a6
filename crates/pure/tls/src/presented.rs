//! Reads what a client's certificate says about it.
//!
//! Nothing is guessed: a value that two readers could understand differently is none.

use gatepost_model::presented::{Presented, Value};
use gatepost_model::time::Timestamp;
use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::certificate::fingerprint;
use crate::distinguished_name::{COMMON_NAME, distinguished_name, hex, text};

/// The longest value that is taken, in octets.
const LONGEST: usize = 1024;
/// The object identifier of a user principal name.
const UPN: &str = "1.3.6.1.4.1.311.20.2.3";

/// What the certificate `der` says, which is good until that moment. Of one that cannot be read all values are none, so that
/// no rule takes it.
pub(crate) fn presented(der: &[u8], until: Timestamp) -> Presented {
    let unread = || Presented {
        common_names: vec![None],
        dns: vec![None],
        emails: vec![None],
        uris: vec![None],
        upns: vec![None],
        fingerprint: hex(&fingerprint(der)),
        until,
        ..Presented::default()
    };
    read(der).map_or_else(unread, |said| Presented { fingerprint: hex(&fingerprint(der)), until, ..said })
}

fn read(der: &[u8]) -> Option<Presented> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let mut said = Presented::default();
    let subject = parsed.subject();
    said.subject = distinguished_name(subject).and_then(fit);
    let attributes = subject.iter_rdn().flat_map(|rdn| rdn.iter());
    let common = attributes.filter(|attribute| attribute.attr_type().to_id_string() == COMMON_NAME);
    said.common_names = common.map(|attribute| text(attribute).map(str::to_owned).and_then(fit)).collect();
    let serial = hex(parsed.raw_serial());
    said.serial = distinguished_name(parsed.issuer()).map(|issuer| format!("{serial}:{issuer}")).and_then(fit);
    let names = parsed.subject_alternative_name().ok()?;
    for name in names.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => said.dns.push(ascii(name).map(|name| name.to_ascii_lowercase())),
            GeneralName::RFC822Name(name) => said.emails.push(ascii(name).as_deref().and_then(mail)),
            GeneralName::URI(uri) => said.uris.push(ascii(uri)),
            GeneralName::OtherName(kind, value) if kind.to_id_string() == UPN => said.upns.push(other(value)),
            // A name of a kind that is looked for, but cannot be read.
            GeneralName::Invalid(..) => return None,
            _ => {}
        }
    }
    Some(said)
}

/// Values that are text for every reader.
fn fit(value: String) -> Value {
    let is_fit = !value.is_empty() && value.len() <= LONGEST && !value.chars().any(char::is_control);
    is_fit.then_some(value)
}

/// These names are IA5String (RFC 5280 §4.2.1.6).
fn ascii(value: &str) -> Value {
    value.is_ascii().then(|| value.to_owned()).and_then(fit)
}

fn mail(address: &str) -> Value {
    let (local, host) = address.rsplit_once('@').filter(|(local, _)| !local.is_empty())?;
    Some(format!("{local}@{}", host.to_ascii_lowercase()))
}

/// A text behind an explicit tag.
fn other(value: &[u8]) -> Value {
    let (rest, tagged) = Any::from_der(value).ok()?;
    let is_tagged = rest.is_empty() && tagged.class() == Class::ContextSpecific && tagged.tag() == Tag(0);
    let (rest, inner) = Any::from_der(tagged.data).ok().filter(|_| is_tagged)?;
    let is_text = rest.is_empty() && [Tag::Utf8String, Tag::PrintableString, Tag::Ia5String].contains(&inner.tag());
    std::str::from_utf8(inner.data).ok().filter(|_| is_text).map(str::to_owned).and_then(fit)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, OtherNameValue, SanType, SerialNumber};

    use super::*;

    fn certificate(names: Vec<SanType>, common: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(vec![0x1a, 0x2b]));
        params.distinguished_name = DistinguishedName::new();
        // The builder knows of one common name only.
        let kinds = [DnType::CommonName, DnType::CustomDnType(vec![2, 5, 4, 3])];
        for (kind, name) in kinds.into_iter().zip(common) {
            params.distinguished_name.push(kind, *name);
        }
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    fn upn(kind: &[u64], name: &str) -> SanType {
        SanType::OtherName((kind.to_vec(), OtherNameValue::Utf8String(name.to_owned())))
    }

    const UPN_ARCS: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

    #[test]
    fn everything_that_names_a_client_is_read() {
        let names = vec![
            dns("Ali.Example.TEST"),
            dns("b.test"),
            SanType::Rfc822Name("Ali@Example.TEST".try_into().unwrap()),
            SanType::URI("spiffe://example.test/ali".try_into().unwrap()),
            upn(&UPN_ARCS, "ali@corp.test"),
            upn(&[1, 2, 3], "somebody else"),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
        ];
        let der = certificate(names, &["ali, O=Evil"]);
        let until = Timestamp::from_secs(7);
        let some = |text: &str| Some(text.to_owned());
        let expected = Presented {
            subject: some("CN=ali\\, O=Evil"),
            common_names: vec![some("ali, O=Evil")],
            dns: vec![some("ali.example.test"), some("b.test")],
            emails: vec![some("Ali@example.test")],
            uris: vec![some("spiffe://example.test/ali")],
            upns: vec![some("ali@corp.test")],
            serial: some("1a2b:CN=ali\\, O=Evil"),
            fingerprint: hex(&fingerprint(&der)),
            until,
        };
        assert_eq!(presented(&der, until), expected);
    }

    #[test]
    fn what_readers_could_differ_about_is_none() {
        let seen = |names, common: &[&str]| presented(&certificate(names, common), Timestamp::from_secs(7));
        assert_eq!(seen(vec![], &["ali", "root"]).common_names, [Some("ali".to_owned()), Some("root".to_owned())]);
        assert_eq!(seen(vec![], &["ali\0.evil.test"]).common_names, [None]);
        assert_eq!(seen(vec![], &[""]).common_names, [None]);
        assert_eq!(seen(vec![], &["x".repeat(1025).as_str()]).common_names, [None]);
        let nobody = seen(vec![], &[]);
        assert_eq!((nobody.common_names, nobody.subject, nobody.serial), (vec![], None, None));
        assert_eq!(seen(vec![dns("ali.test\0.evil.test"), dns("b.test")], &[]).dns, [None, Some("b.test".to_owned())]);
        assert_eq!(seen(vec![upn(&UPN_ARCS, "ali\0@corp")], &[]).upns, [None]);
        let mail = |text: &str| seen(vec![SanType::Rfc822Name(text.try_into().unwrap())], &[]).emails;
        assert_eq!(
            (mail("ali"), mail("@host"), mail("a@b@C")),
            (vec![None], vec![None], vec![Some("a@b@c".to_owned())])
        );
        let junk = presented(b"junk", Timestamp::from_secs(7));
        assert_eq!((junk.common_names, junk.dns, junk.uris, junk.subject), (vec![None], vec![None], vec![None], None));
    }

    proptest::proptest! {
        #[test]
        fn junk_never_panics(at: usize, with: u8) {
            let mut der = certificate(vec![dns("a.test"), upn(&UPN_ARCS, "ali@corp")], &["ali", "root"]);
            let at = at % der.len();
            der[at] = with;
            presented(&der, Timestamp::from_secs(7));
        }
    }
}
