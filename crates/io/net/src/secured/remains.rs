//! Octets that found no place in a call, kept until the next.

/// Owns memory only while it holds something.
#[derive(Debug, Default)]
pub(super) struct Remains {
    octets: Vec<u8>,
    gone: usize,
}

impl From<Vec<u8>> for Remains {
    fn from(octets: Vec<u8>) -> Self {
        Self { octets, gone: 0 }
    }
}

impl Remains {
    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// What is left.
    pub(super) fn left(&self) -> &[u8] {
        self.octets.get(self.gone..).unwrap_or_default()
    }

    /// Lets `count` octets of the front go, and the memory with the last of them.
    pub(super) fn consume(&mut self, count: usize) {
        self.gone = self.gone.saturating_add(count);
        if self.gone >= self.octets.len() {
            *self = Self::default();
        }
    }

    /// Keeps `octets` behind the others.
    pub(super) fn keep(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_owns_no_memory() {
        let mut remains = Remains::from(b"abc".to_vec());
        remains.consume(2);
        remains.keep(b"de");
        assert_eq!(remains.left(), b"cde");
        remains.consume(3);
        assert_eq!((remains.is_empty(), remains.left(), remains.octets.capacity()), (true, &b""[..], 0));
    }
}
