//! The mechanisms that can be agreed on, by the octets of their object identifiers.

use std::fmt;

use crate::spnego::broken::Broken;
use crate::spnego::der::{Der, element, only};

/// The most mechanisms that are read. Windows sends four.
const MOST: usize = 16;

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// A mechanism: what its object identifier holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Mechanism(Vec<u8>);

impl Mechanism {
    /// From the contents of an object identifier.
    #[must_use]
    pub fn new(identifier: &[u8]) -> Self {
        Self(identifier.to_vec())
    }

    /// Kerberos: 1.2.840.113554.1.2.2.
    #[must_use]
    pub fn kerberos() -> Self {
        Self::new(KERBEROS)
    }

    /// NTLM: 1.3.6.1.4.1.311.2.2.10.
    #[must_use]
    pub fn ntlm() -> Self {
        Self::new(NTLM)
    }

    /// Whether it is NTLM.
    #[must_use]
    pub fn is_ntlm(&self) -> bool {
        self.0 == NTLM
    }

    /// Whether it is Kerberos, under either of its identifiers: Microsoft's has a digit cut short, and means the same.
    #[must_use]
    pub fn is_kerberos(&self) -> bool {
        self.0 == KERBEROS || self.0 == MICROSOFT_KERBEROS
    }

    pub(crate) fn read(contents: &[u8]) -> Result<Self, Broken> {
        only(contents, OBJECT_IDENTIFIER, "mechanism").map(Self::new)
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        element(OBJECT_IDENTIFIER, &[&self.0])
    }
}

const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
const MICROSOFT_KERBEROS: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
const NTLM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";

impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ntlm if ntlm.is_ntlm() => f.write_str("Ntlm"),
            kerberos if kerberos.is_kerberos() => f.write_str("Kerberos"),
            Self(other) => write!(f, "Mechanism({other:02x?})"),
        }
    }
}

/// What the initiator offers, the most wanted first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mechanisms {
    list: Vec<Mechanism>,
}

impl Mechanisms {
    /// An offer; of an empty one nobody can choose.
    #[must_use]
    pub fn new(list: Vec<Mechanism>) -> Self {
        Self { list }
    }

    /// The mechanisms in order.
    #[must_use]
    pub fn list(&self) -> &[Mechanism] {
        &self.list
    }

    /// The `MechTypeList` in DER: what `mechListMIC` covers (RFC 4178 §5). DER has one spelling, so this is what came.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let list: Vec<Vec<u8>> = self.list.iter().map(Mechanism::to_der).collect();
        let list: Vec<&[u8]> = list.iter().map(Vec::as_slice).collect();
        element(SEQUENCE, &list)
    }

    /// Reads the contents of a `MechTypeList`.
    pub(crate) fn read(contents: &[u8]) -> Result<Self, Broken> {
        let (mut rest, mut list) = (Der(contents), Vec::new());
        while let Some(identifier) = rest.optional(OBJECT_IDENTIFIER)? {
            if list.len() >= MOST {
                return Err(Broken::Mechanisms);
            }
            list.push(Mechanism::new(identifier));
        }
        rest.end()?;
        if list.is_empty() { Err(Broken::Mechanisms) } else { Ok(Self { list }) }
    }
}
