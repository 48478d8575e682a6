//! The server's HTTP/1.1 driver: one task a connection, on the strict core of `gatepost-http`.
//!
//! [`drive`] is the road, a request a turn. It hears with an [`ear`](ear::Ear), speaks with a
//! [`mouth`](mouth::Mouth), gives the handler an [`incoming`] body, attends to what is
//! [`in_hand`] and plans each [`answer`].
//! Nothing here waits without a limit, and no buffer grows without a bound.

mod answer;
#[cfg(test)]
mod differential;
pub(crate) mod drive;
mod ear;
mod in_hand;
mod incoming;
mod mouth;
pub(crate) mod rewound;
