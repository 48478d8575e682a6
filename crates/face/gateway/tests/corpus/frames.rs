//! Writes HTTP/2 frames, good and bad: nothing here keeps anybody from breaking RFC 9113.

use crate::escape::unescape;

/// The connection preface and a SETTINGS frame that keeps HPACK's table empty, so that what comes back
/// can be read without one.
pub(crate) fn opening() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[0, 1, 0, 0, 0, 0])].concat()
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The octets of one line of the corpus, without its `> `. `next` is the next odd stream.
pub(crate) fn octets(line: &str, next: &mut u32) -> Vec<u8> {
    let mut words = line.split(' ');
    let word = words.next().unwrap();
    if word == "TIMES" {
        let count: usize = words.next().unwrap().parse().unwrap();
        let pattern: Vec<&str> = words.collect();
        let pattern = pattern.join(" ");
        let mut all = Vec::new();
        for _ in 0..count {
            for part in pattern.split(" | ") {
                all.extend(octets(&part.replace("{odd}", &next.to_string()), next));
            }
            *next += 2;
        }
        return all;
    }
    if word == "OCTETS" {
        return hex(words.next().unwrap());
    }
    if word == "FRAME" {
        let number = |text: &str| u8::from_str_radix(text, 16).unwrap();
        let (kind, flags) = (number(words.next().unwrap()), number(words.next().unwrap()));
        let stream = words.next().unwrap().parse().unwrap();
        return frame(kind, flags, stream, &hex(words.next().unwrap()));
    }
    let stream = words.next().unwrap().parse().unwrap();
    let flags = words.next().unwrap().bytes().map(|flag| match flag {
        b'E' => 1,
        b'H' => 4,
        _ => 0,
    });
    let flags = flags.sum();
    match word {
        "DATA" => frame(0, flags, stream, &value(words.next().unwrap_or_default())),
        "HEADERS" => frame(1, flags, stream, &words.flat_map(field).collect::<Vec<u8>>()),
        "CONTINUATION" => frame(9, flags, stream, &words.flat_map(field).collect::<Vec<u8>>()),
        other => panic!("no such frame: {other}"),
    }
}

/// One field in HPACK (RFC 7541 §6), never in Huffman's code.
fn field(text: &str) -> Vec<u8> {
    if let Some(method) = text.strip_prefix('$') {
        let good = [&format!(":method={method}"), ":scheme=https", ":authority=localhost", ":path=/"];
        return good.into_iter().flat_map(field).collect();
    }
    if let Some(entry) = text.strip_prefix('@') {
        let (entry, times) = entry.split_once('*').unwrap_or((entry, "1"));
        return integer(0x80, 7, entry.parse().unwrap()).repeat(times.parse().unwrap());
    }
    let (first, text) = text.strip_prefix('+').map_or((0, text), |text| (0x40, text));
    let at = text[1.min(text.len())..].find('=').map_or(0, |at| at + 1);
    let at = if text.starts_with('=') { 0 } else { at };
    let (name, value_text) = (unescape(&text[..at]), value(&text[at + 1..]));
    let string = |octets: &[u8]| [integer(0, 7, octets.len()), octets.to_vec()].concat();
    [vec![first], string(&name), string(&value_text)].concat()
}

fn value(text: &str) -> Vec<u8> {
    match text.strip_prefix('*').and_then(|count| count.parse().ok()) {
        Some(count) => vec![b'a'; count],
        None => unescape(text),
    }
}

/// RFC 7541 §5.1.
fn integer(first: u8, bits: u32, number: usize) -> Vec<u8> {
    let most = (1_usize << bits) - 1;
    if number < most {
        return vec![first | u8::try_from(number).unwrap()];
    }
    let (mut octets, mut rest) = (vec![first | u8::try_from(most).unwrap()], number - most);
    while rest >= 128 {
        octets.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    octets.push(u8::try_from(rest).unwrap());
    octets
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.trim_start_matches('-').as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The status of a response's header block, whose encoder has no table: indexed, or literal after an
/// index of `:status`, its three digits plain or in Huffman's code.
pub(crate) fn status(block: &[u8]) -> String {
    let block = match block {
        [0x20, rest @ ..] => rest,
        whole => whole,
    };
    let known = ["200", "204", "206", "304", "400", "404", "500"];
    match block {
        [indexed @ 0x88..=0x8e, ..] => known[usize::from(indexed - 0x88)].to_owned(),
        [_, 3, digits @ ..] => String::from_utf8_lossy(&digits[..3]).into_owned(),
        [_, length @ (0x82 | 0x83), code @ ..] => huffman(&code[..usize::from(length - 0x80)]),
        other => format!("{other:x?}"),
    }
}

/// Three digits (RFC 7541 appendix B): 0 to 2 have five bits, the others six.
fn huffman(code: &[u8]) -> String {
    let bits: String = code.iter().map(|octet| format!("{octet:08b}")).collect();
    let (mut rest, mut digits) = (bits.as_str(), String::new());
    while digits.len() < 3 {
        let five = u32::from_str_radix(&rest[..5], 2).unwrap();
        let (digit, length) = if five <= 2 { (five, 5) } else { (u32::from_str_radix(&rest[..6], 2).unwrap() - 22, 6) };
        digits.push_str(&digit.to_string());
        rest = &rest[length..];
    }
    digits
}
