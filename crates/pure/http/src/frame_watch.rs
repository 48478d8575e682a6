//! Counts the HTTP/2 frames that a peer sends, so that a flood of cheap ones ends before it costs much.
//!
//! RFC 9113 §10.5 leaves it to the endpoint to see that SETTINGS, PING, empty frames and the like are used
//! as they are meant. Each kind has a budget here ([`BOUNDS`]) that grows back with time and with useful
//! work: streams opened, answers given, octets sent. A client that asks for something now and then, for
//! days, never runs out; one that sends nothing but frames does after a few hundred.
//!
//! The caller owes [`FrameWatch::feed`] every octet that arrives, in order and before anybody acts on it,
//! and closes the connection with ENHANCE_YOUR_CALM when it says [`Flood`]. Nothing is judged here that
//! concerns the meaning of a frame.

use std::time::Duration;

use thiserror::Error;

/// Octets of a client's preface (RFC 9113 §3.4).
const PREFACE: usize = 24;

/// Octets of a frame's head (RFC 9113 §4.1).
const HEAD: usize = 9;

/// CONTINUATION frames in one header block (CVE-2024-27316).
pub const CONTINUATIONS: u32 = 16;

/// A kind of frame of which there were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Flood {
    /// SETTINGS, acknowledgements included.
    #[error("too many SETTINGS frames")]
    Settings,
    /// PING, answers included.
    #[error("too many PING frames")]
    Ping,
    /// DATA that holds nothing and ends nothing.
    #[error("too many empty DATA frames")]
    EmptyData,
    /// RST_STREAM (rapid reset, CVE-2023-44487).
    #[error("too many RST_STREAM frames")]
    Reset,
    /// PRIORITY.
    #[error("too many PRIORITY frames")]
    Priority,
    /// WINDOW_UPDATE.
    #[error("too many WINDOW_UPDATE frames")]
    WindowUpdate,
    /// Frames of other kinds, known and unknown.
    #[error("too many frames of kinds that do nothing")]
    Other,
    /// CONTINUATION in one header block.
    #[error("too many CONTINUATION frames")]
    Continuation,
}

/// What a connection may spend on one kind of frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The kind.
    pub kind: Flood,
    /// Frames that are there at the start.
    pub first: u64,
    /// Frames that can be saved up.
    pub most: u64,
    /// Frames that each second brings.
    pub per_second: u64,
    /// Frames that each HEADERS frame of the peer brings.
    pub per_stream: u64,
    /// Frames that each answer of ours, or each request of ours, brings.
    pub per_answer: u64,
    /// Frames that each KiB that we send brings.
    pub per_kib: u64,
}

/// The bounds, each for a connection.
///
/// - PING: gRPC measures bandwidth with at most one in each round trip in which it received something.
/// - RST_STREAM: whoever leaves a page cancels all that is under way; whoever cancels everything
///   before it is answered is a flood.
/// - PRIORITY: browsers sent a handful at the start and a few with each stream (RFC 7540 §5.3).
/// - WINDOW_UPDATE: a simple client sends two for each DATA frame, and an event is 60 octets. It may answer
///   for a whole window at once.
pub const BOUNDS: [Bound; 7] = [
    Bound { kind: Flood::Settings, first: 100, most: 100, per_second: 1, per_stream: 0, per_answer: 0, per_kib: 0 },
    Bound { kind: Flood::Ping, first: 500, most: 1000, per_second: 10, per_stream: 0, per_answer: 1, per_kib: 1 },
    Bound { kind: Flood::EmptyData, first: 100, most: 100, per_second: 1, per_stream: 1, per_answer: 0, per_kib: 0 },
    Bound { kind: Flood::Reset, first: 200, most: 200, per_second: 20, per_stream: 0, per_answer: 1, per_kib: 0 },
    Bound { kind: Flood::Priority, first: 200, most: 500, per_second: 10, per_stream: 4, per_answer: 0, per_kib: 0 },
    Bound {
        kind: Flood::WindowUpdate,
        first: 1000,
        most: 65_536,
        per_second: 50,
        per_stream: 2,
        per_answer: 0,
        per_kib: 64,
    },
    Bound { kind: Flood::Other, first: 100, most: 100, per_second: 1, per_stream: 2, per_answer: 0, per_kib: 0 },
];

/// Watches what one peer sends.
///
/// ```
/// use std::time::Duration;
///
/// use gatepost_http::frame_watch::{Flood, FrameWatch};
///
/// let mut watch = FrameWatch::of_server();
/// let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
/// assert_eq!(watch.feed(&ping, Duration::ZERO), Ok(()));
/// assert_eq!(watch.feed(&ping.repeat(10_000), Duration::ZERO), Err(Flood::Ping));
/// ```
#[derive(Debug, Clone)]
pub struct FrameWatch {
    /// Octets that follow and are no head.
    skip: usize,
    head: [u8; HEAD],
    /// How much of `head` has come.
    have: usize,
    continuations: u32,
    work: Work,
    budgets: [Budget; BOUNDS.len()],
    over: Option<Flood>,
}

/// What budgets grow with, counted from the start.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    millis: u64,
    streams: u64,
    answers: u64,
    octets: u64,
}

/// Thousandths of frames, and when they were counted.
#[derive(Debug, Clone, Copy)]
struct Budget {
    left: u64,
    at: Work,
}

impl FrameWatch {
    /// Of a client, which begins with a preface.
    #[must_use]
    pub fn of_client() -> Self {
        Self { skip: PREFACE, ..Self::of_server() }
    }

    /// Of a server.
    #[must_use]
    pub fn of_server() -> Self {
        let full = |bound: Bound| Budget { left: bound.first.saturating_mul(1000), at: Work::default() };
        Self {
            skip: 0,
            head: [0; HEAD],
            have: 0,
            continuations: 0,
            work: Work::default(),
            budgets: BOUNDS.map(full),
            over: None,
        }
    }

    /// Looks at the next octets of the peer; `now` is the time since any fixed moment before the first.
    ///
    /// # Errors
    /// [`Flood`] names what there was too much of, now and ever after.
    pub fn feed(&mut self, mut octets: &[u8], now: Duration) -> Result<(), Flood> {
        self.work.millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        loop {
            if let Some(flood) = self.over {
                return Err(flood);
            }
            let skipped = self.skip.min(octets.len());
            self.skip -= skipped;
            octets = octets.get(skipped..).unwrap_or_default();
            if octets.is_empty() {
                return Ok(());
            }
            if let Some(head) = self.next_head(&mut octets) {
                self.over = self.frame(head).err();
            }
        }
    }

    /// Says that we have given so many answers, or sent so many requests.
    pub fn answered(&mut self, count: u64) {
        self.work.answers = self.work.answers.saturating_add(count);
    }

    /// Says that so many octets went out.
    pub fn sent(&mut self, octets: usize) {
        self.work.octets = self.work.octets.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
    }

    /// Takes a head from `octets`, or as much of it as is there.
    fn next_head(&mut self, octets: &mut &[u8]) -> Option<[u8; HEAD]> {
        if self.have == 0
            && let Some((head, rest)) = octets.split_first_chunk()
        {
            *octets = rest;
            return Some(*head);
        }
        let part = self.head.get_mut(self.have..)?;
        let size = part.len().min(octets.len());
        part.get_mut(..size)?.copy_from_slice(octets.get(..size)?);
        *octets = octets.get(size..)?;
        self.have += size;
        (self.have == HEAD).then(|| {
            self.have = 0;
            self.head
        })
    }

    /// Counts one frame (RFC 9113 §6).
    fn frame(&mut self, [a, b, c, kind, flags, ..]: [u8; HEAD]) -> Result<(), Flood> {
        const END_STREAM: u8 = 1;
        self.skip = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        match kind {
            0 if self.skip > 0 || flags & END_STREAM != 0 => Ok(()),
            0 => self.spend(Flood::EmptyData),
            1 => {
                self.work.streams = self.work.streams.saturating_add(1);
                self.continuations = 0;
                Ok(())
            }
            2 => self.spend(Flood::Priority),
            3 => self.spend(Flood::Reset),
            4 => self.spend(Flood::Settings),
            6 => self.spend(Flood::Ping),
            8 => self.spend(Flood::WindowUpdate),
            9 => {
                self.continuations = self.continuations.saturating_add(1);
                if self.continuations > CONTINUATIONS { Err(Flood::Continuation) } else { Ok(()) }
            }
            _ => self.spend(Flood::Other),
        }
    }

    fn spend(&mut self, kind: Flood) -> Result<(), Flood> {
        let mut budgets = BOUNDS.iter().zip(&mut self.budgets);
        let Some((bound, budget)) = budgets.find(|(bound, _)| bound.kind == kind) else { return Err(kind) };
        budget.grow(bound, self.work);
        budget.left = budget.left.checked_sub(1000).ok_or(kind)?;
        Ok(())
    }
}

impl Budget {
    fn grow(&mut self, bound: &Bound, now: Work) {
        let since = |now: u64, then: u64| now.saturating_sub(then);
        let frames = since(now.streams, self.at.streams).saturating_mul(bound.per_stream);
        let frames = frames.saturating_add(since(now.answers, self.at.answers).saturating_mul(bound.per_answer));
        let grown = [
            frames.saturating_mul(1000),
            since(now.millis, self.at.millis).saturating_mul(bound.per_second),
            // A thousandth of a KiB is an octet, nearly.
            since(now.octets, self.at.octets).saturating_mul(bound.per_kib),
        ];
        let left = grown.into_iter().fold(self.left, u64::saturating_add);
        *self = Self { left: left.min(bound.most.saturating_mul(1000)), at: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// How many frames pass before the flood is named; at most 10,000 are tried.
    fn passed(watch: &mut FrameWatch, frame: &[u8], now: Duration) -> (usize, Option<Flood>) {
        for count in 0..10_000 {
            if let Err(flood) = watch.feed(frame, now) {
                return (count, Some(flood));
            }
        }
        (10_000, None)
    }

    #[test]
    fn each_flood_is_named_in_time() {
        let table = [
            (frame(4, 0, &[0; 6]), 100, Some(Flood::Settings)),
            (frame(4, 1, &[]), 100, Some(Flood::Settings)),
            (frame(6, 0, &[0; 8]), 500, Some(Flood::Ping)),
            (frame(6, 1, &[0; 8]), 500, Some(Flood::Ping)),
            (frame(0, 0, &[]), 100, Some(Flood::EmptyData)),
            (frame(3, 0, &[0; 4]), 200, Some(Flood::Reset)),
            ([frame(1, 5, &[0; 9]), frame(3, 0, &[0; 4])].concat(), 200, Some(Flood::Reset)),
            (frame(2, 0, &[0; 5]), 200, Some(Flood::Priority)),
            (frame(8, 0, &[0; 4]), 1000, Some(Flood::WindowUpdate)),
            (frame(9, 0, &[]), 16, Some(Flood::Continuation)),
            (frame(7, 0, &[0; 8]), 100, Some(Flood::Other)),
            (frame(0xbb, 0, &[]), 100, Some(Flood::Other)),
            (frame(0, 1, &[]), 10_000, None),
            (frame(0, 0, b"x"), 10_000, None),
            (frame(1, 5, b"x"), 10_000, None),
            ([frame(1, 0, b"x"), frame(9, 4, b"x").repeat(16)].concat(), 10_000, None),
        ];
        for (frame, count, flood) in table {
            let mut watch = FrameWatch::of_server();
            assert_eq!(passed(&mut watch, &frame, Duration::ZERO), (count, flood), "{frame:?}");
            if let Some(flood) = flood {
                assert_eq!(watch.feed(b"", Duration::from_secs(3600)), Err(flood), "it is for good");
            }
        }
    }

    #[test]
    fn how_the_octets_are_split_changes_nothing() {
        let one = [frame(6, 0, &[0; 8]), frame(1, 5, &[7; 300]), frame(0, 0, &[9; 20])].concat();
        let octets = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), one.repeat(501)].concat();
        for size in [1, 2, 8, 9, 10, 17, 1000, octets.len()] {
            let mut watch = FrameWatch::of_client();
            let mut pieces = octets.chunks(size);
            let flood = pieces.find_map(|piece| watch.feed(piece, Duration::ZERO).err());
            assert_eq!((flood, watch.work.streams), (Some(Flood::Ping), 500), "{size}");
        }
        let mut watch = FrameWatch::of_client();
        assert_eq!(watch.feed(&octets[..octets.len() - one.len()], Duration::ZERO), Ok(()));
    }

    #[test]
    fn work_brings_budget_up_to_a_bound() {
        let mut watch = FrameWatch::of_server();
        let update = frame(8, 0, &[0; 4]);
        watch.sent(1024);
        // 64 for the KiB, a thousandth of an octet rounded down.
        assert_eq!(passed(&mut watch, &update, Duration::ZERO), (1065, Some(Flood::WindowUpdate)));
        let mut watch = FrameWatch::of_server();
        watch.sent(usize::MAX);
        assert!((0..65_536).all(|_| watch.feed(&update, Duration::ZERO).is_ok()));
        assert_eq!(watch.feed(&update, Duration::ZERO), Err(Flood::WindowUpdate));
        let mut watch = FrameWatch::of_server();
        watch.answered(10_000);
        let reset = frame(3, 0, &[0; 4]);
        assert_eq!(passed(&mut watch, &reset, Duration::from_secs(9)), (200, Some(Flood::Reset)));
    }

    /// An hour, a second at a time: a client that pings, updates windows, cancels every other request,
    /// changes its settings now and then.
    #[test]
    fn an_hour_of_a_busy_client_is_no_flood() {
        let mut watch = FrameWatch::of_client();
        watch.feed(&[0; PREFACE], Duration::ZERO).unwrap();
        for second in 0..3600 {
            let now = Duration::from_secs(second);
            for _ in 0..20 {
                let request = [frame(1, 5, &[0; 40]), frame(2, 0, &[0; 5]).repeat(3), frame(8, 0, &[0; 4]).repeat(2)];
                watch.feed(&request.concat(), now).unwrap();
                watch.answered(1);
                watch.sent(1200);
                let rest = [frame(6, 0, &[0; 8]), frame(8, 0, &[0; 4]).repeat(2), frame(3, 0, &[0; 4])];
                watch.feed(&rest.concat(), now).unwrap();
            }
            watch.feed(&[frame(4, 1, &[]), frame(0xbb, 0, &[])].concat(), now).unwrap();
        }
        // One that only keeps its connection alive, for ten days.
        let mut watch = FrameWatch::of_client();
        watch.feed(&[0; PREFACE], Duration::ZERO).unwrap();
        for second in (0..864_000).step_by(2) {
            watch.feed(&frame(6, 0, &[0; 8]), Duration::from_secs(second)).unwrap();
        }
    }
}
