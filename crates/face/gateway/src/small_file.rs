//! Files that are read whole: regular ones only, and only up to a length.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

/// The most that a file of certificates and keys (PEM) may hold, in octets: 1 MiB.
pub const LONGEST_PEM: u64 = 1024 * 1024;

/// The most that an OCSP response may have, in octets.
pub const LONGEST_OCSP: u64 = 64 * 1024;

/// All that a file holds, if it is at most `longest` octets.
///
/// # Errors
/// What the system said; [`ErrorKind::InvalidInput`] if it is no regular file; [`ErrorKind::FileTooLarge`] if it holds
/// more.
pub fn read(path: &Path, longest: u64) -> Result<Vec<u8>, Error> {
    // Before it is opened, since a pipe without a writer would never open; and after, for it is another by then.
    check(std::fs::metadata(path)?.is_file())?;
    let file = File::open(path)?;
    check(file.metadata()?.is_file())?;
    let mut octets = Vec::new();
    // What is measured first may have grown since.
    file.take(longest.saturating_add(1)).read_to_end(&mut octets)?;
    match u64::try_from(octets.len()) {
        Ok(length) if length <= longest => Ok(octets),
        _ => Err(Error::new(ErrorKind::FileTooLarge, format!("it holds more than {longest} octets"))),
    }
}

fn check(is_file: bool) -> Result<(), Error> {
    if is_file { Ok(()) } else { Err(Error::new(ErrorKind::InvalidInput, "it is no regular file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_much_and_only_of_files() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        let outcome = |path: &Path, longest| read(path, longest).map_err(|error| error.kind());
        assert_eq!(outcome(&path, 5), Ok(b"12345".to_vec()));
        assert_eq!(outcome(&path, 4), Err(ErrorKind::FileTooLarge));
        assert_eq!(outcome(place.path(), 5), Err(ErrorKind::InvalidInput));
        assert_eq!(outcome(Path::new("/dev/zero"), 5), Err(ErrorKind::InvalidInput), "it says that it has no length");
        assert_eq!(outcome(&place.path().join("none"), 5), Err(ErrorKind::NotFound));
    }
}
