//! Distinguished names as text (RFC 4514): no two names look alike.

use std::fmt::Write;

use x509_parser::asn1_rs::ToDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The object identifier of a common name.
pub(crate) const COMMON_NAME: &str = "2.5.4.3";

/// Attributes by their registered descriptors (RFC 4514 §3, RFC 4519 §2); all others are written by number.
const NAMES: [(&str, &str); 12] = [
    (COMMON_NAME, "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.42", "GN"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// The name as text: the last part first (RFC 4514 §2.1). `None` if it has no part, or cannot be written.
pub(crate) fn distinguished_name(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let attributes = part.iter().map(attribute).collect::<Option<Vec<_>>>()?;
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    (!parts.is_empty()).then(|| parts.join(","))
}

/// The value of an attribute, if it is of a kind of string that everybody reads alike.
pub(crate) fn text<'a>(attribute: &AttributeTypeAndValue<'a>) -> Option<&'a str> {
    attribute.as_str().ok()
}

/// Octets as hexadecimal digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing into a string does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// RFC 4514 §2.3 and §2.4: what has no name here, or is no plain text, is written as the hexadecimal of its DER.
fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let number = attribute.attr_type().to_id_string();
    let name = NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    match (name, text(attribute)) {
        (Some(name), Some(text)) => Some(format!("{name}={}", escaped(text))),
        (name, _) => {
            let der = attribute.attr_value().to_der_vec().ok()?;
            Some(format!("{}=#{}", name.unwrap_or(&number), hex(&der)))
        }
    }
}

/// RFC 4514 §2.4. Control characters are escaped, too: they would end a line somewhere.
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, letter) in text.chars().enumerate() {
        let special = matches!(letter, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        let at_an_end = letter == ' ' && (at == 0 || at == last) || letter == '#' && at == 0;
        if letter.is_control() {
            for octet in letter.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(line, "\\{octet:02x}");
            }
            continue;
        }
        if special || at_an_end {
            line.push('\\');
        }
        line.push(letter);
    }
    line
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    use x509_parser::certificate::X509Certificate;
    use x509_parser::prelude::FromDer;

    use super::*;

    fn written(attributes: Vec<(DnType, DnValue)>) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind, value);
        }
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        distinguished_name(parsed.subject()).unwrap_or_default()
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    #[test]
    fn it_is_written_as_rfc_4514_says() {
        let common = |text: &str| written(vec![(DnType::CommonName, utf8(text))]);
        let table = [
            ("ali", "CN=ali"),
            ("Ali Baba, O=Evil", "CN=Ali Baba\\, O=Evil"),
            ("a+b;c<d>e\\f\"g", "CN=a\\+b\\;c\\<d\\>e\\\\f\\\"g"),
            (" padded ", "CN=\\ padded\\ "),
            ("#hash", "CN=\\#hash"),
            ("a#b", "CN=a#b"),
            ("ali\0evil", "CN=ali\\00evil"),
            ("two\nlines\u{85}", "CN=two\\0alines\\c2\\85"),
            ("Lučić", "CN=Lučić"),
        ];
        for (text, expected) in table {
            assert_eq!(common(text), expected, "{text:?}");
        }
        let several = vec![
            (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
            (DnType::OrganizationName, utf8("Example")),
            (
                DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]),
                DnValue::Ia5String("a@b.test".try_into().unwrap()),
            ),
            (DnType::CommonName, DnValue::BmpString("ali".try_into().unwrap())),
        ];
        // What is written by number is written by its DER (RFC 4514 §2.4), and so is what not everybody reads alike.
        let expected = "CN=#1e06\
                        0061006c0069,1.2.840.113549.1.9.1=#1608\
                        6140622e74657374,O=Example,C=DE";
        assert_eq!(written(several), expected);
        assert_eq!(written(Vec::new()), "");
    }

    proptest::proptest! {
        /// Two texts never look alike, and no text looks like two attributes.
        #[test]
        fn escapes_are_unambiguous(one: String, other: String) {
            proptest::prop_assert_eq!(escaped(&one) == escaped(&other), one == other);
            let line = escaped(&one);
            let mut letters = line.chars();
            while let Some(letter) = letters.next() {
                proptest::prop_assert!(!matches!(letter, ',' | '+' | ';' | '"' | '<' | '>') && !letter.is_control());
                if letter == '\\' {
                    letters.next();
                }
            }
        }
    }
}
