//! The load: a set of connections, each with so many messages in flight, and what they cost the server.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::handshake::{self, Deflate};
use crate::messages::{self, Replies, Sample};
use crate::process;
use crate::words::Words;

/// Before it is counted. The first messages make buffers and contexts.
const WARM_UP: Duration = Duration::from_millis(300);

/// Sends and reads for so many seconds, and prints what came of it as JSON.
pub fn run(words: &Words) {
    let (port, pid, deflate) = (words.number("--port"), words.number("--pid"), words.deflate());
    let (bytes, window): (usize, usize) = (words.number("--bytes"), words.number("--window"));
    let samples = match (words.has("--json"), deflate) {
        (false, Deflate::Off) => vec![messages::plain(bytes, words.has("--text"))],
        _ => messages::json(bytes, deflate),
    };
    let reply = echoes(port, deflate, &samples);
    process::lift_descriptors();
    let bursts = bursts(&samples, window);
    let plain_reply = (deflate == Deflate::Off).then_some(reply * window);
    let mut lines: Vec<Line> = (0..words.number("--conns"))
        .map(|_| Line::new(handshake::connect(port, deflate), plain_reply, window))
        .collect();
    let seconds = Duration::from_secs_f64(words.number("--seconds"));
    let (done, cpu, took) = drive(&mut lines, &bursts, window, pid, seconds);
    println!(
        "{{\"messages\": {done}, \"seconds\": {:.4}, \"cpu_us\": {:.4}, \"busy\": {:.3}, \"reply_octets\": {reply}}}",
        took.as_secs_f64(),
        cpu as f64 / 1000.0 / done as f64,
        cpu as f64 / took.as_nanos() as f64
    );
}

/// One message in 65,537 frames, some times over, and the processor time that each took.
pub fn fragments(words: &Words) {
    const COUNT: usize = 65_537;
    const TIMES: u64 = 5;
    let (port, pid) = (words.number("--port"), words.number("--pid"));
    let sent = messages::fragments(COUNT);
    let mut stream = handshake::connect(port, Deflate::Off);
    let mut reply = vec![0; 10 + COUNT];
    let mut cpu = 0;
    for _ in 0..TIMES {
        let before = process::cpu(pid);
        stream.write_all(&sent).expect("the server reads");
        stream.read_exact(&mut reply).expect("the server echoes");
        cpu += process::cpu(pid) - before;
    }
    assert!(reply[10..].iter().all(|octet| *octet == b'*'), "what comes back is what was sent");
    println!("{{\"cpu_ms\": {:.3}}}", cpu as f64 / 1e6 / TIMES as f64);
}

/// Proves on a connection of its own that each message comes back as it was. The octets of a reply, on average.
fn echoes(port: u16, deflate: Deflate, samples: &[Sample]) -> usize {
    let mut stream = handshake::connect(port, deflate);
    let mut replies = Replies::new(deflate);
    let (mut all, rounds) = (0, 2);
    for sample in samples.iter().cycle().take(samples.len() * rounds) {
        stream.write_all(&sample.frame).expect("the server reads");
        let mut reply = vec![0; 2];
        stream.read_exact(&mut reply).expect("the server echoes");
        while messages::head(&reply).is_none() {
            let mut more = [0];
            stream.read_exact(&mut more).expect("the server echoes");
            reply.extend(more);
        }
        let (head, length) = messages::head(&reply).expect("a head");
        let have = reply.len();
        reply.resize(head + length, 0);
        stream.read_exact(&mut reply[have..]).expect("the server echoes");
        assert!(replies.message(&reply) == sample.payload, "what comes back is what was sent");
        all += reply.len();
    }
    all / rounds / samples.len()
}

/// What is written at once, one after the other, and then from the first again.
fn bursts(samples: &[Sample], window: usize) -> Vec<Vec<u8>> {
    let mut frames = samples.iter().cycle().map(|sample| sample.frame.as_slice());
    let count = if samples.len() == 1 { 1 } else { samples.len().div_ceil(window) };
    assert!(samples.len() == 1 || samples.len() % window == 0, "a cycle is whole bursts");
    (0..count).map(|_| frames.by_ref().take(window).flatten().copied().collect()).collect()
}

/// One connection.
struct Line {
    stream: TcpStream,
    /// Which burst is under way, and how much of it is written.
    burst: usize,
    written: usize,
    /// How many replies it still waits for: by octets where their length is known, else by reading their heads.
    awaited: Awaited,
}

enum Awaited {
    Octets { of: usize, left: usize },
    Frames { left: usize, head: Vec<u8>, payload: usize },
}

impl Line {
    fn new(stream: TcpStream, octets: Option<usize>, window: usize) -> Self {
        stream.set_nonblocking(true).expect("a socket");
        let awaited = match octets {
            Some(of) => Awaited::Octets { of, left: of },
            None => Awaited::Frames { left: window, head: Vec::with_capacity(16), payload: 0 },
        };
        Self { stream, burst: 0, written: 0, awaited }
    }

    /// Writes and reads what is possible now. How many bursts were answered.
    fn turn(&mut self, bursts: &[Vec<u8>], window: usize, buffer: &mut [u8]) -> u64 {
        let mut answered = 0;
        loop {
            let burst = &bursts[self.burst];
            while self.written < burst.len() {
                match self.stream.write(&burst[self.written..]) {
                    Ok(count) => self.written += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("the server left: {error}"),
                }
            }
            let count = match self.stream.read(buffer) {
                Ok(0) => panic!("the server closed"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return answered,
                Err(error) => panic!("the server left: {error}"),
            };
            if self.awaited.take(&buffer[..count], window) {
                answered += 1;
                self.burst = (self.burst + 1) % bursts.len();
                self.written = 0;
            }
        }
    }
}

impl Awaited {
    /// Whether these were the last octets of the burst's replies.
    fn take(&mut self, mut bytes: &[u8], window: usize) -> bool {
        match self {
            Self::Octets { of, left } => {
                *left -= bytes.len();
                let done = *left == 0;
                if done {
                    *left = *of;
                }
                done
            }
            Self::Frames { left, head, payload } => {
                while let [first, rest @ ..] = bytes {
                    if *payload > 0 {
                        let now = bytes.len().min(*payload);
                        *payload -= now;
                        bytes = &bytes[now..];
                    } else {
                        head.push(*first);
                        bytes = rest;
                        let Some((length, behind)) = messages::head(head) else { continue };
                        assert!(length == head.len(), "a head is read octet by octet");
                        *payload = behind;
                        head.clear();
                    }
                    *left -= usize::from(*payload == 0 && head.is_empty());
                }
                let done = *left == 0;
                if done {
                    *left = window;
                }
                done
            }
        }
    }
}

/// The messages that were echoed, the server's processor time in nanoseconds, and how long it was counted.
fn drive(lines: &mut [Line], bursts: &[Vec<u8>], window: usize, pid: u32, seconds: Duration) -> (u64, u64, Duration) {
    let mut poll = Poll::new().expect("an epoll");
    for (at, line) in lines.iter().enumerate() {
        let fd = std::os::fd::AsRawFd::as_raw_fd(&line.stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut mio::unix::SourceFd(&fd), Token(at), interest).expect("a socket");
    }
    let mut events = Events::with_capacity(512);
    let mut buffer = vec![0; 1 << 18];
    let (mut start, mut before, mut done, mut warm) = (Instant::now(), 0, 0, false);
    loop {
        poll.poll(&mut events, Some(Duration::from_secs(10))).expect("an epoll");
        assert!(!events.is_empty(), "the server does not answer any more");
        for event in &events {
            done += lines[event.token().0].turn(bursts, window, &mut buffer) * window as u64;
        }
        let elapsed = start.elapsed();
        if !warm && elapsed > WARM_UP {
            (warm, done, before, start) = (true, 0, process::cpu(pid), Instant::now());
        } else if warm && elapsed > seconds {
            return (done, process::cpu(pid) - before, elapsed);
        }
    }
}
