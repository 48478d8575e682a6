//! Target information: the attribute pairs that a server sends and a client's proof repeats (MS-NLMP 2.2.2.1).

use crate::ntlm::broken::Broken;

/// The most pairs. There are ten kinds.
const MOST_PAIRS: usize = 32;

const END: u16 = 0;
/// The server's NetBIOS name.
pub const COMPUTER: u16 = 1;
/// The domain's NetBIOS name.
pub const DOMAIN: u16 = 2;
/// Four octets of flags.
pub const FLAGS: u16 = 6;
/// The server's time: a client that sees it makes an integrity code.
pub const TIMESTAMP: u16 = 7;
/// The service that the client means to speak with, such as `HTTP/host`.
pub const TARGET_NAME: u16 = 9;
/// MD5 over the channel's bindings; zeroes if the client has none.
pub const CHANNEL_BINDINGS: u16 = 10;

/// In [`FLAGS`]: the AUTHENTICATE message holds an integrity code.
const MIC_FLAG: u32 = 2;

/// Pairs in the order in which they came, unknown ones among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetInfo {
    pairs: Vec<(u16, Vec<u8>)>,
}

impl TargetInfo {
    /// Reads pairs up to their end; gives what follows it.
    ///
    /// # Errors
    /// [`Broken::TargetInfo`] if there is no end, if there are more than 32 pairs, or two of one kind:
    /// two readers could choose differently.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Broken> {
        let mut info = Self::default();
        let mut rest = octets;
        loop {
            let (head, after) = rest.split_first_chunk::<4>().ok_or(Broken::TargetInfo)?;
            let [kind @ .., low, high] = *head;
            let (kind, length) = (u16::from_le_bytes(kind), usize::from(u16::from_le_bytes([low, high])));
            let (value, after) = after.split_at_checked(length).ok_or(Broken::TargetInfo)?;
            if kind == END {
                return if value.is_empty() { Ok((info, after)) } else { Err(Broken::TargetInfo) };
            }
            if info.pairs.len() >= MOST_PAIRS || info.value(kind).is_some() {
                return Err(Broken::TargetInfo);
            }
            info.pairs.push((kind, value.to_vec()));
            rest = after;
        }
    }

    /// The pairs and their end.
    ///
    /// # Errors
    /// [`Broken::Overflow`].
    pub fn to_octets(&self) -> Result<Vec<u8>, Broken> {
        let mut octets = Vec::new();
        for (kind, value) in &self.pairs {
            let length = u16::try_from(value.len()).map_err(|_| Broken::Overflow)?;
            octets.extend(kind.to_le_bytes());
            octets.extend(length.to_le_bytes());
            octets.extend_from_slice(value);
        }
        octets.extend([0; 4]);
        Ok(octets)
    }

    /// The pair of this kind.
    #[must_use]
    pub fn value(&self, kind: u16) -> Option<&[u8]> {
        self.pairs.iter().find(|(known, _)| *known == kind).map(|(_, value)| value.as_slice())
    }

    /// Sets the pair of this kind, in its place or at the end.
    pub fn set(&mut self, kind: u16, value: Vec<u8>) {
        match self.pairs.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((kind, value)),
        }
    }

    /// Says that the AUTHENTICATE message holds an integrity code.
    pub fn flag_mic(&mut self) {
        let flags = self.flags() | MIC_FLAG;
        self.set(FLAGS, flags.to_le_bytes().to_vec());
    }

    /// Whether the AUTHENTICATE message is said to hold an integrity code.
    #[must_use]
    pub fn flags_mic(&self) -> bool {
        self.flags() & MIC_FLAG != 0
    }

    /// The channel's bindings, if the client has any: a pair of zeroes says that it has none.
    ///
    /// # Errors
    /// [`Broken::Length`] if the pair is no MD5 digest.
    pub fn bindings(&self) -> Result<Option<[u8; 16]>, Broken> {
        let Some(value) = self.value(CHANNEL_BINDINGS) else { return Ok(None) };
        let value = <[u8; 16]>::try_from(value).map_err(|_| Broken::Length("channel binding"))?;
        Ok((value != [0; 16]).then_some(value))
    }

    fn flags(&self) -> u32 {
        // Flags of another length flag nothing that we know, and no client makes them.
        self.value(FLAGS).and_then(|value| <[u8; 4]>::try_from(value).ok()).map_or(0, u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        let many: Vec<u8> = (1..=33_u8).flat_map(|kind| [kind, 0, 0, 0]).chain([0; 4]).collect();
        let table: [&[u8]; 7] = [
            b"",
            b"\x01\0\x02\0ab",
            b"\x01\0\x03\0ab\0\0\0\0",
            b"\x01\0\x01\0a\x01\0\x01\0a\0\0\0\0",
            b"\0\0\x01\0a",
            b"\0\0\0",
            &many,
        ];
        for octets in table {
            assert_eq!(TargetInfo::parse(octets), Err(Broken::TargetInfo), "{octets:?}");
        }
        assert!(TargetInfo::parse(&many[4..]).is_ok());
    }

    #[test]
    fn pairs_are_kept_in_order_and_read_by_kind() {
        let octets = b"\x63\0\x01\0?\x06\0\x04\0\x01\0\0\0\x0a\0\x10\x000123456789abcdef\0\0\0\0rest";
        let (mut info, rest) = TargetInfo::parse(octets).unwrap();
        assert_eq!(rest, b"rest");
        assert_eq!(info.to_octets().unwrap(), octets[..octets.len() - 4]);
        assert_eq!((info.value(0x63), info.value(COMPUTER)), (Some(&b"?"[..]), None));
        assert_eq!(info.bindings(), Ok(Some(*b"0123456789abcdef")));
        assert!(!info.flags_mic());
        info.flag_mic();
        assert_eq!(info.value(FLAGS), Some(&[3, 0, 0, 0][..]));
        info.set(CHANNEL_BINDINGS, vec![0; 16]);
        assert_eq!(info.bindings(), Ok(None));
        info.set(CHANNEL_BINDINGS, vec![0; 15]);
        assert_eq!(info.bindings(), Err(Broken::Length("channel binding")));
    }
}
