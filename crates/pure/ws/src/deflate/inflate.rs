//! Messages as they were before they were compressed (RFC 7692 §7.2.2), a bounded piece at a time.

use flate2::{Decompress, FlushDecompress, Status};

use crate::deflate::agreed::Agreed;
use crate::deflate::contexts::Contexts;
use crate::deflate::history::History;
use crate::error::WsError;
use crate::role::Role;

/// What every message ends with, and no sender sends: an empty block without compression, but for its head
/// (RFC 7692 §7.2.1).
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The tail, and a whole block of that kind: it says nothing between blocks, and gives away a block that was cut off.
const END: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff];

/// What one call of [`Inflater::inflate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Octets of the input that are done with.
    pub read: usize,
    /// Octets of the room that were filled.
    pub written: usize,
    /// There was no more room: call again with the rest of the input, which may be none, before any further input.
    pub more: bool,
}

/// What inflates the messages of one peer. It owns no context before the first of them, and between messages only where
/// the peer may refer to earlier ones and the connection is not idle.
#[derive(Debug)]
pub struct Inflater {
    context: Option<Decompress>,
    /// What the peer may refer to, if it may refer to earlier messages.
    history: Option<History>,
    place: Place,
}

/// Where in a message we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first octet of a message.
    Between,
    /// Within its blocks.
    Blocks,
    /// Right after a block that says that it is the last of its stream (RFC 7692 §7.2.3.5).
    Final,
}

impl Inflater {
    /// For the end in `role`: it inflates what the other end compressed.
    #[must_use]
    pub fn new(role: Role, agreed: &Agreed) -> Self {
        let peer = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let keeps_context = !agreed.no_context_takeover(peer);
        let history = keeps_context.then(|| History::new(agreed.window_bits(peer)));
        Self { context: None, history, place: Place::Between }
    }

    /// Inflates `input`, the next octets of a compressed message, into `room`, as far as that goes. `last`: the message
    /// ends with the end of `input`. It has ended when a call with `last` read all of it and gave `more: false`; where the
    /// room was filled, it takes a further call to say so, with new room and what is left of the input.
    ///
    /// A message without any octet is an empty message. What follows a block with BFINAL is a stream of its own.
    ///
    /// # Errors
    /// [`WsError::Deflate`] for what is not made of whole deflate blocks: the connection must fail, with 1007.
    pub fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        room: &mut [u8],
        contexts: &mut Contexts,
    ) -> Result<Progress, WsError> {
        if input.is_empty() && self.place == Place::Between {
            return Ok(Progress { read: 0, written: 0, more: false });
        }
        let mut context = match self.context.take() {
            Some(context) => context,
            None => self.fresh(contexts)?,
        };
        let progress = self.blocks(&mut context, input, room)?;
        if last && !progress.more {
            self.end(&mut context)?;
        }
        if self.place == Place::Between && self.history.is_none() {
            contexts.keep_inflating(context);
        } else {
            self.context = Some(context);
        }
        Ok(progress)
    }

    /// Frees the context, unless a message is under way. What the peer may still refer to is kept: as many octets as it
    /// has said, at most the window.
    pub fn idle(&mut self) {
        if self.place == Place::Between {
            self.context = None;
        }
    }

    /// A context that knows what the peer may refer to.
    fn fresh(&self, contexts: &mut Contexts) -> Result<Decompress, WsError> {
        let mut context = contexts.inflating();
        if let Some(history) = &self.history {
            history.tell(&mut context)?;
        }
        Ok(context)
    }

    /// After a stream's last block nothing refers to what was before.
    fn forget(&mut self, context: &mut Decompress) {
        context.reset(false);
        if let Some(history) = &mut self.history {
            history.clear();
        }
    }

    /// Inflates until there is no more input or no more room.
    fn blocks(&mut self, context: &mut Decompress, input: &[u8], room: &mut [u8]) -> Result<Progress, WsError> {
        let (mut read, mut written) = (0, 0);
        loop {
            let (rest, free) = (input.get(read..).unwrap_or_default(), room.get_mut(written..).unwrap_or_default());
            if self.place == Place::Final {
                if rest.is_empty() {
                    return Ok(Progress { read, written, more: false });
                }
                self.forget(context);
            }
            self.place = Place::Blocks;
            let (rest_length, free_length) = (rest.len(), free.len());
            let done = step(context, rest, free)?;
            if let Some(history) = &mut self.history {
                history.push(free.get(..done.written).unwrap_or_default());
            }
            (read, written) = (read.saturating_add(done.read), written.saturating_add(done.written));
            if done.ended {
                self.place = Place::Final;
            } else if done.written == free_length {
                return Ok(Progress { read, written, more: true });
            } else if done.read == rest_length {
                return Ok(Progress { read, written, more: false });
            } else {
                return Err(CORRUPT);
            }
        }
    }

    /// Gives the tail, which completes the last block of the message.
    fn end(&mut self, context: &mut Decompress) -> Result<(), WsError> {
        if self.place == Place::Final {
            // There should be an octet of zeros here, to make a block of the tail. That it is not is no loss.
            self.forget(context);
        } else {
            // All that the message holds has been given: what comes out now belongs to a block that was cut off.
            let done = step(context, &END, &mut [0; 16])?;
            if done.read != END.len() || done.written != 0 || done.ended {
                return Err(WsError::Deflate("it ends within a block"));
            }
        }
        self.place = Place::Between;
        Ok(())
    }
}

const CORRUPT: WsError = WsError::Deflate("it is not a deflate stream");

/// What one step did.
struct Step {
    read: usize,
    written: usize,
    ended: bool,
}

fn step(context: &mut Decompress, input: &[u8], room: &mut [u8]) -> Result<Step, WsError> {
    let (read, written) = (context.total_in(), context.total_out());
    let status = context.decompress(input, room, FlushDecompress::Sync).map_err(|_| CORRUPT)?;
    let since = |now: u64, then: u64| usize::try_from(now.wrapping_sub(then)).unwrap_or(usize::MAX);
    let (read, written) = (since(context.total_in(), read), since(context.total_out(), written));
    Ok(Step { read, written, ended: status == Status::StreamEnd })
}
