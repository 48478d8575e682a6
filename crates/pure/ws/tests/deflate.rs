//! Compressed messages: the examples of RFC 7692 §7.2.3 octet for octet, what may be wrong, and that whatever is
//! compressed comes out again, however it is cut, without more room than was given.

use bytes::BytesMut;
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::deflate::compress::Compressor;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::deflate::inflate::{Inflater, Progress};
use gatepost_ws::error::WsError;
use gatepost_ws::role::Role;
use proptest::prelude::*;

const AGREED: Agreed = Agreed {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
    level: 1,
    threshold: 0,
};

const ALONE: Agreed = Agreed { server_no_context_takeover: true, client_no_context_takeover: true, ..AGREED };

/// Inflates one message that comes in these parts, with so much room at a time.
fn inflate_parts(
    inflater: &mut Inflater,
    contexts: &mut Contexts,
    parts: &[&[u8]],
    room: usize,
) -> Result<Vec<u8>, WsError> {
    let (mut message, mut room) = (Vec::new(), vec![0xA5; room]);
    for (at, part) in parts.iter().enumerate() {
        let mut rest = *part;
        loop {
            let last = at + 1 == parts.len();
            let Progress { read, written, more } = inflater.inflate(rest, last, &mut room, contexts)?;
            message.extend_from_slice(&room[..written]);
            rest = &rest[read..];
            if !more {
                assert_eq!(rest, b"");
                break;
            }
        }
    }
    Ok(message)
}

fn inflate(inflater: &mut Inflater, message: &[u8]) -> Result<Vec<u8>, WsError> {
    inflate_parts(inflater, &mut Contexts::default(), &[message], 1000)
}

fn compress(compressor: &mut Compressor, contexts: &mut Contexts, message: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    compressor.compress(message, true, &mut out, contexts).unwrap();
    out.to_vec()
}

/// RFC 7692 §7.2.3.1, §7.2.3.3, §7.2.3.4, §7.2.3.5, and other ways to say the same.
const HELLOS: [&[u8]; 7] = [
    b"\xf2\x48\xcd\xc9\xc9\x07\x00",
    b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
    b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
    b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    // The last block of a stream, without what RFC 7692 §7.2.3.4 puts after it.
    b"\xf3\x48\xcd\xc9\xc9\x07\x00",
    // Two streams.
    b"\x01\x02\x00\xfd\xffHe\x01\x03\x00\xfc\xffllo\x00",
    b"\x01\x02\x00\xfd\xffHe\x00\x03\x00\xfc\xffllo\x00",
];

const HELLO: Option<&[u8]> = Some(b"Hello");

#[test]
fn the_examples_of_rfc_7692_7_2_3() {
    for agreed in [AGREED, ALONE] {
        let mut inflater = Inflater::new(Role::Client, &agreed);
        for message in HELLOS {
            assert_eq!(inflate(&mut inflater, message).as_deref(), Ok(b"Hello".as_slice()), "{message:x?}");
            for cut in 0..message.len() {
                let (head, tail) = message.split_at(cut);
                for room in 1..7 {
                    let whole = inflate_parts(&mut inflater, &mut Contexts::default(), &[head, tail], room);
                    assert_eq!(whole.as_deref(), Ok(b"Hello".as_slice()), "{message:x?} cut at {cut}");
                }
            }
        }
    }
    // §7.2.3.2: the second of two messages, with and without context takeover.
    let mut inflater = Inflater::new(Role::Client, &AGREED);
    for message in [HELLOS[0], b"\xf2\x00\x11\x00\x00", b"\xf2\x00\x11\x00\x00", HELLOS[0], b"\xf2\x00\x11\x00\x00"] {
        assert_eq!(inflate(&mut inflater, message).as_deref(), Ok(b"Hello".as_slice()));
        // Without its context it still knows what was said.
        inflater.idle();
    }
    let mut inflater = Inflater::new(Role::Server, &ALONE);
    let mut contexts = Contexts::default();
    for (message, expected) in [(HELLOS[0], HELLO), (b"\xf2\x00\x11\x00\x00".as_slice(), None)] {
        let inflated = inflate_parts(&mut inflater, &mut contexts, &[message], 9);
        assert_eq!(inflated.ok().as_deref(), expected, "a shared context forgets");
    }
}

#[test]
fn empty_messages_of_rfc_7692_7_2_3_6() {
    // The second ends a stream, and with it what may be referred to.
    for (nothing, again) in [(b"\x00".as_slice(), HELLO), (b"\x02\x00", HELLO), (b"", HELLO), (b"\x03\x00\x00", None)] {
        let mut inflater = Inflater::new(Role::Client, &AGREED);
        assert_eq!(inflate(&mut inflater, HELLOS[0]).ok().as_deref(), HELLO);
        assert_eq!(inflate(&mut inflater, nothing).as_deref(), Ok(b"".as_slice()), "{nothing:x?}");
        assert_eq!(inflate(&mut inflater, b"\xf2\x00\x11\x00\x00").ok().as_deref(), again, "{nothing:x?}");
    }
}

#[test]
fn we_compress_as_the_rfc_does() {
    let mut contexts = Contexts::default();
    for role in [Role::Client, Role::Server] {
        let mut compressor = Compressor::new(role, &AGREED);
        let three = [0; 3].map(|_| compress(&mut compressor, &mut contexts, b"Hello"));
        // The whole is repeated at once, where the example says its first letter again.
        assert_eq!(three, [HELLOS[0], b"\x02\x13\x00\x00", b"\x02\x13\x00\x00"]);
        assert_eq!(compress(&mut compressor, &mut contexts, b""), b"\x00");
        assert_eq!(compress(&mut compressor, &mut contexts, b"Hello"), b"\x02\x13\x00\x00");
        compressor.idle();
        assert_eq!(compress(&mut compressor, &mut contexts, b"Hello"), HELLOS[0]);
        let mut compressor = Compressor::new(role, &ALONE);
        let two = [0; 2].map(|_| compress(&mut compressor, &mut contexts, b"Hello"));
        assert_eq!(two, [HELLOS[0]; 2]);
    }
}

#[test]
fn what_is_not_deflate_is_refused() {
    let corrupt = WsError::Deflate("it is not a deflate stream");
    let cut = WsError::Deflate("it ends within a block");
    let table: [(&[u8], WsError); 6] = [
        // A block of the type that there is not, lengths that disagree, a distance to before the beginning.
        (b"\x06\x00", corrupt.clone()),
        (b"\x00\x05\x00\x00\x00Hello\x00", corrupt.clone()),
        (b"\xf2\x00\x11\x00\x00", corrupt.clone()),
        // What follows the head of the last, empty block.
        (b"\xf2\x48\xcd\xc9\xc9\x07\x00\x61\x62\x63\x64\x65", corrupt),
        // A block without compression that has more to come.
        (b"\x00\x09\x00\xf6\xffHello", cut.clone()),
        // Nothing follows the block.
        (b"\xf2\x48\xcd\xc9\xc9\x07", cut),
    ];
    for (message, error) in table {
        for agreed in [AGREED, ALONE] {
            let mut inflater = Inflater::new(Role::Server, &agreed);
            assert_eq!(inflate(&mut inflater, message), Err(error.clone()), "{message:x?}");
        }
    }
}

#[test]
fn a_bomb_fills_no_more_than_the_room() {
    let mut contexts = Contexts::default();
    let bomb = compress(&mut Compressor::new(Role::Client, &ALONE), &mut contexts, &vec![0; 8 << 20]);
    assert!(bomb.len() < 128 << 10, "{}", bomb.len());
    let mut inflater = Inflater::new(Role::Server, &ALONE);
    let mut room = [1; 4096];
    let (mut rest, mut inflated) = (bomb.as_slice(), 0);
    loop {
        let Progress { read, written, more } = inflater.inflate(rest, true, &mut room, &mut contexts).unwrap();
        rest = &rest[read..];
        inflated += written;
        if !more {
            break;
        }
        assert_eq!(written, room.len());
    }
    assert_eq!((inflated, rest), (8 << 20, b"".as_slice()));
}

#[test]
fn a_context_is_lent_for_a_message() {
    let mut contexts = Contexts::default();
    let holds = |contexts: &Contexts| format!("{contexts:?}");
    let (mut one, mut other) = (Inflater::new(Role::Server, &ALONE), Inflater::new(Role::Server, &ALONE));
    let mut room = [0; 9];
    assert_eq!(holds(&contexts), "Contexts { inflating: 0, compressing: 0 }");
    one.inflate(&HELLOS[0][..3], false, &mut room, &mut contexts).unwrap();
    other.inflate(HELLOS[1], true, &mut room, &mut contexts).unwrap();
    assert_eq!(holds(&contexts), "Contexts { inflating: 1, compressing: 0 }");
    one.inflate(&HELLOS[0][3..], true, &mut room, &mut contexts).unwrap();
    assert_eq!(holds(&contexts), "Contexts { inflating: 2, compressing: 0 }");
    for _ in 0..3 {
        compress(&mut Compressor::new(Role::Server, &ALONE), &mut contexts, b"Hello");
    }
    assert_eq!(holds(&contexts), "Contexts { inflating: 2, compressing: 1 }");
    // One that is kept for takeover is not given back.
    compress(&mut Compressor::new(Role::Server, &AGREED), &mut contexts, b"Hello");
    assert_eq!(holds(&contexts), "Contexts { inflating: 2, compressing: 0 }");
}

#[test]
fn what_cannot_be_made_shorter_grows_hardly() {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let noise: Vec<u8> = noise.take(1 << 20).collect();
    for level in 0..=9 {
        let agreed = Agreed { level, ..AGREED };
        let mut contexts = Contexts::default();
        let wire = compress(&mut Compressor::new(Role::Server, &agreed), &mut contexts, &noise);
        assert!(wire.len() < noise.len() + noise.len() / 16, "{level}: {}", wire.len());
        let mut inflater = Inflater::new(Role::Client, &agreed);
        let inflated = inflate_parts(&mut inflater, &mut contexts, &[&wire], 1 << 14);
        assert!(inflated.as_ref() == Ok(&noise), "{level}");
    }
}

fn agreed() -> impl Strategy<Value = Agreed> {
    (any::<(bool, bool)>(), 8..=15_u8, 8..=15_u8, 0..=9_u8).prop_map(|(alone, server, client, level)| Agreed {
        server_no_context_takeover: alone.0,
        client_no_context_takeover: alone.1,
        server_max_window_bits: server,
        client_max_window_bits: client,
        level,
        threshold: 0,
    })
}

/// Octets that repeat, near and far.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let few = prop::collection::vec(0_u8..4, 0..200);
    let any = prop::collection::vec(any::<u8>(), 0..200);
    (prop_oneof![few, any], 0..30_usize).prop_map(|(octets, times)| octets.repeat(times))
}

proptest! {
    #[test]
    fn what_was_compressed_comes_out_again(
        agreed in agreed(),
        role in prop_oneof![Just(Role::Client), Just(Role::Server)],
        messages in prop::collection::vec((message(), any::<(u16, u16, u16)>(), any::<(bool, bool)>()), 1..5),
        room in 1..3000_usize,
    ) {
        let peer = if role == Role::Client { Role::Server } else { Role::Client };
        let (mut compressor, mut inflater) = (Compressor::new(role, &agreed), Inflater::new(peer, &agreed));
        let (mut ours, mut theirs) = (Contexts::default(), Contexts::default());
        for (message, (said, heard, also), idle) in messages {
            let mut wire = BytesMut::new();
            let (head, tail) = message.split_at(usize::from(said) % (message.len() + 1));
            compressor.compress(head, false, &mut wire, &mut ours).unwrap();
            let flushed = wire.len();
            compressor.compress(tail, true, &mut wire, &mut ours).unwrap();
            let cut = usize::from(heard) % (wire.len() + 1);
            let (first, rest) = wire.split_at(cut);
            let (second, third) = rest.split_at(usize::from(also) % (rest.len() + 1));
            let inflated = inflate_parts(&mut inflater, &mut theirs, &[first, second, third], room);
            prop_assert!(inflated.as_ref() == Ok(&message));
            // A part can be read as soon as it is there.
            let mut early = Inflater::new(peer, &agreed);
            if agreed.no_context_takeover(role) {
                let (mut begun, mut all) = (Vec::new(), vec![0; head.len() + 1]);
                let progress = early.inflate(&wire[..flushed], false, &mut all, &mut theirs).unwrap();
                begun.extend_from_slice(&all[..progress.written]);
                prop_assert!(begun == head);
            }
            if idle.0 {
                compressor.idle();
            }
            if idle.1 {
                inflater.idle();
            }
        }
    }

    #[test]
    fn what_comes_out_does_not_depend_on_the_cuts(
        alone in any::<bool>(),
        wire in prop::collection::vec(any::<u8>(), 0..60),
        cut in any::<u16>(),
        room in 1..40_usize,
    ) {
        let agreed = if alone { ALONE } else { AGREED };
        let whole = inflate_parts(&mut Inflater::new(Role::Server, &agreed), &mut Contexts::default(), &[&wire], 70_000);
        let (head, tail) = wire.split_at(usize::from(cut) % (wire.len() + 1));
        let parts = [head, tail];
        let cut = inflate_parts(&mut Inflater::new(Role::Server, &agreed), &mut Contexts::default(), &parts, room);
        prop_assert_eq!(cut, whole);
    }
}
