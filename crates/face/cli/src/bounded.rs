//! Files that may be larger than what is wanted of them: devices and pipes say that they are empty, and files grow.

use std::fs::File;
use std::io::{Read, Result};
use std::path::Path;

/// Reads a file of at most `limit` octets; `None` if it has more. No more than that is ever read.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let mut octets = Vec::new();
    let read = File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut octets)?;
    let fits = u64::try_from(read).is_ok_and(|read| read <= limit);
    Ok(fits.then_some(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "four").unwrap();
        for (limit, fits) in [(3, false), (4, true), (5, true), (u64::MAX, true)] {
            assert_eq!(read_bounded(&path, limit).unwrap(), fits.then(|| b"four".to_vec()), "{limit}");
        }
    }

    #[test]
    fn a_file_that_says_it_is_empty_is_bounded_too() {
        // Without a bound this would be read for ever.
        assert_eq!(read_bounded("/dev/zero".as_ref(), 1024).unwrap(), None);
    }
}
