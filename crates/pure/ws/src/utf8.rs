//! UTF-8 over parts that may cut a character in two, refused at the first octet that cannot be right
//! (RFC 6455 §8.1, and strictly also within a fragment that is not complete).

use simdutf8::compat::from_utf8;

use crate::error::WsError;

/// How far the character at the end of the last part had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Utf8 {
    /// The octets of a character that is not complete; each beginning of one that is kept is right so far.
    begun: [u8; 4],
    /// At most three.
    held: u8,
}

impl Utf8 {
    pub(crate) const fn new() -> Self {
        Self { begun: [0; 4], held: 0 }
    }

    /// Reads the next part.
    ///
    /// # Errors
    /// [`WsError::Text`] as soon as no octets to come could make it UTF-8.
    pub(crate) fn check(&mut self, part: &[u8]) -> Result<(), WsError> {
        let rest = if self.held == 0 { part } else { self.complete(part)? };
        let Err(error) = from_utf8(rest) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(WsError::Text);
        }
        // No length of an error means that the octets at the end are the beginning of a character.
        for octet in rest.iter().skip(error.valid_up_to()) {
            self.hold(*octet);
        }
        Ok(())
    }

    /// The message ends here.
    ///
    /// # Errors
    /// [`WsError::Text`] within a character.
    pub(crate) fn end(&mut self) -> Result<(), WsError> {
        let whole = self.held == 0;
        *self = Self::new();
        if whole { Ok(()) } else { Err(WsError::Text) }
    }

    /// Completes the character that was begun; gives what follows it.
    fn complete<'a>(&mut self, part: &'a [u8]) -> Result<&'a [u8], WsError> {
        let mut rest = part;
        while let Some((octet, after)) = rest.split_first() {
            rest = after;
            self.hold(*octet);
            let begun = self.begun.get(..usize::from(self.held)).unwrap_or_default();
            match from_utf8(begun) {
                Ok(_) => {
                    *self = Self::new();
                    break;
                }
                Err(error) if error.error_len().is_some() => return Err(WsError::Text),
                Err(_) => {}
            }
        }
        Ok(rest)
    }

    fn hold(&mut self, octet: u8) {
        if let Some(place) = self.begun.get_mut(usize::from(self.held)) {
            *place = octet;
            self.held = self.held.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// After how many octets it fails if they come one by one; `None` if it never does.
    fn fails_at(octets: &[u8]) -> Option<usize> {
        let mut text = Utf8::new();
        let bad = octets.iter().position(|octet| text.check(&[*octet]).is_err());
        bad.or_else(|| text.end().is_err().then_some(octets.len()))
    }

    #[test]
    fn the_first_bad_octet_is_where_it_fails() {
        let table: [(&[u8], Option<usize>); 16] = [
            (b"", None),
            (b"plain", None),
            ("κόσμε".as_bytes(), None),
            ("\u{10FFFF}\u{FFFF}\u{7FF}\u{80}".as_bytes(), None),
            (b"a\x80", Some(1)),
            (b"\xc0\xaf", Some(0)),
            (b"\xc3\x28", Some(1)),
            (b"\xe0\x80\xaf", Some(1)),
            (b"\xed\xa0\x80", Some(1)),
            (b"\xf0\x80\x80\x80", Some(1)),
            (b"\xf4\x90\x80\x80", Some(1)),
            (b"\xf5", Some(0)),
            (b"\xff", Some(0)),
            (b"\xe2\x82", Some(2)),
            (b"\xf0\x9f\x98a", Some(3)),
            (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80", Some(12)),
        ];
        for (octets, expected) in table {
            assert_eq!(fails_at(octets), expected, "{octets:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_agrees_with_the_standard_library(
            octets in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xe2), Just(0x82), Just(0xac), Just(0xf0), Just(0x9f)], 0..40),
            cuts in prop::collection::vec(0..40usize, 0..4),
        ) {
            let mut text = Utf8::new();
            let (mut rest, mut result) = (octets.as_slice(), Ok(()));
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                rest = after;
                result = result.and_then(|()| text.check(part));
            }
            result = result.and_then(|()| text.check(rest)).and_then(|()| text.end());
            prop_assert_eq!(result.is_ok(), std::str::from_utf8(&octets).is_ok());
        }

        #[test]
        fn texts_pass_however_they_are_cut(text in "\\PC{0,20}", cut in 0..60usize) {
            let (first, second) = text.as_bytes().split_at(cut.min(text.len()));
            let mut check = Utf8::new();
            prop_assert_eq!(check.check(first).and_then(|()| check.check(second)).and_then(|()| check.end()), Ok(()));
        }
    }
}
