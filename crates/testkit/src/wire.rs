//! Two ends of one wire, in memory.

use tokio::io::{DuplexStream, duplex};

/// How much one direction of a [`pair`] holds before the writer waits: 64 KiB.
pub const CAPACITY: usize = 64 * 1024;

/// Two connected streams: what is written to the one is read from the other.
#[must_use]
pub fn pair() -> (DuplexStream, DuplexStream) {
    pair_of(CAPACITY)
}

/// A pair that holds `capacity` octets in each direction. With 1 every write and read is cut as
/// small as can be.
#[must_use]
pub fn pair_of(capacity: usize) -> (DuplexStream, DuplexStream) {
    duplex(capacity)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_goes_in_comes_out() {
        for (mut left, mut right) in [pair(), pair_of(1)] {
            let writing = async {
                left.write_all(b"hello").await.unwrap();
                left.shutdown().await.unwrap();
            };
            let mut read = Vec::new();
            let (_, length) = tokio::join!(writing, right.read_to_end(&mut read));
            assert_eq!((length.unwrap(), read.as_slice()), (5, b"hello".as_slice()));
        }
    }
}
