//! The CHALLENGE message, type 2: the server's nonce and what it says of itself (MS-NLMP 2.2.1.2).

use crate::ntlm::broken::Broken;
use crate::ntlm::flags::Flags;
use crate::ntlm::layout::{Reader, Writer};
use crate::ntlm::target_info::TargetInfo;
use crate::ntlm::text;

/// The message's type on the wire.
pub const KIND: u32 = 2;

/// With the nonce: what knows no target information ends here.
const SHORTEST: usize = 32;
/// With the fields of the target information.
const FIELDS_END: usize = 48;
/// With the version.
const VERSION_END: usize = 56;

/// A CHALLENGE message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    /// What was agreed.
    pub flags: Flags,
    /// The nonce.
    pub nonce: [u8; 8],
    /// The server's or domain's name; empty if not asked for.
    pub target: String,
    /// What the server says of itself; empty if it says nothing.
    pub info: TargetInfo,
    /// What runs there, if it says.
    pub version: Option<[u8; 8]>,
}

impl Challenge {
    /// Reads one: whole, without version, or without target information.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn parse(octets: &[u8]) -> Result<Self, Broken> {
        let reader = Reader::open(octets, KIND, SHORTEST)?;
        let flags = Flags::from_bits(reader.number(20)?);
        let target = reader.field(12, SHORTEST, "target name")?;
        let mut message = Self {
            flags,
            nonce: reader.array(24)?,
            target: text::decode(target.octets, flags, "target name")?,
            ..Self::default()
        };
        let mut first = target.offset.unwrap_or(reader.len());
        if flags.has(Flags::TARGET_INFO) {
            let info = reader.field(40, FIELDS_END, "target information")?;
            first = first.min(info.offset.unwrap_or(first));
            if first < FIELDS_END {
                return Err(Broken::Bounds("target name"));
            }
            if !info.octets.is_empty() {
                message.info = TargetInfo::parse(info.octets)?.0;
            }
        }
        if first >= VERSION_END && flags.has(Flags::VERSION) {
            message.version = Some(reader.array(FIELDS_END)?);
        }
        Ok(message)
    }

    /// The message as octets. `TARGET_INFO` and `VERSION` are flagged by what it holds.
    ///
    /// # Errors
    /// [`Broken::Overflow`], or [`Broken::Text`] for a name that the encoding cannot hold.
    pub fn to_octets(&self) -> Result<Vec<u8>, Broken> {
        let mut flags = (self.flags - Flags::VERSION) | Flags::TARGET_INFO;
        if self.version.is_some() {
            flags = flags | Flags::VERSION;
        }
        let mut writer = Writer::new(KIND, if self.version.is_some() { VERSION_END } else { FIELDS_END });
        let target = writer.put(&text::encode(&self.target, flags, "target name")?)?;
        let info = writer.put(&self.info.to_octets()?)?;
        writer.octets(&target);
        writer.octets(&flags.bits().to_le_bytes());
        writer.octets(&self.nonce);
        writer.octets(&[0; 8]);
        writer.octets(&info);
        writer.octets(self.version.as_ref().map_or(&[], |version| version));
        writer.finish()
    }
}
