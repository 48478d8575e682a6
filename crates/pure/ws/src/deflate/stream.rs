//! Both directions of one connection.

use bytes::BytesMut;

use crate::deflate::agreed::Agreed;
use crate::deflate::compress::Compressor;
use crate::deflate::contexts::Contexts;
use crate::deflate::inflate::{Inflater, Progress};
use crate::error::WsError;
use crate::role::Role;

/// What one connection holds of its compression. It owns no context before the first message of a direction.
///
/// ```
/// use bytes::BytesMut;
/// use gatepost_ws::deflate::{agreed::agree, config::Config, contexts::Contexts, offer::offers, stream::Deflate};
/// use gatepost_ws::role::Role;
///
/// let (agreed, _answer) = agree(&Config::default(), &offers(&Config::default())).unwrap();
/// let (mut server, mut client) = (Deflate::new(Role::Server, &agreed), Deflate::new(Role::Client, &agreed));
/// let (mut contexts, mut wire, mut room) = (Contexts::default(), BytesMut::new(), [0; 64]);
/// server.compress(b"Hello Hello Hello", true, &mut wire, &mut contexts).unwrap();
/// let progress = client.inflate(&wire, true, &mut room, &mut contexts).unwrap();
/// assert_eq!(&room[..progress.written], b"Hello Hello Hello");
/// ```
#[derive(Debug)]
pub struct Deflate {
    inflater: Inflater,
    compressor: Compressor,
    threshold: usize,
}

impl Deflate {
    /// For the end in `role`.
    #[must_use]
    pub fn new(role: Role, agreed: &Agreed) -> Self {
        let (inflater, compressor) = (Inflater::new(role, agreed), Compressor::new(role, agreed));
        Self { inflater, compressor, threshold: agreed.threshold }
    }

    /// Inflates the next octets of a message: [`Inflater::inflate`].
    ///
    /// # Errors
    /// [`WsError::Deflate`].
    pub fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        room: &mut [u8],
        contexts: &mut Contexts,
    ) -> Result<Progress, WsError> {
        self.inflater.inflate(input, last, room, contexts)
    }

    /// Whether a message of that many octets is to be compressed at all: each message says for itself (RFC 7692 §6).
    #[must_use]
    pub fn is_worth(&self, length: usize) -> bool {
        length >= self.threshold
    }

    /// Compresses a message or a part of one: [`Compressor::compress`].
    ///
    /// # Errors
    /// [`WsError::Unsendable`].
    pub fn compress(
        &mut self,
        payload: &[u8],
        last: bool,
        out: &mut BytesMut,
        contexts: &mut Contexts,
    ) -> Result<(), WsError> {
        self.compressor.compress(payload, last, out, contexts)
    }

    /// Frees what is not needed before the next message, as far as the agreed terms allow.
    pub fn idle(&mut self) {
        self.compressor.idle();
        self.inflater.idle();
    }
}
