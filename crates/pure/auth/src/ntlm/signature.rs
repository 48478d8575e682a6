//! What all messages of NTLM begin with.

/// How a message begins, whatever it is (MS-NLMP 2.2.1).
pub const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Which of the three a message is; `None` if it is none of NTLM's.
#[must_use]
pub fn kind(message: &[u8]) -> Option<u32> {
    let kind = message.strip_prefix(SIGNATURE)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*kind))
}
