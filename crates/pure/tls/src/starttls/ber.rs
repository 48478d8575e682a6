//! As much of BER as LDAP's StartTLS needs (X.690 §8.1): definite lengths, short.

/// The longest content that is read, in octets.
const MAX_CONTENT: usize = 4096;

/// One element: its tag, its content, and how long it is with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) length: usize,
}

/// It is no such element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotBer;

/// The element that `octets` begin with; `None` as long as it is not whole.
pub(super) fn element(octets: &[u8]) -> Result<Option<Element<'_>>, NotBer> {
    let [tag, first, rest @ ..] = octets else { return Ok(None) };
    let (size, content) = match (*first, rest) {
        (0..=0x7f, _) => (usize::from(*first), rest),
        (0x81, [length, content @ ..]) => (usize::from(*length), content),
        (0x82, [high, low, content @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), content),
        // Active Directory writes lengths of four octets, whatever they are.
        (0x84, [0, 0, high, low, content @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), content),
        (0x81 | 0x82, _) => return Ok(None),
        (0x84, rest) if rest.len() < 4 => return Ok(None),
        _ => return Err(NotBer),
    };
    if size > MAX_CONTENT {
        return Err(NotBer);
    }
    let header = octets.len().saturating_sub(content.len());
    let whole = content.get(..size);
    Ok(whole.map(|content| Element { tag: *tag, content, length: header.saturating_add(size) }))
}

/// The whole element that `octets` begin with, if it has this tag, and what follows it.
pub(super) fn expect(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let found = element(octets).ok()??;
    let rest = octets.get(found.length..).unwrap_or_default();
    (found.tag == tag).then_some((found.content, rest))
}
