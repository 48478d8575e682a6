//! Buffers that rest with a thread while no connection needs them, so that an idle connection owns none.
//!
//! They rest empty, and what is read of a buffer is only what was put into it since: no octet of one connection can
//! be seen on another. Messages that were handed out share their buffer; what they hold is not given again while
//! they live. Debug builds poison what is given back.

use std::cell::{Cell, RefCell};

use bytes::{BufMut, BytesMut};

/// Octets of a read as long as nothing larger is expected.
pub(super) const SMALL: usize = 16 * 1024;
/// Octets of a read when much is on its way.
pub(super) const LARGE: usize = 128 * 1024;
/// Large buffers that rest with a thread at most.
const LARGE_ONES: usize = 4;
/// Octets of a buffer for what is to be written. It grows with messages that do not fit, and does not rest then.
pub(super) const WRITTEN: usize = 80 * 1024;
/// What debug builds leave where nothing is.
const POISON: u8 = 0xDB;

thread_local! {
    static READ: Cell<Option<BytesMut>> = const { Cell::new(None) };
    static READ_LARGE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
    static WRITE: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// An empty buffer to read into, with room for at least this many octets, and mostly for [`SMALL`] or [`LARGE`].
pub(super) fn to_read(least: usize) -> BytesMut {
    if least > SMALL {
        return to_read_much(least);
    }
    let mut buffer = READ.try_with(Cell::take).ok().flatten().unwrap_or_default();
    if has_room(&mut buffer, least) { buffer } else { BytesMut::with_capacity(SMALL) }
}

/// The same, and it may be this one.
pub(super) fn roomy(mut buffer: BytesMut, least: usize) -> BytesMut {
    debug_assert!(buffer.is_empty(), "all that was read is taken before more is read");
    if has_room(&mut buffer, least) { buffer } else { to_read(least) }
}

/// The one that rests longest comes first: its messages are gone most likely.
fn to_read_much(least: usize) -> BytesMut {
    let resting = READ_LARGE.try_with(|resting| {
        let mut resting = resting.try_borrow_mut().ok()?;
        let found = resting.iter_mut().position(|buffer| has_room(buffer, least))?;
        Some(resting.remove(found))
    });
    resting.ok().flatten().unwrap_or_else(|| BytesMut::with_capacity(LARGE.max(least)))
}

/// Whether there is enough room, once what nobody needs any more is forgotten. Messages that live still may stand in
/// its front. Less than all is enough to go on with, so that small messages that are kept share one allocation.
fn has_room(buffer: &mut BytesMut, least: usize) -> bool {
    let all = if least > SMALL { LARGE } else { SMALL };
    buffer.capacity() > 0 && (buffer.try_reclaim(all) || buffer.capacity() >= least)
}

/// Lets a buffer rest that was read into and is empty.
pub(super) fn give_back_read(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() == 0 {
        return;
    }
    if cfg!(debug_assertions) {
        buffer.put_bytes(POISON, buffer.capacity());
        buffer.clear();
    }
    // What is left of a large buffer serves as a small one while its messages live.
    if buffer.capacity() <= SMALL {
        let _ = READ.try_with(|resting| resting.set(Some(buffer)));
        return;
    }
    let _ = READ_LARGE.try_with(|resting| {
        let Ok(mut resting) = resting.try_borrow_mut() else { return };
        if resting.len() >= LARGE_ONES {
            resting.remove(0);
        }
        resting.push(buffer);
    });
}

/// An empty buffer for what is to be written.
pub(super) fn to_write() -> BytesMut {
    let resting = WRITE.try_with(Cell::take).ok().flatten();
    resting.unwrap_or_else(|| BytesMut::with_capacity(WRITTEN))
}

/// Lets a buffer rest whose octets were written.
pub(super) fn give_back_written(mut buffer: BytesMut) {
    if cfg!(debug_assertions) {
        buffer.fill(POISON);
    }
    buffer.clear();
    // Who wrote from its front has moved that on: all of it is judged, and comes back.
    if buffer.try_reclaim(2 * WRITTEN + 1) || !buffer.try_reclaim(WRITTEN) {
        return;
    }
    let _ = WRITE.try_with(|resting| resting.set(Some(buffer)));
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    #[test]
    fn a_buffer_rests_and_comes_back_empty() {
        let mut buffer = to_read(SMALL / 4);
        buffer.put_slice(b"a message of one connection");
        let message = buffer.split().freeze();
        give_back_read(buffer);
        let mut again = to_read(SMALL / 4);
        assert_eq!((again.len(), again.capacity()), (0, SMALL - message.len()));
        again.put_bytes(1, again.capacity());
        // What was handed out is nobody else's.
        assert_eq!(message, "a message of one connection");
        drop(message);
        again.clear();
        give_back_read(again);
        assert_eq!(to_read(SMALL / 4).capacity(), SMALL);
    }

    #[test]
    fn messages_that_are_kept_share_a_buffer_until_little_is_left_of_it() {
        let mut kept = Vec::new();
        let mut first = to_read(SMALL / 4);
        first.put_bytes(7, SMALL / 2);
        kept.push(first.split());
        give_back_read(first);
        let mut second = to_read(SMALL / 4);
        assert_eq!(second.capacity(), SMALL / 2);
        second.put_bytes(8, SMALL / 2 - 100);
        kept.push(second.split());
        give_back_read(second);
        assert_eq!(to_read(SMALL / 4).capacity(), SMALL);
        assert!(kept[0].iter().all(|octet| *octet == 7));
    }

    #[test]
    fn large_buffers_rest_while_their_messages_live() {
        let mut kept = Vec::new();
        for _ in 0..3 {
            let mut buffer = to_read(LARGE / 2 + 1);
            assert_eq!(buffer.capacity(), LARGE);
            buffer.put_bytes(7, LARGE / 2);
            kept.push(buffer.split());
            give_back_read(buffer);
        }
        assert_eq!(READ_LARGE.with_borrow(Vec::len), 3);
        kept.clear();
        assert_eq!(to_read(LARGE).capacity(), LARGE);
        assert_eq!(READ_LARGE.with_borrow(Vec::len), 2);
    }

    #[test]
    fn only_buffers_of_the_common_size_rest() {
        give_back_written(BytesMut::with_capacity(10));
        give_back_written(BytesMut::with_capacity(WRITTEN * 3));
        assert_eq!(to_write().capacity(), WRITTEN);
        let mut usual = to_write();
        usual.extend_from_slice(b"octets");
        give_back_written(usual);
        assert_eq!((to_write().len(), to_write().capacity()), (0, WRITTEN));
    }

    #[test]
    fn a_buffer_that_was_written_from_its_front_rests_whole() {
        let mut written = to_write();
        written.put_bytes(7, WRITTEN);
        written.advance(WRITTEN);
        give_back_written(written);
        assert_eq!(WRITE.take().map(|resting| (resting.len(), resting.capacity())), Some((0, WRITTEN)));
        // However little is left in front of its end, a large one is large.
        let mut large = BytesMut::zeroed(WRITTEN * 3);
        large.advance(WRITTEN * 2);
        give_back_written(large);
        assert_eq!(WRITE.take(), None);
    }
}
