//! The frame of a context's first token (RFC 2743 §3.1): read before the library sees it, so that it meets nothing but
//! the mechanism that was agreed on.

use crate::abi::{KERBEROS, SPNEGO};
use crate::error::KerberosError;
use crate::mechanism::Mechanism;

/// The longest token that is taken, in octets. Tickets of Active Directory reach 48 KiB.
pub(crate) const MAX_TOKEN: usize = 64 << 10;

/// Looks whether a client's first token is one of this mechanism.
pub(crate) fn is_first(token: &[u8], mechanism: Mechanism) -> Result<(), KerberosError> {
    bounded(token)?;
    match identifier(token) {
        Some(identifier) if identifier == mechanism.octets() => Ok(()),
        Some(KERBEROS) => Err(refuse("it is Kerberos, without the negotiation that was expected around it")),
        Some(SPNEGO) => Err(refuse("it is a negotiation, where Kerberos was expected")),
        Some(_) => Err(refuse("it is of another mechanism")),
        None if token.starts_with(b"NTLMSSP\0") => Err(refuse("it is NTLM")),
        None => Err(refuse("it has no frame that can be read")),
    }
}

/// Looks whether a token can be taken at all.
pub(crate) fn bounded(token: &[u8]) -> Result<(), KerberosError> {
    if token.len() > MAX_TOKEN { Err(refuse("it is too long")) } else { Ok(()) }
}

fn refuse(why: &str) -> KerberosError {
    KerberosError::Token(why.to_owned())
}

/// The contents octets of the mechanism that a framed token names, if the frame spans the whole of it.
fn identifier(token: &[u8]) -> Option<&[u8]> {
    // [APPLICATION 0] IMPLICIT SEQUENCE { thisMech MechType, innerToken ANY }
    let (inside, rest) = element(token, 0x60)?;
    let (identifier, _) = element(inside, 0x06)?;
    rest.is_empty().then_some(identifier)
}

/// The contents of the DER element with this tag at the beginning, and what is behind it.
fn element(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, octets) = octets.split_first()?;
    let (first, octets) = octets.split_first()?;
    let (length, octets) = match first {
        0..=0x7f => (usize::from(*first), octets),
        0x81..=0x83 => {
            let (digits, octets) = octets.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), octets)
        }
        // Indefinite, or longer than any token.
        0x80 | 0x84.. => return None,
    };
    (*found == tag).then_some(())?;
    octets.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(identifier: &[u8], inner: &[u8]) -> Vec<u8> {
        let length = |octets: usize| u8::try_from(octets).unwrap();
        let mut token = vec![0x60, length(identifier.len() + inner.len() + 2), 0x06, length(identifier.len())];
        token.extend(identifier);
        token.extend(inner);
        token
    }

    #[test]
    fn a_first_token_is_of_the_mechanism_that_was_agreed_on() {
        let kerberos = framed(KERBEROS, &[1, 0, 0x6e]);
        let negotiation = framed(SPNEGO, &[0xa0]);
        let mut long = vec![0x60, 0x82, 0, 140];
        long.extend([&[0x06, 9][..], KERBEROS, &[0; 129]].concat());
        let table: [(&[u8], Mechanism, Option<&str>); 12] = [
            (&kerberos, Mechanism::Kerberos, None),
            (&long, Mechanism::Kerberos, None),
            (&negotiation, Mechanism::Spnego, None),
            (&negotiation, Mechanism::Kerberos, Some("it is a negotiation, where Kerberos was expected")),
            (&kerberos, Mechanism::Spnego, Some("it is Kerberos, without the negotiation that was expected around it")),
            (&framed(b"\x2b\x06", &[]), Mechanism::Kerberos, Some("it is of another mechanism")),
            (b"NTLMSSP\0\x01", Mechanism::Spnego, Some("it is NTLM")),
            (b"", Mechanism::Kerberos, Some("it has no frame that can be read")),
            (&kerberos[..9], Mechanism::Kerberos, Some("it has no frame that can be read")),
            (&[&kerberos[..], &[0]].concat(), Mechanism::Kerberos, Some("it has no frame that can be read")),
            (b"\x60\x80\x06\x00\x00\x00", Mechanism::Kerberos, Some("it has no frame that can be read")),
            (&[0x60; MAX_TOKEN + 1], Mechanism::Kerberos, Some("it is too long")),
        ];
        for (token, mechanism, why) in table {
            let expected = why.map_or(Ok(()), |why| Err(refuse(why)));
            assert_eq!(is_first(token, mechanism), expected, "{mechanism:?} {:x?}", &token[..token.len().min(16)]);
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(token: Vec<u8>) {
            let _ = is_first(&token, Mechanism::Kerberos);
        }
    }
}
