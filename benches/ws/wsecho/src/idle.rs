//! What a connection weighs in the server's memory while nothing happens on it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::handshake::{self, Deflate};
use crate::messages;
use crate::process;
use crate::words::Words;

/// Long enough for a server of one thread to finish what it was sent.
const SETTLED: Duration = Duration::from_millis(500);

/// Opens the connections, looks; has one message echoed on each, looks again. Prints octets a connection as JSON.
pub fn run(words: &Words) {
    process::lift_descriptors();
    let (port, pid, deflate) = (words.number("--port"), words.number("--pid"), words.deflate());
    let conns: usize = words.number("--conns");
    let sample = match deflate {
        Deflate::Off => messages::plain(64, false),
        Deflate::Takeover | Deflate::Fresh => messages::json(300, deflate).swap_remove(0),
    };
    // The program's own pages are not the connections'.
    drop((0..20).map(|_| echoed(handshake::connect(port, deflate), &sample.frame)).collect::<Vec<_>>());
    std::thread::sleep(SETTLED);
    let before = process::resident(pid);
    let open: Vec<TcpStream> = (0..conns).map(|_| handshake::connect(port, deflate)).collect();
    let weight = || {
        std::thread::sleep(SETTLED);
        process::resident(pid).saturating_sub(before) / conns as u64
    };
    let fresh = weight();
    let used: Vec<TcpStream> = open.into_iter().map(|stream| echoed(stream, &sample.frame)).collect();
    println!("{{\"connections\": {conns}, \"new\": {fresh}, \"used\": {}}}", weight());
    drop(used);
}

fn echoed(mut stream: TcpStream, frame: &[u8]) -> TcpStream {
    stream.write_all(frame).expect("the server reads");
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("the server echoes");
    let mut payload = match messages::head(&head) {
        Some((2, length)) => vec![0; length],
        _ => {
            let mut more = [0; 2];
            stream.read_exact(&mut more).expect("the server echoes");
            vec![0; usize::from(u16::from_be_bytes(more))]
        }
    };
    stream.read_exact(&mut payload).expect("the server echoes");
    stream
}
