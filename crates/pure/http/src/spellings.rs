//! Field names that go in every spelling, compiled for one look at each name of a head.

use http::{HeaderMap, HeaderName};

use crate::lengths::Lengths;

/// Names and families of names of which a backend could take a field for ours.
///
/// CGI and its descendants turn field names into variables: case is lost and `-`, `_` and often
/// every other mark become one character. So `X_User`, `x.user` and `X-User` are one field to them.
/// All spellings go that agree after case is folded and all marks are taken as equal. Use it on the
/// request's fields *and* on its trailers, then set the one true field.
///
/// ```
/// use gatepost_http::spellings::Spellings;
/// use http::{HeaderMap, HeaderName};
///
/// let ours = Spellings::of([&HeaderName::from_static("x-gatepost-user")]).and_family("x-forwarded-");
/// let mut headers = HeaderMap::new();
/// headers.insert("x_gatepost.user", "root".parse()?);
/// headers.insert("x_forwarded_for", "1.2.3.4".parse()?);
/// headers.insert("accept", "*/*".parse()?);
/// assert_eq!(ours.strip(&mut headers), 2);
/// assert_eq!(headers.len(), 1);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spellings {
    /// Folded.
    names: Vec<Vec<u8>>,
    /// A spelling has as many characters as what it spells.
    lengths: Lengths,
    /// Folded beginnings.
    families: Vec<Vec<u8>>,
}

impl Spellings {
    /// Every spelling of these names.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a HeaderName>) -> Self {
        let mut names: Vec<Vec<u8>> = names.into_iter().map(|name| folded(name.as_str()).collect()).collect();
        names.sort();
        names.dedup();
        let lengths = names.iter().fold(Lengths::default(), |lengths, name| lengths.and(name.len()));
        Self { names, lengths, families: Vec::new() }
    }

    /// And every name that begins like this, whatever follows.
    #[must_use]
    pub fn and_family(mut self, beginning: &str) -> Self {
        self.families.push(folded(beginning).collect());
        self
    }

    /// Whether a CGI-style backend could take the field `written` for one of these.
    #[must_use]
    pub fn covers(&self, written: &str) -> bool {
        let written = written.as_bytes();
        let listed = || self.names.iter().any(|name| name.len() == written.len() && begins(written, name));
        (self.lengths.have(written.len()) && listed()) || self.families.iter().any(|family| begins(written, family))
    }

    /// Removes every such field, and counts them. A head without any costs no allocation.
    pub fn strip(&self, headers: &mut HeaderMap) -> usize {
        let before = headers.len();
        let mut found = Vec::new();
        for name in headers.keys() {
            if self.covers(name.as_str()) {
                found.push(name.clone());
            }
        }
        for name in &found {
            headers.remove(name);
        }
        before.saturating_sub(headers.len())
    }
}

/// Whether `written` begins with `beginning`, which is folded.
fn begins(written: &[u8], beginning: &[u8]) -> bool {
    // The first octet decides for nearly all names.
    written.len() >= beginning.len() && written.iter().zip(beginning).all(|(octet, folded)| fold(*octet) == *folded)
}

/// Letters in lower case, and all marks as one.
fn folded(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().map(fold)
}

fn fold(octet: u8) -> u8 {
    if octet.is_ascii_alphanumeric() { octet.to_ascii_lowercase() } else { b'-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_and_nothing_else() {
        let ours = Spellings::of([&HeaderName::from_static("x-user"), &HeaderName::from_static("authorization")])
            .and_family("x-forwarded-");
        for name in ["x-user", "X_USER", "x.user", "x~User", "Authorization", "X_Forwarded-For", "x-forwarded-"] {
            assert!(ours.covers(name), "{name}");
        }
        for name in ["x-users", "x-use", "xuser", "x--user", "x-forwarded", "", "forwarded"] {
            assert!(!ours.covers(name), "{name}");
        }
        assert!(!Spellings::default().covers("x-user"));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_definition(written in "[xX][-_.~][uUa][-_.~]?", name in "x-u|x-a|x-u-") {
            let header = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let plain = |text: &str| text.to_lowercase().replace(['_', '.', '~'], "-");
            proptest::prop_assert_eq!(Spellings::of([&header]).covers(&written), plain(&written) == plain(&name));
        }
    }
}
