//! HTTP/2 on the `h2` crate: the server's road is `drive`, the client's `client`.
//!
//! | the story | the file |
//! |---|---|
//! | a connection from its preface to its end | `drive` |
//! | a request's life on its stream | `stream` |
//! | heads in and out | `heads` |
//! | bodies in and out, with their flow control | `incoming`, `outgoing` |
//! | a body that its answer did not wait for | `leftover` |
//! | a stream that became another protocol's (RFC 8441) | `channel`, at a client `opening` |
//! | the requests of a connection, in one task | `in_hand`, `bells` |
//! | floods watched, writes gathered | `line` |
//! | a peer that says nothing | `heart` |

mod bells;
mod channel;
pub(crate) mod client;
pub(crate) mod drive;
#[cfg(test)]
mod extended_tests;
mod heads;
mod heart;
mod in_hand;
mod incoming;
mod leftover;
mod line;
mod opening;
mod outgoing;
#[cfg(test)]
mod sips;
mod stream;
#[cfg(test)]
mod tests;
