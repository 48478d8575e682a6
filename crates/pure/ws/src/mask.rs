//! The masks of a client's frames (RFC 6455 §5.3), applied many octets at a time.

use std::fmt;

/// The key that one frame of a client is masked with.
///
/// A key is four octets of a cryptographically secure generator, and serves for one frame only: what
/// a page makes a browser send must not be foreseeable on the wire (RFC 6455 §5.3, §10.3).
///
/// ```
/// use gatepost_ws::mask::Mask;
///
/// // RFC 6455 §5.7
/// let mut octets = *b"Hello";
/// Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut octets);
/// assert_eq!(octets, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Mask([u8; 4]);

impl Mask {
    /// What a server passes: its frames are not masked, so that it is not looked at.
    pub const UNUSED: Self = Self([0; 4]);

    /// The key made of four random octets.
    #[must_use]
    pub const fn new(octets: [u8; 4]) -> Self {
        Self(octets)
    }

    /// Its octets, as they stand in the head of a frame.
    #[must_use]
    pub const fn octets(self) -> [u8; 4] {
        self.0
    }

    /// Masks or unmasks in place, and gives the key as it has to be for the octets that follow.
    #[must_use = "the octets that follow need the key that this gives"]
    pub fn over(self, octets: &mut [u8]) -> Self {
        let [a, b, c, d] = self.0;
        // Eight at a time, because the compiler makes vector instructions of that.
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (chunks, tail) = octets.as_chunks_mut::<8>();
        for chunk in chunks {
            *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
        }
        let tail_key = wide.to_ne_bytes();
        for (octet, key) in tail.iter_mut().zip(tail_key) {
            *octet ^= key;
        }
        self.after(octets.len())
    }

    /// [`over`](Self::over) for a payload that is whole.
    pub fn apply(self, octets: &mut [u8]) {
        let _whole = self.over(octets);
    }

    /// The key as it has to be after so many octets.
    #[must_use]
    pub(crate) fn after(self, octets: usize) -> Self {
        let mut rotated = self.0;
        rotated.rotate_left(octets & 3);
        Self(rotated)
    }
}

/// Keys are not shown: who knows the next ones could choose what stands on the wire.
impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(****)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_cut_masks_as_the_standard_says(key: [u8; 4], octets in prop::collection::vec(any::<u8>(), 0..100), cut in 0..100usize) {
            // RFC 6455 §5.3: octet i is masked with octet i modulo 4 of the key.
            let expected: Vec<u8> = octets.iter().enumerate().map(|(at, octet)| octet ^ key[at % 4]).collect();
            let mut masked = octets.clone();
            let (first, second) = masked.split_at_mut(cut.min(octets.len()));
            let rest = Mask::new(key).over(first);
            let end = rest.over(second);
            prop_assert_eq!(&masked, &expected);
            prop_assert_eq!(end, Mask::new(key).after(octets.len()));
            Mask::new(key).apply(&mut masked);
            prop_assert_eq!(masked, octets);
        }
    }
}
