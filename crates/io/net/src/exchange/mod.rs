//! The client's HTTP/1.1 driver: one exchange after another on a connection, in the caller's own task.
//!
//! There is no task, channel or lock. [`drive::Asking`] writes the request and waits for the head of
//! its answer while the [`upload`] goes on. What the caller reads as the answer's body is the
//! [`incoming`] rest of what is [`under_way`], which owns the [`wire`]: at a clean end it gives the wire back, and
//! everywhere else the wire is dropped, so that no octet of one answer is taken for another's.

#[cfg(test)]
mod differential;
pub(crate) mod drive;
mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;
mod under_way;
mod upload;
pub(crate) mod wire;
