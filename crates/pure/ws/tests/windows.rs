//! That we never refer further back than the window that was agreed to, a window of 8 bits included, which zlib does not
//! have: a small inflater of our own looks at every distance (RFC 1951).

use bytes::BytesMut;
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::deflate::compress::Compressor;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::role::Role;
use proptest::prelude::*;

/// Bits from the lowest of each octet on.
struct Bits<'a> {
    octets: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> usize {
        (0..count).fold(0, |value, place| {
            let bit = self.octets[self.at / 8] >> (self.at % 8) & 1;
            self.at += 1;
            value | usize::from(bit) << place
        })
    }

    /// One symbol of a Huffman code that is given by the lengths of its symbols (RFC 1951 §3.2.2).
    fn symbol(&mut self, lengths: &[usize]) -> usize {
        let (mut code, mut first, mut length) = (0, 0, 0);
        loop {
            (code, first, length) = (code << 1 | self.take(1), first << 1, length + 1);
            let of_length = || lengths.iter().enumerate().filter(|(_, own)| **own == length).map(|(symbol, _)| symbol);
            if let Some(symbol) = of_length().nth(code - first) {
                return symbol;
            }
            first += of_length().count();
        }
    }
}

/// Inflates whole blocks; gives the octets and the farthest distance.
fn inflate(octets: &[u8]) -> (Vec<u8>, usize) {
    let (mut bits, mut out, mut farthest) = (Bits { octets, at: 0 }, Vec::new(), 0);
    while bits.at.div_ceil(8) < octets.len() {
        assert_eq!(bits.take(1), 0, "no block is the last of the stream");
        let (literals, distances) = match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let length = bits.take(16);
                assert_eq!(bits.take(16), length ^ 0xFFFF);
                out.extend((0..length).map(|_| u8::try_from(bits.take(8)).unwrap()));
                continue;
            }
            1 => ([vec![8; 144], vec![9; 112], vec![7; 24], vec![8; 8]].concat(), vec![5; 30]),
            2 => codes(&mut bits),
            _ => panic!("there is no such block"),
        };
        loop {
            let symbol = bits.symbol(&literals);
            match symbol {
                0..256 => out.push(u8::try_from(symbol).unwrap()),
                256 => break,
                _ => {
                    let length = length(&mut bits, symbol - 257);
                    let symbol = bits.symbol(&distances);
                    let distance = distance(&mut bits, symbol);
                    farthest = farthest.max(distance);
                    for _ in 0..length {
                        out.push(out[out.len() - distance]);
                    }
                }
            }
        }
    }
    (out, farthest)
}

/// RFC 1951 §3.2.7.
fn codes(bits: &mut Bits<'_>) -> (Vec<usize>, Vec<usize>) {
    let (literals, distances, kinds) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let mut order = [0; 19];
    for place in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].into_iter().take(kinds) {
        order[place] = bits.take(3);
    }
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match bits.symbol(&order) {
            16 => (lengths[lengths.len() - 1], bits.take(2) + 3),
            17 => (0, bits.take(3) + 3),
            18 => (0, bits.take(7) + 11),
            length => (length, 1),
        };
        lengths.extend(vec![length; times]);
    }
    let distances = lengths.split_off(literals);
    (lengths, distances)
}

/// RFC 1951 §3.2.5.
fn length(bits: &mut Bits<'_>, symbol: usize) -> usize {
    match symbol {
        28 => 258,
        0..8 => symbol + 3,
        _ => {
            let extra = symbol / 4 - 1;
            3 + ((4 + symbol % 4) << extra) + bits.take(u32::try_from(extra).unwrap())
        }
    }
}

/// RFC 1951 §3.2.5.
fn distance(bits: &mut Bits<'_>, symbol: usize) -> usize {
    if symbol < 4 {
        return symbol + 1;
    }
    let extra = symbol / 2 - 1;
    1 + ((2 + symbol % 2) << extra) + bits.take(u32::try_from(extra).unwrap())
}

/// Octets with something to refer to at every distance.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let few = prop::collection::vec(0_u8..3, 0..1000);
    let any = prop::collection::vec(any::<u8>(), 1..400);
    prop_oneof![few, (any, 1..9_usize).prop_map(|(octets, times)| octets.repeat(times))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_distance_goes_beyond_the_window(
        window_bits in 8..=15_u8,
        level in 0..=9_u8,
        messages in prop::collection::vec(message(), 1..4),
    ) {
        let agreed = Agreed {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: window_bits,
            client_max_window_bits: 15,
            level,
            threshold: 0,
        };
        let (mut compressor, mut contexts) = (Compressor::new(Role::Server, &agreed), Contexts::default());
        let mut wire = BytesMut::new();
        for message in &messages {
            compressor.compress(message, true, &mut wire, &mut contexts).unwrap();
            wire.extend_from_slice(b"\x00\x00\xff\xff");
        }
        let (out, farthest) = inflate(&wire);
        prop_assert!(out == messages.concat());
        prop_assert!(farthest <= 1 << window_bits, "{farthest}");
    }
}
