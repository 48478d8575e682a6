//! What a thread lends the connection that is at work on it: room to inflate into, and compressors that no
//! connection owns.

use std::cell::RefCell;

use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::scratch::Scratch;

/// What is lent for one call.
#[derive(Default)]
pub(super) struct Lent {
    pub(super) scratch: Scratch,
    pub(super) contexts: Contexts,
}

thread_local! {
    static LENT: RefCell<Option<Box<Lent>>> = const { RefCell::new(None) };
}

/// Lends it for the time of `work`. What `work` leaves in the scratch memory has no meaning for whoever comes next:
/// nobody reads there what was not written in the same call, and debug builds clear it.
pub(super) fn with<T>(work: impl FnOnce(&mut Lent) -> T) -> T {
    LENT.with(|lent| match lent.try_borrow_mut() {
        Ok(mut lent) => {
            let lent = lent.get_or_insert_default();
            let done = work(lent);
            if cfg!(debug_assertions) {
                lent.scratch.clear();
            }
            done
        }
        // A call within a call, as by a subscriber of events: it gets its own.
        Err(_) => work(&mut Lent::default()),
    })
}
