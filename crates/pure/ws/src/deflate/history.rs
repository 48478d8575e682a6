//! The end of what a peer has said, kept beside the context that knows it: so an idle connection can do without the
//! context, and a new one can be told.

use std::fmt;

use flate2::Decompress;

use crate::error::WsError;

/// The last octets that were inflated, up to the window's size: no more than were said, and in a ring when it is full.
pub(crate) struct History {
    octets: Vec<u8>,
    /// Where the oldest octet lies once the ring is full.
    oldest: usize,
    limit: usize,
}

impl History {
    pub(crate) fn new(window_bits: u8) -> Self {
        // zlib inflates 8 bits in a window of 9, and refuses to be told less.
        Self { octets: Vec::new(), oldest: 0, limit: 1_usize << window_bits.clamp(9, 15) }
    }

    pub(crate) fn push(&mut self, said: &[u8]) {
        let said = said.get(said.len().saturating_sub(self.limit)..).unwrap_or_default();
        let (first, rest) = said.split_at(said.len().min(self.limit.saturating_sub(self.octets.len())));
        self.octets.extend_from_slice(first);
        let (second, third) = rest.split_at(rest.len().min(self.octets.len().saturating_sub(self.oldest)));
        put(&mut self.octets, self.oldest, second);
        put(&mut self.octets, 0, third);
        if rest.len() > second.len() {
            self.oldest = third.len();
        } else {
            self.oldest = self.oldest.saturating_add(second.len()) % self.limit;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.oldest = 0;
    }

    /// Tells a context that knows nothing what was said.
    pub(crate) fn tell(&self, context: &mut Decompress) -> Result<(), WsError> {
        let (newer, older) = self.octets.split_at(self.oldest.min(self.octets.len()));
        for octets in [older, newer] {
            if !octets.is_empty() {
                context
                    .set_dictionary(octets)
                    .map_err(|_| WsError::Deflate("what was said before cannot be restored"))?;
            }
        }
        Ok(())
    }
}

/// Without what was said.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "History({} of {} octets)", self.octets.len(), self.limit)
    }
}

fn put(ring: &mut [u8], at: usize, octets: &[u8]) {
    let end = at.saturating_add(octets.len());
    if let Some(place) = ring.get_mut(at..end) {
        place.copy_from_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_said_is_not_shown() {
        let mut history = History::new(9);
        history.push(b"hush");
        assert_eq!(format!("{history:?}"), "History(4 of 512 octets)");
    }

    proptest! {
        #[test]
        fn the_last_octets_are_kept(said in prop::collection::vec((any::<u8>(), 0..700_usize), 0..12)) {
            let (mut history, mut all) = (History::new(9), Vec::new());
            for (octet, times) in said {
                let octets: Vec<u8> = (0..times).map(|at| octet.wrapping_add(at.to_le_bytes()[0])).collect();
                history.push(&octets);
                all.extend(octets);
            }
            let (newer, older) = history.octets.split_at(history.oldest);
            prop_assert_eq!([older, newer].concat(), all[all.len().saturating_sub(512)..].to_vec());
        }
    }
}
