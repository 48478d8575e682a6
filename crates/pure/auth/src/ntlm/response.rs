//! The NTLMv2 answer: a proof, and the blob that it covers (MS-NLMP 2.2.2.7, 2.2.2.8).

use std::fmt;

use gatepost_model::time::Timestamp;

use crate::ntlm::broken::Broken;
use crate::ntlm::target_info::TargetInfo;

/// Versions, reserved octets, time, nonce, reserved octets.
const FIXED: usize = 28;

/// Milliseconds from 1601 to 1970, and how many of a FILETIME's ticks are one.
const EPOCH: i64 = 11_644_473_600_000;
const TICKS: i64 = 10_000;

/// An answer that is being judged. Its `Debug` shows no proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// `NTProofStr`.
    pub proof: [u8; 16],
    /// All that it covers, beside the server's nonce.
    pub blob: &'a [u8],
    /// The target information in it: the server's, and what the client added.
    pub info: TargetInfo,
}

impl<'a> Response<'a> {
    /// Takes an answer apart that has more than the 24 octets of version 1.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, Broken> {
        let wrong = Broken::Length("answer");
        let (proof, blob) = octets.split_first_chunk::<16>().ok_or(wrong)?;
        let info = blob.get(FIXED..).ok_or(wrong)?;
        if !blob.starts_with(&[1, 1]) {
            return Err(wrong);
        }
        Ok(Self { proof: *proof, blob, info: TargetInfo::parse(info)?.0 })
    }
}

/// What a client's proof covers: its time, its nonce and the target information.
///
/// # Errors
/// [`Broken::Overflow`].
pub fn blob(time: [u8; 8], client_nonce: &[u8; 8], info: &TargetInfo) -> Result<Vec<u8>, Broken> {
    let mut octets = vec![1, 1, 0, 0, 0, 0, 0, 0];
    octets.extend(time);
    octets.extend_from_slice(client_nonce);
    octets.extend([0; 4]);
    octets.append(&mut info.to_octets()?);
    octets.extend([0; 4]);
    Ok(octets)
}

/// The moment as a FILETIME: tenths of microseconds since 1601.
#[must_use]
pub fn file_time(at: Timestamp) -> [u8; 8] {
    at.as_millis().saturating_add(EPOCH).max(0).saturating_mul(TICKS).to_le_bytes()
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("info", &self.info).finish_non_exhaustive()
    }
}
