//! How the corpus writes octets: one case a line, in escapes that people can read.

/// The cases of a file: the first word of each line, and the octets of the rest. Lines that begin with
/// `#` and empty lines say nothing.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, Vec<u8>)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap_or((line, ""))).map(|(word, octets)| (word, unescape(octets)))
}

/// Reads `\r`, `\n`, `\t`, `\0`, `\\` and `\xNN`; all else stands for itself.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'\\' => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'\\' => b'\\',
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("no escape: {other}"),
            },
            plain => plain,
        });
    }
    octets
}
