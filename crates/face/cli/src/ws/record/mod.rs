//! Recordings: written while a session goes on, read to play one back. The ending of the name says which kind.

pub(crate) mod fields;
pub(crate) mod har;
pub(crate) mod ndjson;
pub(crate) mod recorder;
