//! Messages made shorter (RFC 7692 §7.2.1).

use bytes::BytesMut;
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
        out: &mut BytesMut,
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
    fn nothing(&mut self, last: bool, out: &mut BytesMut, contexts: &mut Contexts) -> Result<(), WsError> {
        if last {
            out.extend_from_slice(&[0x00]);
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
fn flush(context: &mut Compress, payload: &[u8], out: &mut BytesMut) -> Result<(), WsError> {
    let mut rest = payload;
    let mut room = (payload.len() / 2).saturating_add(END).min(STEP);
    loop {
        let (read, written, start) = (context.total_in(), context.total_out(), out.len());
        out.resize(start.saturating_add(room), 0);
        let free = out.get_mut(start..).unwrap_or_default();
        context.compress(rest, free, FlushCompress::Sync).map_err(|_| FAILED)?;
        let since = |now: u64, then: u64| usize::try_from(now.wrapping_sub(then)).unwrap_or(usize::MAX);
        let (read, written) = (since(context.total_in(), read), since(context.total_out(), written));
        rest = rest.get(read..).unwrap_or_default();
        out.truncate(start.saturating_add(written));
        if written < room {
            return if rest.is_empty() { Ok(()) } else { Err(FAILED) };
        }
        // zlib writes another empty block if it had no room left to see that it was done. That does no harm, but must
        // have room to end in.
        room = (rest.len() / 2).saturating_add(END).min(STEP);
    }
}

/// Room enough for the end of any flush.
const END: usize = 64;
/// Room for one step at most: it is cleared first.
const STEP: usize = 64 * 1024;
