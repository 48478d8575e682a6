//! Connections that compress: what is told is the same, and every bound holds for what was inflated.
#![allow(clippy::unwrap_used)]

mod wire;

use bytes::BytesMut;
use gatepost_ws::deflate::agreed::{Agreed, agree};
use gatepost_ws::deflate::config::Config;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::deflate::offer::offers;
use gatepost_ws::deflate::stream::Deflate;
use gatepost_ws::error::WsError;
use gatepost_ws::limits::Limits;
use gatepost_ws::mask::Mask;
use gatepost_ws::message::Kind;
use gatepost_ws::role::Role;
use gatepost_ws::scratch::Scratch;
use proptest::prelude::*;
use wire::{BINARY, CONTINUATION, End, FIN, Heard, KEY, PING, TEXT, frame, frames};

/// RSV1: the message is compressed.
const COMPRESSED: u8 = 0x40;

fn agreed(config: &Config) -> Agreed {
    agree(config, &offers(config)).unwrap().0
}

fn all(threshold: usize) -> Config {
    Config { threshold, level: 9, ..Config::default() }
}

/// What a client would send for this message.
fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    let mut deflate = Deflate::new(Role::Client, &agreed(&all(0)));
    deflate.compress(payload, true, &mut out, &mut Contexts::default()).unwrap();
    out.to_vec()
}

fn server(limits: Limits) -> End {
    End::with(Role::Server, Some(&agreed(&all(0))), limits)
}

fn said(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(Role::Client, first, payload)
}

#[test]
fn the_first_frame_says_that_a_message_is_compressed_and_no_other_may() {
    let payload = deflated(b"Hello Hello Hello");
    let (first, second) = payload.split_at(3);
    let mut end = server(Limits::default());
    // A message says for itself; empty frames and control frames may stand between.
    let octets = [
        said(COMPRESSED | TEXT, first),
        said(FIN | PING, b"?"),
        said(CONTINUATION, b""),
        said(CONTINUATION, second),
        said(FIN | CONTINUATION, b""),
        said(FIN | TEXT, b"plain"),
        said(FIN | COMPRESSED | TEXT, b""),
        said(FIN | COMPRESSED | TEXT, b"\x00"),
        said(COMPRESSED | TEXT, first),
    ];
    end.hear(&octets.concat());
    let text = |text: &[u8]| Heard::Message(Kind::Text, text.to_vec());
    let heard = [Heard::Ping(b"?".to_vec()), text(b"Hello Hello Hello"), text(b"plain"), text(b""), text(b"")];
    assert_eq!(end.heard, heard);
    end.hear(&said(FIN | COMPRESSED | CONTINUATION, second));
    assert_eq!(end.heard.last(), Some(&Heard::Failed(WsError::Frame("a reserved bit is set"))));
}

#[test]
fn a_bomb_goes_off_at_the_limit() {
    let payload = deflated(&vec![0; 4 << 20]);
    assert!(payload.len() < 8192);
    for cut in [1, 100, usize::MAX] {
        let mut end = server(Limits { message: 100_000, ..Limits::default() });
        let octets = said(FIN | COMPRESSED | BINARY, &payload);
        for piece in octets.chunks(cut.min(octets.len())) {
            end.hear(piece);
        }
        assert_eq!(end.heard, [Heard::Failed(WsError::TooLarge { limit: 100_000 })]);
        // Nothing beyond the limit was told.
        assert!((99_000..=100_000).contains(&end.assembler.len()), "{}", end.assembler.len());
    }
    // A declared length that could not be of a message within the limit.
    let mut end = server(Limits { message: 100_000, ..Limits::default() });
    end.hear(&[&[FIN | COMPRESSED | BINARY, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0], KEY.as_slice()].concat());
    assert_eq!(end.heard, [Heard::Failed(WsError::TooLarge { limit: 100_000 })]);
}

#[test]
fn a_message_as_long_as_the_limit_passes_though_it_does_not_shrink() {
    let mut noise = vec![0_u8; 50_000];
    let mut state = 1_u32;
    for octet in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *octet = state.to_be_bytes()[0];
    }
    let payload = deflated(&noise);
    assert!(payload.len() > noise.len());
    let mut end = server(Limits { message: noise.len(), ..Limits::default() });
    end.hear(&said(FIN | COMPRESSED | BINARY, &payload));
    assert_eq!(end.heard, [Heard::Message(Kind::Binary, noise)]);
}

/// What a part inflates to is told when the part comes, also if that is more than one event holds.
#[test]
fn nothing_waits_for_the_next_octet() {
    let payload = deflated(&[b'a'; 100_000]);
    let octets = said(FIN | COMPRESSED | BINARY, &payload);
    for cut in 1..octets.len() {
        let told = [256, 1 << 20].map(|room| {
            let mut end = server(Limits::default());
            end.scratch = Scratch::new(room);
            end.hear(&octets[..cut]);
            end.assembler.len()
        });
        assert_eq!(told[0], told[1], "after {cut} octets");
    }
}

#[test]
fn text_is_judged_as_it_is_inflated() {
    let good = "κόσμε".repeat(400);
    let bad = [good.as_bytes(), b"\xf4\x90", &[b'x'; 100_000]].concat();
    let mut end = server(Limits::default());
    // Not even half of the message has to come for that.
    let payload = deflated(&bad);
    let octets = said(FIN | COMPRESSED | TEXT, &payload);
    end.hear(&octets[..octets.len() - 20]);
    assert_eq!(end.heard, [Heard::Failed(WsError::Text)]);
    let mut end = server(Limits::default());
    end.hear(&said(FIN | COMPRESSED | TEXT, &deflated(good.as_bytes())));
    assert_eq!(end.heard, [Heard::Message(Kind::Text, good.into_bytes())]);
}

#[test]
fn what_is_no_deflate_stream_is_refused() {
    let mut end = server(Limits::default());
    end.hear(&said(FIN | COMPRESSED | BINARY, b"\xff\xff\xff\xff"));
    assert!(matches!(end.heard.as_slice(), [Heard::Failed(WsError::Deflate(_))]));
    assert_eq!(frames(&end.out)[0].1[..2], 1007_u16.to_be_bytes());
}

/// The head is written for the length of the payload, and mended where the compressed one has another form.
#[test]
fn heads_fit_what_is_compressed() {
    for role in [Role::Client, Role::Server] {
        for length in [0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 65_500, 65_530, 65_536, 70_000] {
            for noisy in [false, true] {
                let octet = |at: usize| at.wrapping_mul(at).wrapping_mul(2_654_435_761).to_be_bytes()[4];
                let payload: Vec<u8> = (0..length).map(|at| if noisy { octet(at) } else { b'a' }).collect();
                let agreed = agreed(&all(0));
                let mut sender = End::with(role, Some(&agreed), Limits::default());
                let mut receiver = End::with(role.peer(), Some(&agreed), Limits::default());
                sender.out.extend_from_slice(&frame(role, FIN | BINARY, b"before"));
                sender.send(Kind::Binary, &payload);
                assert_eq!(frames(&sender.out).len(), 2);
                receiver.hear(&sender.out);
                let before = Heard::Message(Kind::Binary, b"before".to_vec());
                assert!(receiver.heard == [before, Heard::Message(Kind::Binary, payload)], "{length} {noisy}");
            }
        }
    }
}

#[test]
fn small_messages_go_as_they_are() {
    let mut end = End::with(Role::Server, Some(&agreed(&all(10))), Limits::default());
    assert_eq!([9, 10].map(|length| end.connection.compresses(length)), [false, true]);
    end.send(Kind::Text, b"123456789");
    end.send(Kind::Text, b"1234567890");
    let firsts: Vec<u8> = frames(&end.out).into_iter().map(|(first, _)| first).collect();
    assert_eq!(firsts, [FIN | TEXT, FIN | COMPRESSED | TEXT]);
    // A plain part would not be understood between compressed ones.
    end.connection.send_part(Kind::Text, b"1", false, Mask::UNUSED, &mut end.contexts, &mut end.out).unwrap();
    let head = end.connection.send_head(Kind::Text, 1, true, Mask::UNUSED);
    assert_eq!(head, Err(WsError::Unsendable("a plain part of a compressed message")));
}

fn configs() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), 9..=15_u8, 9..=15_u8, 0..=9_u8, 0..100_usize).prop_map(
        |(server, client, server_bits, client_bits, level, threshold)| Config {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
            level,
            threshold,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_is_what_is_heard(
        config in configs(),
        client in any::<bool>(),
        said in prop::collection::vec((any::<bool>(), prop::collection::vec("[aä€𝄞]{0,400}", 1..4), any::<bool>()), 0..6),
        size in 1..2000_usize,
    ) {
        let from = if client { Role::Client } else { Role::Server };
        let agreed = agreed(&config);
        let mut sender = End::with(from, Some(&agreed), Limits::default());
        let mut receiver = End::with(from.peer(), Some(&agreed), Limits::default());
        let mut expected = Vec::new();
        for (text, parts, idle) in said {
            let kind = if text { Kind::Text } else { Kind::Binary };
            for (at, part) in parts.iter().enumerate() {
                let last = at + 1 == parts.len();
                let (contexts, out) = (&mut sender.contexts, &mut sender.out);
                sender.connection.send_part(kind, part.as_bytes(), last, Mask::new(KEY), contexts, out).unwrap();
            }
            if idle {
                sender.connection.idle();
            }
            expected.push(Heard::Message(kind, parts.concat().into_bytes()));
        }
        for piece in sender.out.chunks(size) {
            receiver.hear(piece);
        }
        prop_assert_eq!(receiver.heard, expected);
    }

    /// However hostile: no panic, no endless loop, nothing beyond the limit, and no difference by cuts.
    #[test]
    fn cutting_compressed_octets_changes_nothing(
        text in "[aä€]{0,900}",
        spoil in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        parts in 1..5_usize,
        size in 1..60_usize,
    ) {
        let mut payload = deflated(text.as_bytes());
        if let Some((at, octet)) = spoil {
            let at = at.index(payload.len());
            payload[at] = octet;
        }
        let pieces: Vec<&[u8]> = payload.chunks(payload.len().div_ceil(parts)).collect();
        let framed = pieces.iter().enumerate().map(|(at, piece)| {
            let opcode = if at == 0 { COMPRESSED | TEXT } else { CONTINUATION };
            let fin = if at + 1 == pieces.len() { FIN } else { 0 };
            frame(Role::Client, fin | opcode, piece)
        });
        let octets = framed.collect::<Vec<_>>().concat();
        let limits = Limits { message: 1500, ..Limits::default() };
        let (mut whole, mut cut) = (server(limits), server(limits));
        whole.hear(&octets);
        for piece in octets.chunks(size) {
            cut.hear(piece);
        }
        // Which of two faults shows first, of the stream or of the text in it, depends on how far it is inflated.
        let failed = |end: &End| matches!(end.heard.as_slice(), [Heard::Failed(_)]);
        prop_assert!(whole.heard == cut.heard || failed(&whole) && failed(&cut));
        prop_assert!(whole.assembler.len() <= limits.message && cut.assembler.len() <= limits.message);
        if spoil.is_none() && text.len() <= limits.message {
            prop_assert_eq!(&whole.heard, &[Heard::Message(Kind::Text, text.into_bytes())]);
        }
    }
}
