//! Masks for what a client sends: random, new for every frame, and used once (RFC 6455 §5.3).
//!
//! A page that could foretell them could make a browser write any octets it likes on the wire (RFC 6455 §10.3), so
//! they come from the generator that makes keys. It is asked for many at once, since asking costs more than a mask.

use std::cell::RefCell;

use rustls::crypto::{SecureRandom, aws_lc_rs};

use crate::error::NetError;

/// Masks that are drawn at once.
const DRAWN: usize = 64;
/// Octets of a mask.
const MASK: usize = 4;

/// What a thread has drawn and not used.
struct Pool {
    random: &'static dyn SecureRandom,
    octets: [u8; DRAWN * MASK],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Option<Box<Pool>>> = const { RefCell::new(None) };
}

/// A mask that nobody has seen.
///
/// # Errors
/// [`NetError::Entropy`] if the generator fails; then nothing may be sent.
pub(super) fn draw() -> Result<[u8; MASK], NetError> {
    let drawn = POOL.try_with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        pool.get_or_insert_with(Pool::new).draw()
    });
    drawn.ok().flatten().ok_or(NetError::Entropy)
}

impl Pool {
    fn new() -> Box<Self> {
        let random = aws_lc_rs::default_provider().secure_random;
        Box::new(Self { random, octets: [0; DRAWN * MASK], used: DRAWN * MASK })
    }

    fn draw(&mut self) -> Option<[u8; MASK]> {
        if self.used >= self.octets.len() {
            self.random.fill(&mut self.octets).ok()?;
            self.used = 0;
        }
        let place = self.octets.get_mut(self.used..)?.first_chunk_mut::<MASK>()?;
        self.used += MASK;
        // What was used is on the wire: it must not be found here, and can never be given twice.
        Some(std::mem::take(place))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn masks_differ_and_leave_nothing_behind() {
        let masks: HashSet<_> = (0..DRAWN * 3).map(|_| draw().unwrap()).collect();
        // Two equal ones among 192 of 2^32: once in 233,000 runs; three pairs never.
        assert!(masks.len() > DRAWN * 3 - 3);
        POOL.with_borrow(|pool| {
            let pool = pool.as_ref().unwrap();
            assert!(pool.octets[..pool.used].iter().all(|octet| *octet == 0));
        });
    }
}
