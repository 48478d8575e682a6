//! Contexts that belong to no connection: lent to one for one message.

use std::fmt;

use flate2::{Compress, Compression, Decompress};

/// How many idle contexts of a direction are kept. Messages that arrive in one piece need one; more are under way at once
/// only where messages arrive in pieces.
const KEPT: usize = 4;

/// What connections without context takeover share: one for each worker (or thread), lent to every call in turn. It owns
/// nothing before the first use, and keeps at most four idle contexts of each direction, about 1.7 MiB.
#[derive(Default)]
pub struct Contexts {
    inflating: Vec<Decompress>,
    compressing: Vec<Compressing>,
}

/// A compressing context with the terms that it was made for.
pub(crate) struct Compressing {
    pub(crate) context: Compress,
    window_bits: u8,
    level: u8,
}

impl Contexts {
    /// An inflating context that knows nothing of earlier messages.
    pub(crate) fn inflating(&mut self) -> Decompress {
        match self.inflating.pop() {
            Some(mut context) => {
                context.reset(false);
                context
            }
            // Always the largest window: zlib-rs holds 32 KiB whatever it is told, and resets only this size in place.
            None => Decompress::new(false),
        }
    }

    /// A compressing context that knows nothing of earlier messages.
    pub(crate) fn compressing(&mut self, window_bits: u8, level: u8) -> Compressing {
        // zlib cannot do 8 bits; with 9 it refers no further back than 250 octets, which suits 8 as well.
        let window_bits = window_bits.clamp(9, 15);
        let level = level.min(9);
        let fits = |kept: &Compressing| kept.window_bits == window_bits && kept.level == level;
        if let Some(at) = self.compressing.iter().rposition(fits) {
            let mut kept = self.compressing.swap_remove(at);
            kept.context.reset();
            return kept;
        }
        let context = Compress::new_with_window_bits(Compression::new(u32::from(level)), false, window_bits);
        Compressing { context, window_bits, level }
    }

    pub(crate) fn keep_inflating(&mut self, context: Decompress) {
        if self.inflating.len() < KEPT {
            self.inflating.push(context);
        }
    }

    /// The newest are kept: their terms are the likeliest to be asked for again.
    pub(crate) fn keep_compressing(&mut self, context: Compressing) {
        if self.compressing.len() == KEPT {
            self.compressing.remove(0);
        }
        self.compressing.push(context);
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inflating, compressing) = (self.inflating.len(), self.compressing.len());
        f.debug_struct("Contexts").field("inflating", &inflating).field("compressing", &compressing).finish()
    }
}

impl fmt::Debug for Compressing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { window_bits, level, .. } = self;
        f.debug_struct("Compressing").field("window_bits", window_bits).field("level", level).finish_non_exhaustive()
    }
}
