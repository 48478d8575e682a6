//! The NEGOTIATE message, type 1: what the client can (MS-NLMP 2.2.1.1).

use crate::ntlm::broken::Broken;
use crate::ntlm::flags::Flags;
use crate::ntlm::layout::{Reader, Writer};

/// The message's type on the wire.
pub const KIND: u32 = 1;

/// Signature, type and flags: the oldest clients end here.
const SHORTEST: usize = 16;
/// With the fields of domain and workstation: curl ends here.
const FIELDS_END: usize = 32;
/// With the version.
const VERSION_END: usize = 40;

/// A NEGOTIATE message. Domain and workstation are in the sender's code page, and nothing depends on them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Negotiate {
    /// What the client can.
    pub flags: Flags,
    /// The domain that the client is in, if it says.
    pub domain: Vec<u8>,
    /// The client's name, if it says.
    pub workstation: Vec<u8>,
    /// What runs there, if it says.
    pub version: Option<[u8; 8]>,
}

impl Negotiate {
    /// Reads one: whole, without version, or with nothing but flags.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn parse(octets: &[u8]) -> Result<Self, Broken> {
        let reader = Reader::open(octets, KIND, SHORTEST)?;
        let flags = Flags::from_bits(reader.number(12)?);
        let mut message = Self { flags, ..Self::default() };
        if reader.len() == SHORTEST {
            return Ok(message);
        }
        if reader.len() < FIELDS_END {
            return Err(Broken::TooShort);
        }
        let mut first = reader.len();
        // A field that no flag announces is not looked at (MS-NLMP 2.2.1.1).
        let mut announced = |flag: Flags, at: usize, name: &'static str| {
            if !flags.has(flag) {
                return Ok(Vec::new());
            }
            let field = reader.field(at, FIELDS_END, name)?;
            first = first.min(field.offset.unwrap_or(first));
            Ok(field.octets.to_vec())
        };
        message.domain = announced(Flags::DOMAIN_SUPPLIED, 16, "domain")?;
        message.workstation = announced(Flags::WORKSTATION_SUPPLIED, 24, "workstation")?;
        if first >= VERSION_END && flags.has(Flags::VERSION) {
            message.version = Some(reader.array(FIELDS_END)?);
        }
        Ok(message)
    }

    /// The message as octets, with the flags of what it holds.
    ///
    /// # Errors
    /// [`Broken::Overflow`].
    pub fn to_octets(&self) -> Result<Vec<u8>, Broken> {
        let optional = Flags::DOMAIN_SUPPLIED | Flags::WORKSTATION_SUPPLIED | Flags::VERSION;
        let mut flags = self.flags - optional;
        for (flag, is_there) in [
            (Flags::DOMAIN_SUPPLIED, !self.domain.is_empty()),
            (Flags::WORKSTATION_SUPPLIED, !self.workstation.is_empty()),
            (Flags::VERSION, self.version.is_some()),
        ] {
            if is_there {
                flags = flags | flag;
            }
        }
        let mut writer = Writer::new(KIND, if self.version.is_some() { VERSION_END } else { FIELDS_END });
        writer.octets(&flags.bits().to_le_bytes());
        for part in [&self.domain, &self.workstation] {
            let field = writer.put(part)?;
            writer.octets(&field);
        }
        writer.octets(self.version.as_ref().map_or(&[], |version| version));
        writer.finish()
    }
}
