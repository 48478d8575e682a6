//! Reads DER (X.690 §8, §10), one element after the other. What is not DER is `None`, and nothing panics.

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};

/// What is still to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    class: Class,
    tag: Tag,
    /// What it holds.
    pub(crate) content: &'a [u8],
    /// With its tag and its length.
    pub(crate) whole: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads these octets.
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Whether nothing is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Option<Element<'a>> {
        let (rest, any) = Any::from_der(self.0).ok()?;
        let whole = self.0.get(..self.0.len().checked_sub(rest.len())?)?;
        self.0 = rest;
        Some(Element { class: any.class(), tag: any.tag(), content: any.data, whole })
    }

    /// The next element, if it is of this type.
    pub(crate) fn take(&mut self, tag: Tag) -> Option<Element<'a>> {
        self.any().filter(|element| element.class == Class::Universal && element.tag == tag)
    }

    /// What is in the next element, a SEQUENCE.
    pub(crate) fn sequence(&mut self) -> Option<Self> {
        self.take(Tag::Sequence).map(|element| Self(element.content))
    }

    /// The next element if it has this number in its context; if not, it is still to be read.
    pub(crate) fn tagged(&mut self, number: u32) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.any().filter(|element| element.number() == Some(number))?;
        *self = ahead;
        Some(element)
    }
}

impl<'a> Element<'a> {
    /// What it holds, to be read.
    pub(crate) fn inside(&self) -> Reader<'a> {
        Reader(self.content)
    }

    /// Its number, if it has one in its context.
    pub(crate) fn number(&self) -> Option<u32> {
        (self.class == Class::ContextSpecific).then_some(self.tag.0)
    }
}

/// The octets of a BIT STRING that has no part of one.
pub(crate) fn whole_bits(content: &[u8]) -> Option<&[u8]> {
    match content {
        [0, octets @ ..] => Some(octets),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_one_after_the_other() {
        let mut reader = Reader::new(&[0x30, 3, 2, 1, 7, 0xa1, 2, 5, 0, 4, 0]);
        let mut inner = reader.sequence().unwrap();
        assert_eq!((inner.take(Tag::Integer).unwrap().content, inner.is_at_end()), (&[7][..], true));
        assert!(reader.tagged(0).is_none(), "and it is still there");
        let tagged = reader.tagged(1).unwrap();
        assert_eq!((tagged.number(), tagged.whole), (Some(1), &[0xa1, 2, 5, 0][..]));
        assert!(tagged.inside().take(Tag::Null).is_some());
        assert!(reader.take(Tag::OctetString).is_some() && reader.is_at_end() && reader.any().is_none());
    }

    #[test]
    fn what_is_not_der_is_nothing() {
        let table: [&[u8]; 5] = [&[], &[0x30], &[0x30, 2, 5], &[0x30, 0x80, 0, 0], &[0x1f]];
        for octets in table {
            assert_eq!(Reader::new(octets).any(), None, "{octets:?}");
        }
        assert_eq!(whole_bits(&[0, 1, 2]), Some(&[1, 2][..]));
        assert_eq!((whole_bits(&[1, 2]), whole_bits(&[])), (None, None));
    }
}
