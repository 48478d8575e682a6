//! Reads a header, from its first octet to its last and no further.

use super::fault::Fault;
use super::header::{Announced, Measure};
use super::{v1, v2};

/// The longest header that is taken, in octets.
pub const LONGEST: usize = v2::LONGEST;

/// How far the header goes with which `octets` begin.
///
/// # Errors
/// [`Fault`] as soon as it is known that none begins like that, or one that is too long.
pub fn measure(octets: &[u8]) -> Result<Measure, Fault> {
    let begins = |mark: &[u8]| {
        let length = mark.len().min(octets.len());
        octets.get(..length) == mark.get(..length)
    };
    match () {
        () if begins(&v2::SIGNATURE) => v2::measure(octets),
        () if begins(v1::SIGNATURE) => v1::measure(octets),
        () => Err(Fault::Absent),
    }
}

/// What a whole header says.
///
/// # Errors
/// [`Fault`]; [`Fault::Malformed`] also if it is not whole, or something follows.
pub fn read(header: &[u8]) -> Result<Announced, Fault> {
    match measure(header)? {
        Measure::Whole(length) if length == header.len() => {}
        _ => return Err(Fault::Malformed("its length")),
    }
    if header.starts_with(&v2::SIGNATURE) { v2::read(header) } else { v1::read(header) }
}
