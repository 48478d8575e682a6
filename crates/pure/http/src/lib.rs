//! The strict HTTP/1.1 core: heads and framing, told from both ends of the wire (RFC 9110, RFC 9112).
//!
//! There is no socket, clock or log here: octets go in, values come out. `httparse` splits a head
//! into its lines; what the lines may say, and where a body ends, is decided here, once, for server
//! and client alike. A message that two strict readers could frame differently is an error, never a
//! guess.
//!
//! | a question | the answer |
//! |---|---|
//! | may this path be decided about? | [`target::check_path`] |
//! | which host is meant? | [`host::Authority::parse`] |
//! | what ends at this hop? | [`fields::strip_hop_by_hop`] |
//! | is that header ours alone? | [`spellings::Spellings::strip`] |
//! | whom does a proxy speak for? | [`proxy_header::read::read`] |
//!
//! Import from the defining module, never from a re-export.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod decoder;
pub mod encoder;
pub mod error;
pub mod fields;
pub mod frame_watch;
pub mod framing;
pub mod head;
pub mod host;
mod lengths;
pub mod proxy_header;
pub mod request_reader;
pub mod response_reader;
pub mod scan;
pub mod spellings;
pub mod target;
pub mod write;
