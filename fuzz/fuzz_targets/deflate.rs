//! Compressed messages: what is inflated does not depend on how it was cut or on the room, is what zlib makes of the
//! whole, and whatever we compress comes out again. The first three octets say how.
#![no_main]

use bytes::BytesMut;
use flate2::{Decompress, FlushDecompress, Status};
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::deflate::compress::Compressor;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::deflate::inflate::Inflater;
use gatepost_ws::error::WsError;
use gatepost_ws::role::Role;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let [terms, room, step, octets @ ..] = octets else { return };
    let agreed = Agreed {
        server_no_context_takeover: terms & 1 != 0,
        client_no_context_takeover: terms & 2 != 0,
        server_max_window_bits: 8 + (terms >> 2 & 7),
        client_max_window_bits: 15,
        level: terms >> 5,
        threshold: 0,
    };
    let (room, step) = (usize::from(*room) + 1, usize::from(*step) + 1);
    anything(&agreed, octets, room, step);
    what_we_compress(&agreed, octets, room, step);
});

/// Octets of a peer that need not mean anything: two messages.
fn anything(agreed: &Agreed, octets: &[u8], room: usize, step: usize) {
    let (first, second) = octets.split_at(octets.len() / 2);
    let mut contexts = Contexts::default();
    let [mut whole, mut split] = [(); 2].map(|()| Inflater::new(Role::Client, agreed));
    for message in [first, second] {
        let at_once = inflate(&mut whole, &mut contexts, message, 1 << 16, message.len().max(1));
        let in_pieces = inflate(&mut split, &mut contexts, message, room, step);
        assert_eq!(in_pieces.is_ok(), at_once.is_ok());
        let (Ok(at_once), Ok(in_pieces)) = (at_once, in_pieces) else { return };
        assert!(at_once == in_pieces);
    }
    if let Ok(message) = inflate(&mut Inflater::new(Role::Client, agreed), &mut contexts, first, 1 << 16, 1 << 16) {
        assert!(message == zlib(first));
    }
}

/// What zlib makes of a message and its tail, as one stream after another.
fn zlib(message: &[u8]) -> Vec<u8> {
    let whole = [message, &[0, 0, 0xff, 0xff]].concat();
    let (mut rest, mut out, mut room) = (whole.as_slice(), Vec::new(), vec![0; 1 << 16]);
    let mut zlib = Decompress::new(false);
    loop {
        let (read, written) = (zlib.total_in(), zlib.total_out());
        let status = zlib.decompress(rest, &mut room, FlushDecompress::None).unwrap();
        let written = usize::try_from(zlib.total_out() - written).unwrap();
        out.extend_from_slice(&room[..written]);
        rest = &rest[usize::try_from(zlib.total_in() - read).unwrap()..];
        if status == Status::StreamEnd {
            if rest.len() <= 4 {
                return out;
            }
            zlib = Decompress::new(false);
        } else if rest.is_empty() && written < room.len() {
            return out;
        }
    }
}

fn what_we_compress(agreed: &Agreed, octets: &[u8], room: usize, step: usize) {
    let (mut ours, mut theirs) = (Contexts::default(), Contexts::default());
    let (mut compressor, mut inflater) = (Compressor::new(Role::Server, agreed), Inflater::new(Role::Client, agreed));
    for message in [octets, &octets.repeat(3), octets] {
        let mut wire = BytesMut::new();
        for part in message.chunks(step * 7) {
            compressor.compress(part, false, &mut wire, &mut ours).unwrap();
        }
        compressor.compress(&[], true, &mut wire, &mut ours).unwrap();
        let inflated = inflate(&mut inflater, &mut theirs, &wire, room, step);
        assert!(inflated.as_deref() == Ok(message));
        wire.clear();
        compressor.compress(message, true, &mut wire, &mut ours).unwrap();
        let inflated = inflate(&mut inflater, &mut theirs, &wire, room, wire.len());
        assert!(inflated.as_deref() == Ok(message));
    }
}

fn inflate(
    inflater: &mut Inflater,
    contexts: &mut Contexts,
    message: &[u8],
    room: usize,
    step: usize,
) -> Result<Vec<u8>, WsError> {
    let (mut out, mut room, mut at) = (Vec::new(), vec![0; room], 0);
    loop {
        let end = message.len().min(at + step);
        let progress = inflater.inflate(&message[at..end], end == message.len(), &mut room, contexts)?;
        out.extend_from_slice(&room[..progress.written]);
        at += progress.read;
        assert!(progress.more || at == end);
        if !progress.more && at == message.len() {
            return Ok(out);
        }
    }
}
