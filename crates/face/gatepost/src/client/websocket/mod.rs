//! WebSockets of a session: the same road as requests, until the server switches protocols.
//!
//! | the story | the file |
//! |---|---|
//! | what a caller may say | `builder` |
//! | admit, take turns, prove, ask, answer the challenge | `road` |
//! | what comes of it: a socket, or a refusal | `opened`, `refusal` |
//! | one attempt at a time to one host and port | `turnstile` |

pub mod builder;
pub mod opened;
pub mod refusal;
mod road;
pub(crate) mod turnstile;
