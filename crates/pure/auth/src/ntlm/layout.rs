//! How the three messages are laid out: a fixed part in which fields say where in the rest they lie
//! (MS-NLMP 2.2.1).

use crate::ntlm::broken::Broken;
use crate::ntlm::signature::SIGNATURE;

/// The most octets of a message. Names and target information come nowhere near.
const MOST_OCTETS: usize = 16 * 1024;

/// A message that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    octets: &'a [u8],
}

/// Where a field lies, and what it holds.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    /// `None` if it is empty: then its offset says nothing.
    pub(crate) offset: Option<usize>,
    pub(crate) octets: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A message of this type with at least `shortest` octets.
    pub(crate) fn open(octets: &'a [u8], kind: u32, shortest: usize) -> Result<Self, Broken> {
        if octets.len() > MOST_OCTETS {
            return Err(Broken::TooLong);
        }
        let rest = octets.strip_prefix(SIGNATURE).ok_or(Broken::Signature)?;
        let found = rest.first_chunk::<4>().ok_or(Broken::TooShort)?;
        if u32::from_le_bytes(*found) != kind {
            return Err(Broken::Kind { due: kind });
        }
        if octets.len() < shortest { Err(Broken::TooShort) } else { Ok(Self { octets }) }
    }

    pub(crate) fn len(self) -> usize {
        self.octets.len()
    }

    /// The `N` octets at this place of the fixed part.
    pub(crate) fn array<const N: usize>(self, at: usize) -> Result<[u8; N], Broken> {
        self.octets.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(Broken::TooShort)
    }

    pub(crate) fn number(self, at: usize) -> Result<u32, Broken> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// The field whose length and offset stand at this place. It lies behind the fixed part, of which
    /// the shortest form has `floor` octets. The allocated length, which comes second, means nothing.
    pub(crate) fn field(self, at: usize, floor: usize, name: &'static str) -> Result<Field<'a>, Broken> {
        let [low, high, _, _, offset @ ..] = self.array::<8>(at)?;
        let length = usize::from(u16::from_le_bytes([low, high]));
        if length == 0 {
            return Ok(Field { offset: None, octets: &[] });
        }
        let outside = Broken::Bounds(name);
        let offset = usize::try_from(u32::from_le_bytes(offset)).map_err(|_| outside)?;
        let end = offset.checked_add(length).ok_or(outside)?;
        if offset < floor {
            return Err(outside);
        }
        let octets = self.octets.get(offset..end).ok_or(outside)?;
        Ok(Field { offset: Some(offset), octets })
    }
}

/// A message that is being written: its fixed part grows in `head`, what its fields hold in `payload`.
pub(crate) struct Writer {
    head: Vec<u8>,
    payload: Vec<u8>,
    /// How long the fixed part will be.
    fixed: usize,
}

impl Writer {
    pub(crate) fn new(kind: u32, fixed: usize) -> Self {
        let mut head = SIGNATURE.to_vec();
        head.extend(kind.to_le_bytes());
        Self { head, payload: Vec::new(), fixed }
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.head.extend_from_slice(octets);
    }

    /// Puts `octets` behind what was put before; [`field`](Self::field) then writes where they are.
    pub(crate) fn put(&mut self, octets: &[u8]) -> Result<[u8; 8], Broken> {
        let length = u16::try_from(octets.len()).map_err(|_| Broken::Overflow)?.to_le_bytes();
        let at = self.fixed.saturating_add(self.payload.len());
        let at = u32::try_from(at).map_err(|_| Broken::Overflow)?.to_le_bytes();
        self.payload.extend_from_slice(octets);
        let mut field = [0; 8];
        for (to, from) in field.iter_mut().zip(length.iter().chain(&length).chain(&at)) {
            *to = *from;
        }
        Ok(field)
    }

    /// The message. Whoever wrote it kept to its fixed part.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, Broken> {
        debug_assert_eq!(self.head.len(), self.fixed);
        self.head.append(&mut self.payload);
        if self.head.len() > MOST_OCTETS { Err(Broken::Overflow) } else { Ok(self.head) }
    }
}
