//! Compression of messages: the extension permessage-deflate (RFC 7692).
//!
//! [`config`] says what an end is ready for, [`offer`] and [`agreed`] negotiate it within the handshake, and [`stream`]
//! does the work over raw deflate streams, with what connections can share from [`contexts`] that the caller lends.
//!
//! **Memory.** A compressing context holds about 370 KiB and an inflating one about 45 KiB, whatever was said. None is
//! made before the first message. A direction for which `no_context_takeover` was agreed borrows one for each message, so
//! that ten thousand connections of a worker need one. Otherwise a connection has its own, until it is `idle`: a new
//! compressing context refers to nothing that was said before, which is always allowed, and a new inflating one is told
//! the last octets that were said, which are kept: at most the window, so fewer window bits mean less memory.
//! (zlib's memory level is not among what flate2 can set; what it would save is memory that short messages never touch.)
//!
//! **Window bits.** zlib compresses with windows of 9 to 15 bits. A window of 8 bits can still be promised: with 9 bits it
//! never refers further back than 512 − 262 = 250 octets, and the peer's window of 256 octets has them.
//!
//! **Secrets.** Compression shows by its length whether two parts of what is compressed are alike (CRIME, BREACH). Do not
//! agree to it where one message, or one context, holds both a secret and what an attacker chose.

pub mod agreed;
pub mod compress;
pub mod config;
pub mod contexts;
mod history;
pub mod inflate;
pub mod offer;
pub mod stream;
