//! As much of XML as XMPP's negotiation needs: tags, one after the other, and nothing that RFC 6120 §11.1 forbids.

/// The longest tag, in octets.
const MAX_TAG: usize = 4096;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Its name without the prefix.
    pub(super) name: String,
    /// Its own namespace declaration.
    pub(super) namespace: Option<String>,
    pub(super) kind: Kind,
}

/// What a tag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Opens,
    Closes,
    /// Both at once.
    Empty,
}

/// What stands next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// It is not whole.
    NotYet,
    /// A tag, with the text before it: so many octets.
    Tag(Tag, usize),
    /// Text, or the XML declaration: so many octets.
    Other(usize),
}

/// Why it is no XML that can be in a stream.
pub(super) type NotXml = &'static str;

/// What `octets` begin with.
pub(super) fn next(octets: &[u8]) -> Result<Next, NotXml> {
    let Some(start) = octets.iter().position(|octet| *octet == b'<') else { return Ok(Next::Other(octets.len())) };
    let tag = octets.get(start..).unwrap_or_default();
    let Some(length) = length(tag)? else { return Ok(Next::NotYet) };
    let end = start.saturating_add(length);
    let inner = tag.get(1..length.saturating_sub(1)).unwrap_or_default();
    let inner = std::str::from_utf8(inner).map_err(|_| "a tag is not UTF-8")?;
    if let Some(declaration) = inner.strip_prefix('?') {
        return match declaration.starts_with("xml ") && declaration.ends_with('?') {
            true => Ok(Next::Other(end)),
            false => Err("a processing instruction"),
        };
    }
    if inner.starts_with('!') {
        return Err("a comment or a document type");
    }
    Ok(Next::Tag(parse(inner)?, end))
}

/// How long the tag is, if it is whole. What stands in quotes ends no tag.
fn length(tag: &[u8]) -> Result<Option<usize>, NotXml> {
    let mut quote = None;
    for (at, octet) in tag.iter().enumerate().take(MAX_TAG) {
        match (quote, octet) {
            (None, b'>') => return Ok(Some(at.saturating_add(1))),
            (None, b'"' | b'\'') => quote = Some(*octet),
            (Some(open), octet) if open == *octet => quote = None,
            _ => {}
        }
    }
    if tag.len() >= MAX_TAG { Err("a tag is too long") } else { Ok(None) }
}

fn parse(inner: &str) -> Result<Tag, NotXml> {
    let (inner, closes) = inner.strip_prefix('/').map_or((inner, false), |rest| (rest, true));
    let (inner, is_empty) = inner.strip_suffix('/').map_or((inner, false), |rest| (rest, true));
    let kind = match (closes, is_empty) {
        (true, true) => return Err("a tag closes twice"),
        (true, false) => Kind::Closes,
        (false, true) => Kind::Empty,
        (false, false) => Kind::Opens,
    };
    let end = inner.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(inner.len());
    let (name, attributes) = inner.split_at_checked(end).unwrap_or((inner, ""));
    let name = name.rsplit(':').next().unwrap_or_default();
    if name.is_empty() {
        return Err("a tag has no name");
    }
    Ok(Tag { name: name.to_owned(), namespace: namespace(attributes)?, kind })
}

/// The value of `xmlns`.
fn namespace(mut attributes: &str) -> Result<Option<String>, NotXml> {
    let mut found = None;
    loop {
        attributes = attributes.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
        if attributes.is_empty() {
            return Ok(found);
        }
        let (name, rest) = attributes.split_once('=').ok_or("an attribute has no value")?;
        let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or("a value has no quotes")?;
        let (value, rest) = rest.get(1..).and_then(|rest| rest.split_once(quote)).ok_or("a value has no end")?;
        if name.trim_end() == "xmlns" {
            found = Some(value.to_owned());
        }
        attributes = rest;
    }
}
