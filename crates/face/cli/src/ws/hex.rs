//! Octets as people read and write them: a dump with columns, and pairs of hexadecimal digits.

/// Octets in a row of a dump.
const ROW: usize = 16;

/// The most octets that a dump shows.
const LONGEST: usize = 4096;

/// A dump: offset, octets, and the characters that are printable ASCII. What is too long is cut, and says so.
pub(crate) fn dump(octets: &[u8]) -> String {
    let (shown, left) = octets.split_at(octets.len().min(LONGEST));
    let rows = shown.chunks(ROW).enumerate().map(|(at, row)| {
        let cells: Vec<String> = row.iter().map(|octet| format!("{octet:02x}")).collect();
        let (first, second) = cells.split_at(cells.len().min(ROW / 2));
        let printable = |octet: &u8| if (0x20..0x7f).contains(octet) { char::from(*octet) } else { '.' };
        let text: String = row.iter().map(printable).collect();
        format!("{:08x}  {:<23}  {:<23}  |{text}|", at * ROW, first.join(" "), second.join(" "))
    });
    let mut lines: Vec<String> = rows.collect();
    if !left.is_empty() {
        lines.push(format!("… and {} octets more", left.len()));
    }
    lines.join("\n")
}

/// Pairs of digits with a space between them.
pub(crate) fn pairs(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(" ")
}

/// Reads pairs of hexadecimal digits; space, colons and commas may stand between the pairs.
/// The error says at which character (from 0) it stumbled.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, (usize, String)> {
    let mut octets = Vec::new();
    let mut half: Option<u8> = None;
    for (at, char) in text.chars().enumerate() {
        let digit = char.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (half, digit) {
            (None, Some(digit)) => half = Some(digit),
            (Some(high), Some(low)) => {
                octets.push(high * 16 + low);
                half = None;
            }
            (None, None) if char.is_whitespace() || matches!(char, ':' | ',') => {}
            (Some(_), None) => return Err((at, "an octet is two hexadecimal digits, and here is one".into())),
            (None, None) => return Err((at, format!("`{char}` is no hexadecimal digit"))),
        }
    }
    if half.is_some() {
        return Err((text.chars().count(), "an octet is two hexadecimal digits, and here is one".into()));
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_has_offsets_octets_and_characters() {
        let octets: Vec<u8> = (b'A'..=b'Q').chain([0, 255]).collect();
        assert_eq!(
            dump(&octets),
            "00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  |ABCDEFGHIJKLMNOP|\n\
             00000010  51 00 ff                                          |Q..|"
        );
        assert_eq!(dump(b""), "");
        assert!(dump(&[0; LONGEST + 7]).ends_with("\n… and 7 octets more"));
    }

    #[test]
    fn pairs_of_digits() {
        assert_eq!(parse("00 ff:0A,0b0c"), Ok(vec![0, 255, 10, 11, 12]));
        assert_eq!(pairs(&[0, 255]), "00 ff");
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("0g").unwrap_err().0, 1);
        assert_eq!(parse("x").unwrap_err(), (0, "`x` is no hexadecimal digit".into()));
        assert_eq!(parse("001").unwrap_err().0, 3);
    }
}
