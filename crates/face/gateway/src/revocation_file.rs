//! Files of revocation lists (RFC 5280 §5), as PEM or DER.

use std::path::Path;

use gatepost::tls::lists::RevocationLists;
use gatepost::tls::pem;

use crate::small_file;

/// The most that a file may hold, in octets: public ones have some MiB.
pub const LONGEST: u64 = 16 * 1024 * 1024;

/// The lists in a file as DER, each of which can be read. Never empty.
///
/// # Errors
/// Why there is none, in words.
pub fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let octets = small_file::read(path, LONGEST).map_err(|error| error.to_string())?;
    let lists = match octets.trim_ascii_start().starts_with(b"-----BEGIN") {
        true => pem::parse_lists_pem(&octets).map_err(|error| error.to_string())?,
        false => vec![octets],
    };
    RevocationLists::new(lists.clone()).map_err(|error| error.to_string())?;
    Ok(lists)
}
