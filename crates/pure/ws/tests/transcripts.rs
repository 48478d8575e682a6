//! Transcripts of conversations with an end that echoes, in the order of the sections of the Autobahn
//! suite: framing, pings, reserved bits, opcodes, fragments, UTF-8, closing. Each runs at both ends,
//! and with the octets cut frame by frame and one by one.
#![allow(clippy::unwrap_used)]

mod wire;

use gatepost_ws::closing::State;
use gatepost_ws::role::Role;
use wire::{BINARY, CLOSE, CONTINUATION, End, FIN, PING, PONG, TEXT, close, frame, frames};

/// A frame said or heard: the first octet and the payload.
type Frame = (u8, Vec<u8>);

fn f(first: u8, payload: impl AsRef<[u8]>) -> Frame {
    (first, payload.as_ref().to_vec())
}

fn text(payload: impl AsRef<[u8]>) -> Frame {
    f(FIN | TEXT, payload)
}

/// What is answered: frames that are compared whole, except that a Close that fails the connection is
/// compared by its code.
fn holds(name: &str, said: &[Frame], answered: &[Frame]) {
    for role in [Role::Server, Role::Client] {
        for octet_by_octet in [false, true] {
            let mut end = End::new(role);
            for (first, payload) in said {
                let octets = frame(role.peer(), *first, payload);
                let cut = if octet_by_octet { 1 } else { octets.len() };
                end.echo(&octets, cut);
            }
            let out = frames(&end.out).into_iter().map(|(first, mut payload)| {
                if first == FIN | CLOSE && end.connection.state() == State::Closed {
                    payload.truncate(2);
                }
                (first, payload)
            });
            let out: Vec<Frame> = out.collect();
            let place = format!("{name}, {role:?}, octet by octet: {octet_by_octet}");
            assert_eq!(out.len(), answered.len(), "{place}: {out:x?}");
            assert!(out == answered, "{place}");
        }
    }
}

fn fails(code: u16) -> Frame {
    f(FIN | CLOSE, code.to_be_bytes())
}

#[test]
fn section_1_sizes_at_which_the_head_changes() {
    for size in [0, 125, 126, 127, 128, 65535, 65536] {
        holds("1.1", &[text(vec![b'*'; size])], &[text(vec![b'*'; size])]);
        holds("1.2", &[f(FIN | BINARY, vec![0xfe; size])], &[f(FIN | BINARY, vec![0xfe; size])]);
    }
}

#[test]
fn section_2_pings_and_pongs() {
    let ping = |payload: &[u8]| f(FIN | PING, payload);
    let pong = |payload: &[u8]| f(FIN | PONG, payload);
    for payload in [b"".as_slice(), b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", &[0xfe; 125]] {
        holds("2.1-2.4, 2.6", &[ping(payload)], &[pong(payload)]);
    }
    holds("2.5", &[ping(&[0xfe; 126])], &[fails(1002)]);
    holds("2.7", &[pong(b"")], &[]);
    holds("2.8", &[pong(b"unsolicited")], &[]);
    holds("2.9", &[pong(b"unsolicited"), ping(b"ping")], &[pong(b"ping")]);
    let many = |make: &dyn Fn(&[u8]) -> Frame| (0..10).map(|at| make(format!("payload-{at}").as_bytes())).collect();
    let (pings, pongs): (Vec<Frame>, Vec<Frame>) = (many(&ping), many(&pong));
    holds("2.10, 2.11", &pings, &pongs);
}

#[test]
fn section_3_reserved_bits() {
    let hello = text("Hello, world!");
    for reserved in 1..=7_u8 {
        let bits = reserved << 4;
        for opcode in [TEXT, BINARY, PING, PONG, CLOSE] {
            let said = [hello.clone(), f(FIN | bits | opcode, "x"), f(FIN | PING, "")];
            holds("3.1-3.7", &said, &[hello.clone(), fails(1002)]);
        }
    }
}

#[test]
fn section_4_reserved_opcodes() {
    let hello = text("Hello, world!");
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in ["", "reserved"] {
            let said = [hello.clone(), f(FIN | opcode, payload), f(FIN | PING, "")];
            holds("4.1, 4.2", &said, &[hello.clone(), fails(1002)]);
        }
    }
}

#[test]
fn section_5_fragments() {
    let first = f(TEXT, "fragment1");
    let last = f(FIN | CONTINUATION, "fragment2");
    let whole = text("fragment1fragment2");
    let (ping, pong) = (f(FIN | PING, "ping"), f(FIN | PONG, "ping"));
    holds("5.1", &[f(PING, "fragment1"), last.clone()], &[fails(1002)]);
    holds("5.2", &[f(PONG, "fragment1"), last.clone()], &[fails(1002)]);
    holds("5.3-5.5", &[first.clone(), last.clone()], std::slice::from_ref(&whole));
    holds("5.6-5.8", &[first.clone(), ping.clone(), last.clone()], &[pong.clone(), whole.clone()]);
    for fin in [FIN, 0] {
        let nothing = f(fin | CONTINUATION, "non-continuation payload");
        holds("5.9-5.14", &[nothing.clone(), text("Hello")], &[fails(1002)]);
        holds("5.15-5.17", &[first.clone(), last.clone(), nothing, text("Hello")], &[whole.clone(), fails(1002)]);
    }
    holds("5.18", &[first.clone(), text("fragment2")], &[fails(1002)]);
    let middle = |payload: &str| f(CONTINUATION, payload);
    let said = [first, middle("a"), ping.clone(), middle("b"), middle("c"), ping, last];
    holds("5.19, 5.20", &said, &[pong.clone(), pong, text("fragment1abcfragment2")]);
}

#[test]
fn section_6_texts_that_are_right() {
    holds("6.1.1", &[text("")], &[text("")]);
    let empty = f(CONTINUATION, "");
    holds("6.1.2", &[f(TEXT, ""), empty.clone(), f(FIN | CONTINUATION, "")], &[text("")]);
    holds("6.1.3", &[f(TEXT, ""), f(CONTINUATION, "middle"), f(FIN | CONTINUATION, "")], &[text("middle")]);
    let texts = [
        "Hello-µ@ßöäüàá-UTF-8!!",
        "κόσμε",
        "\u{0}",
        "\u{80}",
        "\u{800}",
        "\u{10000}",
        "\u{7F}",
        "\u{7FF}",
        "\u{FFFF}",
        "\u{10FFFF}",
        "\u{D7FF}",
        "\u{E000}",
        "\u{FFFD}",
        "\u{FFFE}\u{1FFFE}\u{10FFFE}",
    ];
    for said in texts {
        holds("6.2.1, 6.5-6.23", &[text(said)], &[text(said)]);
        let octets = said.as_bytes();
        let parts: Vec<Frame> = octets.iter().map(|octet| f(CONTINUATION, [*octet])).collect();
        let said_in_parts = [vec![f(TEXT, "")], parts, vec![f(FIN | CONTINUATION, "")]].concat();
        holds("6.2.3, 6.2.4", &said_in_parts, &[text(said)]);
    }
}

#[test]
fn section_6_texts_that_are_wrong() {
    let wrong: [&[u8]; 24] = [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
        b"\xce",
        b"\xce\xba\xe1",
        b"\xce\xba\xe1\xbd",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xbf",
        b"\x80\xbf\x80",
        b"\xc0\x20\xc1\x20",
        b"\xe0\x20",
        b"\xf0\x20",
        b"\xf8\x20",
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xaf\xbf\xed\xbf\xbf",
    ];
    for said in wrong {
        holds("6.3.1, 6.6-6.21", &[text(said)], &[fails(1007)]);
        let parts = said.iter().map(|octet| f(CONTINUATION, [*octet]));
        let parts: Vec<Frame> = std::iter::once(f(TEXT, "")).chain(parts).chain([f(FIN | CONTINUATION, "")]).collect();
        holds("6.3.2", &parts, &[fails(1007)]);
    }
}

/// 6.4: not at the end of the message, of the fragment or of the frame, but at the first bad octet.
#[test]
fn section_6_4_texts_fail_at_once() {
    let good = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
    let bad = b"\xf4\x90\x80\x80";
    holds("6.4.1", &[f(TEXT, good), f(CONTINUATION, bad)], &[fails(1007)]);
    holds("6.4.2", &[f(TEXT, [good.as_slice(), b"\xf4"].concat()), f(CONTINUATION, b"\x90")], &[fails(1007)]);
    for role in [Role::Server, Role::Client] {
        let whole = [good.as_slice(), bad, b"edited"].concat();
        let octets = frame(role.peer(), FIN | TEXT, &whole);
        // 6.4.3, 6.4.4: the octet after F4 decides.
        let decides = octets.len() - b"\x90\x80\x80edited".len();
        let mut end = End::new(role);
        end.echo(&octets[..decides], usize::MAX);
        assert_eq!(end.connection.state(), State::Open, "{role:?}");
        end.echo(&octets[decides..=decides], usize::MAX);
        assert_eq!(end.connection.state(), State::Closed, "{role:?}");
    }
}

#[test]
fn section_7_closing() {
    let bye = f(FIN | CLOSE, close(1000, ""));
    let hello = text("Hello World!");
    holds("7.1.1", &[hello.clone(), bye.clone()], &[hello.clone(), bye.clone()]);
    holds("7.1.2", &[bye.clone(), bye.clone()], std::slice::from_ref(&bye));
    holds("7.1.3", &[bye.clone(), f(FIN | PING, "")], std::slice::from_ref(&bye));
    holds("7.1.4", &[bye.clone(), hello], std::slice::from_ref(&bye));
    holds(
        "7.1.5",
        &[f(TEXT, "fragment1"), bye.clone(), f(FIN | CONTINUATION, "fragment2")],
        std::slice::from_ref(&bye),
    );
    let long = text(vec![b'*'; 256 * 1024]);
    holds("7.1.6", &[long.clone(), bye.clone(), f(FIN | PING, "")], &[long, bye.clone()]);

    holds("7.3.1", &[f(FIN | CLOSE, "")], &[f(FIN | CLOSE, "")]);
    holds("7.3.2", &[f(FIN | CLOSE, "a")], &[fails(1002)]);
    holds("7.3.3", std::slice::from_ref(&bye), std::slice::from_ref(&bye));
    holds("7.3.4", &[f(FIN | CLOSE, close(1000, "Hello World!"))], std::slice::from_ref(&bye));
    holds("7.3.5", &[f(FIN | CLOSE, close(1000, &"*".repeat(123)))], std::slice::from_ref(&bye));
    holds("7.3.6", &[f(FIN | CLOSE, close(1000, &"*".repeat(124)))], &[fails(1002)]);
    let bad = [close(1000, "").as_slice(), b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited"].concat();
    holds("7.5.1", &[f(FIN | CLOSE, bad)], &[fails(1007)]);

    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        holds("7.7", &[f(FIN | CLOSE, close(code, ""))], &[f(FIN | CLOSE, close(code, ""))]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        holds("7.9, 7.13", &[f(FIN | CLOSE, close(code, "reason"))], &[fails(1002)]);
    }
}
