//! Two connections share the scratch memory of one thread, and each says only its own.
//!
//! Whatever one wire does (reads in pieces, writes taken in part or not at all, resets in the middle), no octet of the
//! other connection, nor one that this one has said before, may come out of it: neither as plaintext nor, since each
//! end opens in order all that the wire carried, in its records.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::handshake::{accept, connect};
use super::super::stream::Secured;
use super::world::World;

/// Reads that bring something, over all connections: a million in a release build, or as many as
/// `CANARY_EXCHANGES` says.
const EXCHANGES: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
/// What is on the way in one direction, at most.
const ON_THE_WAY: u64 = 200_000;

/// Numbers that the seed decides (xorshift64*).
#[derive(Clone)]
struct Chance(Rc<RefCell<u64>>);

impl Chance {
    fn below(&self, end: usize) -> usize {
        let mut state = self.0.borrow_mut();
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        let number = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % end.max(1)
    }

    fn one_in(&self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// Mostly small, sometimes large.
    fn length(&self, most: usize) -> usize {
        let most = if self.one_in(20) { most } else { most.min(600) };
        1 + self.below(most)
    }
}

/// One direction of a wire.
#[derive(Default)]
struct Lane {
    octets: VecDeque<u8>,
    closed: bool,
}

/// One end of a wire that does what it likes.
struct End {
    chance: Chance,
    from: Rc<RefCell<Lane>>,
    to: Rc<RefCell<Lane>>,
    broken: Rc<RefCell<bool>>,
}

impl End {
    fn pair(chance: &Chance) -> (Self, Self) {
        let (here, there) = (Rc::new(RefCell::new(Lane::default())), Rc::new(RefCell::new(Lane::default())));
        let broken = Rc::new(RefCell::new(false));
        let end = |from: &Rc<RefCell<Lane>>, to: &Rc<RefCell<Lane>>| Self {
            chance: chance.clone(),
            from: Rc::clone(from),
            to: Rc::clone(to),
            broken: Rc::clone(&broken),
        };
        (end(&here, &there), end(&there, &here))
    }

    fn lives(&self) -> io::Result<()> {
        if self.chance.one_in(5_000) {
            *self.broken.borrow_mut() = true;
        }
        if *self.broken.borrow() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.lives()?;
        let mut lane = self.from.borrow_mut();
        if lane.octets.is_empty() && lane.closed {
            return Poll::Ready(Ok(()));
        }
        if lane.octets.is_empty() || self.chance.one_in(5) {
            return Poll::Pending;
        }
        let most = lane.octets.len().min(buf.remaining());
        let count = if self.chance.one_in(3) { 1 + self.chance.below(most) } else { most };
        let octets: Vec<u8> = lane.octets.drain(..count).collect();
        buf.put_slice(&octets);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.lives()?;
        if self.chance.one_in(5) {
            return Poll::Pending;
        }
        let count = if self.chance.one_in(3) { 1 + self.chance.below(buf.len()) } else { buf.len() };
        self.to.borrow_mut().octets.extend(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lives()?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.borrow_mut().closed = true;
        Poll::Ready(Ok(()))
    }
}

/// One end and what it has said and heard.
struct Speaker {
    stream: Secured<End>,
    /// The first of the sixteen octets that only this end of this connection says.
    canary: u8,
    said: u64,
    heard: u64,
}

impl Speaker {
    /// What stands at `place` of all that it says.
    fn octet(canary: u8, place: u64) -> u8 {
        canary + u8::try_from((place ^ (place >> 4)) % 16).unwrap()
    }

    fn say(&mut self, chance: &Chance, cx: &mut Context<'_>) -> io::Result<()> {
        let octets: Vec<u8> =
            (0..chance.length(80_000)).map(|at| Self::octet(self.canary, self.said + at as u64)).collect();
        let (one, other) = octets.split_at(chance.below(octets.len()));
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, &[IoSlice::new(one), IoSlice::new(other)]);
        if let Poll::Ready(count) = written {
            self.said += count? as u64;
        }
        Ok(())
    }

    /// Hears what the end with `canary` says; `None` at its end, else whether something came.
    fn hear(&mut self, canary: u8, chance: &Chance, cx: &mut Context<'_>) -> io::Result<Option<bool>> {
        let mut place = vec![0xDB; chance.length(70_000)];
        let mut buf = ReadBuf::new(&mut place);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
            Poll::Pending => return Ok(Some(false)),
            Poll::Ready(read) => read?,
        }
        for octet in buf.filled() {
            assert_eq!(*octet, Self::octet(canary, self.heard), "octet {} of {canary:#x}", self.heard);
            self.heard += 1;
        }
        Ok(if buf.filled().is_empty() { None } else { Some(true) })
    }
}

/// A new connection, whose wire may break before it stands.
fn open(world: &World, canaries: (u8, u8), chance: &Chance) -> [Speaker; 2] {
    let cx = &mut Context::from_waker(Waker::noop());
    let (server_settings, client_settings) = (world.server(), world.client());
    loop {
        let (near, far) = End::pair(chance);
        let mut server = pin!(accept(&server_settings, near));
        let mut client = pin!(connect(&client_settings, "localhost".try_into().unwrap(), far));
        let (mut at_server, mut at_client) = (None, None);
        while at_server.is_none() || at_client.is_none() {
            poll_once(&mut at_server, server.as_mut(), cx);
            poll_once(&mut at_client, client.as_mut(), cx);
        }
        if let (Some(Ok((server, _))), Some(Ok((client, _)))) = (at_server, at_client) {
            let speaker = |stream, canary| Speaker { stream, canary, said: 0, heard: 0 };
            return [speaker(server, canaries.0), speaker(client, canaries.1)];
        }
    }
}

fn poll_once<F: Future>(done: &mut Option<F::Output>, future: Pin<&mut F>, cx: &mut Context<'_>) {
    if done.is_none()
        && let Poll::Ready(output) = future.poll(cx)
    {
        *done = Some(output);
    }
}

/// One step of one end of a connection: whether something was heard, or how the connection ended.
fn step(speakers: &mut [Speaker; 2], chance: &Chance, cx: &mut Context<'_>) -> io::Result<Option<bool>> {
    let [one, other] = speakers;
    let (speaker, peer) = if chance.one_in(2) { (one, other) } else { (other, one) };
    match chance.below(8) {
        0..3 if speaker.said - peer.heard < ON_THE_WAY => speaker.say(chance, cx).map(|()| Some(false)),
        3 => match Pin::new(&mut speaker.stream).poll_flush(cx) {
            Poll::Ready(done) => done.map(|()| Some(false)),
            Poll::Pending => Ok(Some(false)),
        },
        4 if chance.one_in(4000) => match Pin::new(&mut speaker.stream).poll_shutdown(cx) {
            Poll::Ready(done) => done.map(|()| Some(false)),
            Poll::Pending => Ok(Some(false)),
        },
        _ => speaker.hear(peer.canary, chance, cx),
    }
}

/// A number from the environment, or another; printed, for it makes a failure happen again.
#[expect(clippy::print_stdout, reason = "shown where the test fails")]
fn said(name: &str, otherwise: u64) -> u64 {
    let number = std::env::var(name).map_or(otherwise, |number| number.parse().unwrap());
    println!("{name}={number}");
    number
}

#[test]
fn no_octet_of_one_connection_appears_on_another() {
    let seed = said("CANARY_SEED", std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1);
    let most = said("CANARY_EXCHANGES", EXCHANGES);
    let chance = Chance(Rc::new(RefCell::new(seed)));
    let cx = &mut Context::from_waker(Waker::noop());
    let world = World::of(TLS13_AES_128_GCM_SHA256);
    let canaries = [(0x10, 0x20), (0x40, 0x50)];
    let mut connections = canaries.map(|canaries| open(&world, canaries, &chance));
    let (mut exchanges, mut reopened) = (0, 0);
    while exchanges < most {
        let which = chance.below(2);
        match step(&mut connections[which], &chance, cx) {
            Ok(Some(heard)) => exchanges += u64::from(heard),
            // One end has closed.
            Ok(None) => {
                connections[which] = open(&world, canaries[which], &chance);
                reopened += 1;
            }
            // A reset, or a write after a close; a record that does not open would be InvalidData.
            Err(error) => {
                let kind = error.kind();
                assert!([io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe].contains(&kind), "{error:?}");
                connections[which] = open(&world, canaries[which], &chance);
                reopened += 1;
            }
        }
    }
    assert!(reopened > 10, "wires broke {reopened} times");
}
