//! A value that cannot be printed and is wiped when it is dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password, token or key.
///
/// Its `Debug` is `****`; it has no `Display`; its memory is overwritten on drop. Reading it is
/// spelled out as [`reveal`](Self::reveal), so that every reader can be found.
///
/// ```
/// use gatepost_model::secret::Secret;
///
/// let secret = Secret::from("open sesame");
/// assert_eq!(format!("{secret:?}"), "****");
/// assert!(secret.matches(b"open sesame"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of the octets.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets. Whoever calls this answers for where they go.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, if it is UTF-8.
    #[must_use]
    pub fn reveal_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Compares in time that depends on the lengths only.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        same(&self.0, other)
    }

    /// True when there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Compares two byte strings in time that depends on their lengths only. The one such comparison.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    // Eight octets at a time: the barrier behind each step, which keeps the compiler from leaving early, costs the most.
    let (lefts, left) = left.as_chunks();
    let (rights, right) = right.as_chunks();
    let words =
        lefts.iter().zip(rights).map(|(left, right)| u64::from_ne_bytes(*left).ct_eq(&u64::from_ne_bytes(*right)));
    words.fold(left.ct_eq(right), |same, word| same & word).into()
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_and_compares_whole() {
        let secret = Secret::from("pass");
        assert_eq!(format!("{secret:?}"), "****");
        assert!(secret.matches(b"pass"));
        assert!(!secret.matches(b"pas"));
        assert!(!secret.matches(b"passs"));
        assert_eq!(secret, Secret::new(b"pass".to_vec()));
    }

    #[test]
    fn every_octet_counts() {
        for length in 0..40 {
            let octets: Vec<u8> = (0..length).collect();
            assert!(same(&octets, &octets.clone()));
            assert!(!same(&octets, &[&octets[..], &[0]].concat()));
            for at in 0..octets.len() {
                for bit in 0..8 {
                    let mut other = octets.clone();
                    other[at] ^= 1 << bit;
                    assert!(!same(&octets, &other), "{length} {at} {bit}");
                }
            }
        }
    }
}
