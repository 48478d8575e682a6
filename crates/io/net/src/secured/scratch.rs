//! The memory of a thread in which its connections' records stand for the length of one call.
//!
//! A stale octet of one connection on another is the one unforgivable fault of shared memory. So it is lent by a
//! guard that begins empty and ends empty, on every way out of a call; what can be read of it is only what was put
//! into it since ([`Scratch::filled`]). Debug builds also poison what was touched, at both ends.

use std::cell::Cell;

use gatepost_tls::record::layout::SEAL_ROOM;

/// Its size in octets: what four full records take, and what a handshake has left to send.
pub(super) const SIZE: usize = SEAL_ROOM + 2 * 1024;
/// What debug builds leave where nothing is.
const POISON: u8 = 0xDB;

thread_local! {
    static RESTING: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// The scratch memory, lent to one call.
pub(super) struct Scratch {
    memory: Box<[u8]>,
    filled: usize,
    /// Nothing behind it has been touched since it was lent.
    touched: usize,
}

impl Scratch {
    /// Takes the thread's memory; there is more for a call within a call.
    pub(super) fn lend() -> Self {
        let resting = RESTING.try_with(Cell::take).ok().flatten();
        let memory = resting.unwrap_or_else(|| vec![POISON; SIZE].into_boxed_slice());
        debug_assert!(memory.first().is_some_and(|first| *first == POISON), "the scratch memory was not cleared");
        Self { memory, filled: 0, touched: 0 }
    }

    /// What has been put into it.
    pub(super) fn filled(&self) -> &[u8] {
        self.memory.get(..self.filled).unwrap_or_default()
    }

    /// The same, to open records where they stand.
    pub(super) fn filled_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(..self.filled).unwrap_or_default()
    }

    /// Room behind it, at most `limit` octets. What stands there has no meaning.
    pub(super) fn room(&mut self, limit: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(limit).min(self.memory.len());
        self.touched = self.touched.max(end);
        self.memory.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Takes the first `count` octets of the [`room`](Self::room) that was given before as put in.
    pub(super) fn advance(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.touched);
    }

    /// Puts `octets` in, if there is room for all of them.
    pub(super) fn put(&mut self, octets: &[u8]) -> bool {
        let room = self.room(octets.len());
        if room.len() < octets.len() {
            return false;
        }
        room.copy_from_slice(octets);
        self.advance(octets.len());
        true
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.filled = 0;
        if cfg!(debug_assertions) {
            self.memory.get_mut(..self.touched).unwrap_or_default().fill(POISON);
        }
        let memory = std::mem::take(&mut self.memory);
        // A thread that ends has no use for it.
        let _ = RESTING.try_with(|resting| resting.set(Some(memory)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loan_begins_empty_and_clean() {
        {
            let mut first = Scratch::lend();
            assert!(first.put(b"a secret of one connection"));
            let within = Scratch::lend();
            assert_eq!(within.filled(), b"");
        }
        let mut second = Scratch::lend();
        assert_eq!(second.filled(), b"");
        assert!(second.room(usize::MAX).iter().all(|octet| *octet == POISON));
        second.advance(3);
        assert_eq!(second.filled(), [POISON; 3]);
    }

    #[test]
    fn a_panic_clears_it_too() {
        let panicked = std::panic::catch_unwind(|| {
            let mut scratch = Scratch::lend();
            assert!(scratch.put(&[7; 1000]));
            panic!("in the middle of a call");
        });
        assert!(panicked.is_err());
        assert!(Scratch::lend().room(SIZE).iter().all(|octet| *octet == POISON));
    }

    #[test]
    fn it_takes_no_more_than_there_is_room_for() {
        let mut scratch = Scratch::lend();
        assert!(scratch.put(&vec![1; SIZE - 1]));
        assert!(!scratch.put(&[1, 2]));
        assert_eq!(scratch.filled().len(), SIZE - 1);
        scratch.advance(100);
        assert_eq!(scratch.filled().len(), SIZE);
    }
}
