//! As much of the Distinguished Encoding Rules as SPNEGO needs (X.690 §10): one octet of tag, definite
//! lengths in their shortest form.

use crate::spnego::broken::Broken;

/// Elements one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Der<'a>(pub(crate) &'a [u8]);

impl<'a> Der<'a> {
    /// The element that comes next, which has this tag: what it holds.
    pub(crate) fn expect(&mut self, tag: u8, name: &'static str) -> Result<&'a [u8], Broken> {
        self.optional(tag)?.ok_or(Broken::Element(name))
    }

    /// The element that comes next, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Broken> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(None) };
        if *first != tag {
            return Ok(None);
        }
        let (length, rest) = length(rest)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(Broken::Der)?;
        self.0 = rest;
        Ok(Some(value))
    }

    /// The element with this tag if it comes next: the only one in it, which has the tag `inner`.
    pub(crate) fn wrapped(&mut self, tag: u8, inner: u8, name: &'static str) -> Result<Option<&'a [u8]>, Broken> {
        let Some(value) = self.optional(tag)? else { return Ok(None) };
        only(value, inner, name).map(Some)
    }

    /// Nothing may come any more.
    pub(crate) fn end(self) -> Result<(), Broken> {
        if self.0.is_empty() { Ok(()) } else { Err(Broken::Der) }
    }
}

/// The only element of `octets`, which has this tag.
pub(crate) fn only<'a>(octets: &'a [u8], tag: u8, name: &'static str) -> Result<&'a [u8], Broken> {
    let mut inside = Der(octets);
    let value = inside.expect(tag, name)?;
    inside.end()?;
    Ok(value)
}

/// An element with this tag that holds the parts.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut octets = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => octets.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
            octets.push(u8::try_from(digits.len()).unwrap_or_default() | 0x80);
            octets.extend(digits);
        }
    }
    parts.iter().for_each(|part| octets.extend_from_slice(part));
    octets
}

fn length(octets: &[u8]) -> Result<(usize, &[u8]), Broken> {
    let (first, rest) = octets.split_first().ok_or(Broken::Der)?;
    if *first < 0x80 {
        return Ok((usize::from(*first), rest));
    }
    // Three digits are 16 MiB, and nobody reads a token of that size.
    let digits = usize::from(*first & 0x7f);
    if !(1..=3).contains(&digits) {
        return Err(Broken::Der);
    }
    let (digits, rest) = rest.split_at_checked(digits).ok_or(Broken::Der)?;
    let length = digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
    let shortest = length >= 0x80 && digits.first() != Some(&0);
    if shortest { Ok((length, rest)) } else { Err(Broken::Der) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_written_and_in_no_other_form() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let value = vec![7; length];
            let octets = element(4, &[&value[..length / 2], &value[length / 2..]]);
            assert_eq!(only(&octets, 4, "x"), Ok(value.as_slice()));
        }
        let table: [&[u8]; 8] = [
            b"\x04",
            b"\x04\x01",
            b"\x04\x80",
            b"\x04\x81\x01a",
            b"\x04\x82\0\x80",
            b"\x04\x84\0\0\0\x01a",
            b"\x04\0a",
            b"\x04\xff",
        ];
        for octets in table {
            assert_eq!(only(octets, 4, "x"), Err(Broken::Der), "{octets:?}");
        }
        assert_eq!(only(b"\x05\0", 4, "x"), Err(Broken::Element("x")));
    }
}
