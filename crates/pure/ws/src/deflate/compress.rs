//! Messages made shorter (RFC 7692 §7.2.1).

use flate2::{Compress, FlushCompress};

use crate::deflate::agreed::Agreed;
use crate::deflate::contexts::{Compressing, Contexts};
use crate::deflate::inflate::TAIL;
use crate::error::WsError;
use crate::role::Role;

/// What compresses our messages to one peer. It owns no context before the first of them, and between messages only where
/// they may refer to earlier ones.
#[derive(Debug)]
pub struct Compressor {
    keeps_context: bool,
    window_bits: u8,
    level: u8,
    context: Option<Compressing>,
    under_way: bool,
}

impl Compressor {
    /// For the end in `role`, which compresses what it sends.
    #[must_use]
    pub fn new(role: Role, agreed: &Agreed) -> Self {
        Self {
            keeps_context: !agreed.no_context_takeover(role),
            window_bits: agreed.window_bits(role),
            level: agreed.level,
            context: None,
            under_way: false,
        }
    }

    /// Appends the compressed `payload` to `out`: a whole message, or a part of one whose other parts are compressed
    /// too; `last` with the part that ends it. Each part is flushed: the peer can inflate all of it at once.
    ///
    /// # Errors
    /// [`WsError::Unsendable`] if the compressor failed: the connection cannot go on.
    pub fn compress(
        &mut self,
        payload: &[u8],
        last: bool,
        out: &mut Vec<u8>,
        contexts: &mut Contexts,
    ) -> Result<(), WsError> {
        if payload.is_empty() {
            return self.nothing(last, out, contexts);
        }
        let mut compressing = self.context.take().unwrap_or_else(|| contexts.compressing(self.window_bits, self.level));
        flush(&mut compressing.context, payload, out)?;
        if last {
            // RFC 7692 §7.2.1: the tail is not sent.
            let length = out.strip_suffix(&TAIL).ok_or(FAILED)?.len();
            out.truncate(length);
        }
        self.under_way = !last;
        self.put_back(compressing, contexts);
        Ok(())
    }

    /// Frees the context, unless a message is under way. The next message then refers to nothing that was said before,
    /// which is always allowed.
    pub fn idle(&mut self) {
        if !self.under_way {
            self.context = None;
        }
    }

    /// A part without octets. If it is the last, what is left of the flush that ends a message is the head of an empty
    /// block (RFC 7692 §7.2.3.6): all that was said before is whole blocks up to an octet's border.
    fn nothing(&mut self, last: bool, out: &mut Vec<u8>, contexts: &mut Contexts) -> Result<(), WsError> {
        if last {
            out.push(0x00);
            self.under_way = false;
            if let Some(compressing) = self.context.take() {
                self.put_back(compressing, contexts);
            }
        }
        Ok(())
    }

    fn put_back(&mut self, compressing: Compressing, contexts: &mut Contexts) {
        if self.under_way || self.keeps_context {
            self.context = Some(compressing);
        } else {
            contexts.keep_compressing(compressing);
        }
    }
}

const FAILED: WsError = WsError::Unsendable("the compressor failed");

/// Appends all of `payload`, up to an octet's border.
fn flush(context: &mut Compress, payload: &[u8], out: &mut Vec<u8>) -> Result<(), WsError> {
    let mut rest = payload;
    // Seldom longer than this, and what grows beyond doubles.
    out.reserve((payload.len() / 2).saturating_add(ROOM));
    loop {
        let (read, free) = (context.total_in(), out.capacity().saturating_sub(out.len()));
        context.compress_vec(rest, out, FlushCompress::Sync).map_err(|_| FAILED)?;
        let read = usize::try_from(context.total_in().wrapping_sub(read)).unwrap_or(usize::MAX);
        rest = rest.get(read..).unwrap_or_default();
        let left = out.capacity().saturating_sub(out.len());
        if left > 0 {
            return if rest.is_empty() { Ok(()) } else { Err(FAILED) };
        }
        // zlib writes another empty block if it had no room to see that it was done. That does no harm, but must have
        // room to end in.
        out.reserve(free.max(ROOM));
    }
}

/// Room enough for the end of any flush.
const ROOM: usize = 64;
