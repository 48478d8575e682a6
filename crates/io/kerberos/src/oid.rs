//! Object identifiers: from the octets in a GSSAPI structure to dotted text.

use crate::error::KerberosError;

/// Kerberos V5 (RFC 1964 §1).
pub const KERBEROS: &str = "1.2.840.113554.1.2.2";

/// SPNEGO, the negotiation that `Negotiate` carries (RFC 4178 §3).
pub const SPNEGO: &str = "1.3.6.1.5.5.2";

/// Reads the contents octets of a BER object identifier (X.690 §8.19), without tag and length, as
/// RFC 2744 §3.5 hands them out.
///
/// ```
/// assert_eq!(gatepost_kerberos::oid::dotted(&[0x2b, 6, 1, 5, 5, 2])?, "1.3.6.1.5.5.2");
/// # Ok::<(), gatepost_kerberos::error::KerberosError>(())
/// ```
///
/// # Errors
/// [`KerberosError::Oid`] if it is empty, cut short, padded, or has an arc above 2⁶⁴ − 1.
pub fn dotted(octets: &[u8]) -> Result<String, KerberosError> {
    let mut arcs = arcs(octets)?.into_iter();
    // The first number holds two arcs; only below 2 may the second one exceed 39.
    let first = arcs.next().ok_or(KerberosError::Oid)?;
    let mut text = match first {
        0..40 => format!("0.{first}"),
        40..80 => format!("1.{}", first - 40),
        _ => format!("2.{}", first - 80),
    };
    for arc in arcs {
        text.push('.');
        text.push_str(&arc.to_string());
    }
    Ok(text)
}

/// Numbers in base 128, the high bit set on every octet but a number's last.
fn arcs(octets: &[u8]) -> Result<Vec<u64>, KerberosError> {
    let mut arcs = Vec::new();
    let mut open: Option<u64> = None;
    for octet in octets {
        let low = u64::from(octet & 0x7f);
        let arc = match open {
            // A leading zero digit is padding, which X.690 §8.19.2 forbids.
            None if *octet == 0x80 => return Err(KerberosError::Oid),
            None => low,
            Some(high) => high.checked_mul(128).ok_or(KerberosError::Oid)? | low,
        };
        if octet & 0x80 == 0 {
            arcs.push(arc);
            open = None;
        } else {
            open = Some(arc);
        }
    }
    if open.is_some() { Err(KerberosError::Oid) } else { Ok(arcs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_become_dotted_text() {
        let table: [(&[u8], Option<&str>); 14] = [
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2], Some(KERBEROS)),
            (&[0x2b, 6, 1, 5, 5, 2], Some(SPNEGO)),
            (&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10], Some("1.3.6.1.4.1.311.2.2.10")),
            (&[0], Some("0.0")),
            (&[39], Some("0.39")),
            (&[40], Some("1.0")),
            (&[79], Some("1.39")),
            (&[80], Some("2.0")),
            (&[0x88, 0x37, 3], Some("2.999.3")),
            (&[0x2a, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], Some("1.2.18446744073709551615")),
            (&[0x2a, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], None),
            (&[], None),
            (&[0x2a, 0x86], None),
            (&[0x2a, 0x80, 1], None),
        ];
        for (octets, text) in table {
            assert_eq!(dotted(octets).ok().as_deref(), text, "{octets:x?}");
        }
    }

    /// The inverse, for arcs after the first two.
    fn encode(arcs: &[u64]) -> Vec<u8> {
        let mut octets = vec![0x2a];
        for arc in arcs {
            let digits = (64 - arc.leading_zeros()).div_ceil(7).max(1);
            for place in (0..digits).rev() {
                let digit = u8::try_from(arc >> (7 * place) & 0x7f).unwrap();
                octets.push(if place == 0 { digit } else { digit | 0x80 });
            }
        }
        octets
    }

    proptest::proptest! {
        #[test]
        fn every_arc_comes_back(arcs: Vec<u64>) {
            let text = arcs.iter().fold("1.2".to_owned(), |text, arc| format!("{text}.{arc}"));
            proptest::prop_assert_eq!(dotted(&encode(&arcs)), Ok(text));
        }

        #[test]
        fn reading_never_panics(octets: Vec<u8>) {
            let _ = dotted(&octets);
        }
    }
}
