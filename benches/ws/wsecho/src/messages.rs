//! What the load sends: frames as a client makes them, ready-made, and how a reply is known to be right.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::handshake::Deflate;

/// How many different JSON messages there are before they come again.
pub const CYCLE: usize = 64;

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// One message and the frame it is sent in.
pub struct Sample {
    pub payload: Vec<u8>,
    pub frame: Vec<u8>,
}

/// One message of `bytes` letters.
pub fn plain(bytes: usize, text: bool) -> Sample {
    let payload: Vec<u8> = (b'a'..=b'z').cycle().take(bytes).collect();
    let frame = frame(if text { 0x81 } else { 0x82 }, &payload);
    Sample { payload, frame }
}

/// A cycle of JSON messages of `bytes` each, compressed as was agreed. No message refers to one before its cycle, so
/// that the same frames can be sent again and again under context takeover.
pub fn json(bytes: usize, deflate: Deflate) -> Vec<Sample> {
    let mut context = Compress::new(Compression::new(6), false);
    let sample = |number: usize| {
        let payload = order(number, bytes);
        if deflate == Deflate::Fresh {
            context.reset();
        }
        let frame = match deflate {
            Deflate::Off => frame(0x81, &payload),
            // RSV1 says that it is compressed, RFC 7692 §7.2.
            Deflate::Takeover | Deflate::Fresh => frame(0xC1, &compressed(&mut context, &payload)),
        };
        Sample { payload, frame }
    };
    (0..CYCLE).map(sample).collect()
}

/// One message in frames of one octet each.
pub fn fragments(count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(count * 7);
    for at in 0..count {
        let opcode = if at == 0 { 2 } else { 0 };
        let fin = if at + 1 == count { 0x80 } else { 0 };
        out.extend(frame(fin | opcode, b"*"));
    }
    out
}

/// The payloads of a server's frames, in order, as they were before compression.
pub struct Replies {
    inflate: Decompress,
    deflate: Deflate,
}

impl Replies {
    pub fn new(deflate: Deflate) -> Self {
        Self { inflate: Decompress::new(false), deflate }
    }

    /// The message in a whole frame, which must have come unfragmented.
    pub fn message(&mut self, frame: &[u8]) -> Vec<u8> {
        let (head, length) = head(frame).expect("a whole frame");
        let payload = &frame[head..head + length];
        if frame[0] & 0x40 == 0 {
            return payload.to_vec();
        }
        if self.deflate == Deflate::Fresh {
            self.inflate.reset(false);
        }
        // RFC 7692 §7.2.2
        let input = [payload, &[0, 0, 0xFF, 0xFF]].concat();
        let mut out = Vec::with_capacity(1 << 20);
        self.inflate.decompress_vec(&input, &mut out, FlushDecompress::Sync).expect("deflate data");
        out
    }
}

/// The length of a server's head, and of the payload behind it. `None` while too little has come.
pub fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [_, 126, high, low, ..] => Some((4, usize::from(u16::from_be_bytes([high, low])))),
        [_, 127, ref rest @ ..] => {
            let length = u64::from_be_bytes(*rest.first_chunk()?);
            Some((10, usize::try_from(length).ok()?))
        }
        [_, 126, ..] => None,
        [_, length, ..] => Some((2, usize::from(length))),
        _ => None,
    }
}

fn order(number: usize, bytes: usize) -> Vec<u8> {
    // Numbers that look random and are the same in each run.
    let noise = |salt: usize| (number * 2_654_435_761 + salt * 40_503) % 1_000_003;
    let mut text = format!(
        "{{\"type\":\"order\",\"id\":{},\"symbol\":\"{}\",\"side\":\"{}\",\"price\":{}.{:02},\"quantity\":{},\
         \"account\":\"acc-{:06}\",\"time\":\"2026-11-28T11:{:02}:{:02}.{:03}Z\",\"tags\":[\"limit\",\"day\"],\"note\":\"",
        1_000_000 + noise(1),
        ["EURUSD", "BTCUSD", "XAUUSD", "AAPL"][number % 4],
        ["buy", "sell"][noise(2) % 2],
        noise(3) % 5000,
        noise(4) % 100,
        noise(5) % 900 + 1,
        noise(6),
        noise(7) % 60,
        noise(8) % 60,
        noise(9) % 1000
    );
    let mut word = 10;
    while text.len() + 2 < bytes {
        let words = ["filled ", "partially ", "rejected ", "by ", "venue ", "resting ", "at ", "best ", "price "];
        text.push_str(words[noise(word) % words.len()]);
        word += 1;
    }
    text.truncate(bytes - 2);
    text.push_str("\"}");
    text.into_bytes()
}

fn compressed(context: &mut Compress, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 64);
    context.compress_vec(payload, &mut out, FlushCompress::Sync).expect("memory");
    // RFC 7692 §7.2.1
    assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]), "a sync flush");
    out.truncate(out.len() - 4);
    out
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    frame
}
