//! The AUTHENTICATE message, type 3: who the client says it is, and its proof (MS-NLMP 2.2.1.3).

use std::fmt;

use crate::ntlm::broken::Broken;
use crate::ntlm::flags::Flags;
use crate::ntlm::layout::{Reader, Writer};
use crate::ntlm::text;

/// The message's type on the wire.
pub const KIND: u32 = 3;

/// Up to the flags: curl ends here.
const FLAGS_END: usize = 64;
/// With the version.
const VERSION_END: usize = 72;
/// With the message integrity code.
const MIC_END: usize = 88;

/// An AUTHENTICATE message. Its `Debug` shows no proof.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Authenticate {
    /// What was agreed, as the client sees it.
    pub flags: Flags,
    /// The answer of LM, or of LM version 2.
    pub lm: Vec<u8>,
    /// The answer: of NTLM version 1 if it has 24 octets, of version 2 if it has more.
    pub nt: Vec<u8>,
    /// The user's domain; may be empty.
    pub domain: String,
    /// The user.
    pub user: String,
    /// The client's name; may be empty.
    pub workstation: String,
    /// The session key that the client chose, encrypted.
    pub session_key: Vec<u8>,
    /// What runs there, if there is room for it.
    pub version: Option<[u8; 8]>,
    /// The message integrity code, if there is room for it. Whether it means anything, the target
    /// information in the answer says.
    pub mic: Option<[u8; 16]>,
}

impl Authenticate {
    /// Reads one. How much of the fixed part there is, nothing says but where the first field lies.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn parse(octets: &[u8]) -> Result<Self, Broken> {
        let reader = Reader::open(octets, KIND, FLAGS_END)?;
        let mut first = reader.len();
        let mut field = |at: usize, name: &'static str| {
            let field = reader.field(at, FLAGS_END, name)?;
            first = first.min(field.offset.unwrap_or(first));
            Ok(field.octets)
        };
        let flags = Flags::from_bits(reader.number(60)?);
        let mut message = Self {
            flags,
            lm: field(12, "LM answer")?.to_vec(),
            nt: field(20, "answer")?.to_vec(),
            domain: text::decode(field(28, "domain")?, flags, "domain")?,
            user: text::decode(field(36, "user")?, flags, "user")?,
            workstation: text::decode(field(44, "workstation")?, flags, "workstation")?,
            session_key: field(52, "session key")?.to_vec(),
            version: None,
            mic: None,
        };
        if first >= VERSION_END {
            message.version = Some(reader.array(FLAGS_END)?);
        }
        if first >= MIC_END {
            message.mic = Some(reader.array(VERSION_END)?);
        }
        Ok(message)
    }

    /// The message as octets, its fields in the order of MS-NLMP 4.2.4.3. A code needs the version before it.
    ///
    /// # Errors
    /// [`Broken::Overflow`], or [`Broken::Text`] for a name that the encoding cannot hold.
    pub fn to_octets(&self) -> Result<Vec<u8>, Broken> {
        let version = self.version.or(self.mic.map(|_| [0; 8]));
        let fixed = match (&version, &self.mic) {
            (_, Some(_)) => MIC_END,
            (Some(_), None) => VERSION_END,
            (None, None) => FLAGS_END,
        };
        let mut writer = Writer::new(KIND, fixed);
        let domain = writer.put(&text::encode(&self.domain, self.flags, "domain")?)?;
        let user = writer.put(&text::encode(&self.user, self.flags, "user")?)?;
        let workstation = writer.put(&text::encode(&self.workstation, self.flags, "workstation")?)?;
        let lm = writer.put(&self.lm)?;
        let nt = writer.put(&self.nt)?;
        let session_key = writer.put(&self.session_key)?;
        for field in [lm, nt, domain, user, workstation, session_key] {
            writer.octets(&field);
        }
        writer.octets(&self.flags.bits().to_le_bytes());
        writer.octets(version.as_ref().map_or(&[], |version| version));
        writer.octets(self.mic.as_ref().map_or(&[], |mic| mic));
        writer.finish()
    }
}

/// The message with zeroes where its integrity code is: what the code covers (MS-NLMP 3.1.5.1.2).
/// It has one, or this changes what is no code.
#[must_use]
pub fn without_mic(octets: &[u8]) -> Vec<u8> {
    let mut copy = octets.to_vec();
    if let Some(mic) = copy.get_mut(VERSION_END..MIC_END) {
        mic.fill(0);
    }
    copy
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("flags", &self.flags)
            .field("nt", &format_args!("{} octets", self.nt.len()))
            .field("domain", &self.domain)
            .field("user", &self.user)
            .field("workstation", &self.workstation)
            .field("mic", &self.mic.is_some())
            .finish_non_exhaustive()
    }
}
