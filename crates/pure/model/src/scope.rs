//! Where a credential may go: an origin and a path prefix, compared by segment.

use std::fmt;

use crate::url::{Origin, Url, UrlError};

/// An origin and a path below which something holds.
///
/// `/foo` covers `/foo` and `/foo/bar` but not `/foobar`; the comparison keeps the case, as paths
/// do (RFC 9110 §4.2.3). The longest matching prefix wins where several cover one URL.
///
/// ```
/// use gatepost_model::{scope::Scope, url::Url};
///
/// let scope = Scope::parse("https://example.com/api")?;
/// assert!(scope.covers(&Url::parse("https://example.com/api/v1")?).is_some());
/// assert!(scope.covers(&Url::parse("https://example.com/apiary")?).is_none());
/// # Ok::<(), gatepost_model::url::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    origin: Origin,
    path: String,
}

impl Scope {
    /// The scope of a whole origin.
    #[must_use]
    pub fn of(origin: Origin) -> Self {
        Self { origin, path: "/".into() }
    }

    /// Reads `https://host[:port][/path]`; a query is ignored, a trailing `/` too.
    ///
    /// # Errors
    /// As [`Url::parse`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text)?;
        let trimmed = url.path().trim_end_matches('/');
        let path = if trimmed.is_empty() { "/" } else { trimmed };
        Ok(Self { origin: url.origin(), path: path.to_owned() })
    }

    /// Its origin.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its path prefix, without a trailing slash unless it is `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How exactly this scope covers `url`: the length of the prefix, or `None` if it does not.
    #[must_use]
    pub fn covers(&self, url: &Url) -> Option<usize> {
        (self.origin == url.origin() && has_prefix(url.path(), &self.path)).then_some(self.path.len())
    }
}

/// Whether `path` is `prefix` or lies below it, by whole segments.
#[must_use]
pub fn has_prefix(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_go_by_segment() {
        let table = [
            ("/", "/", true),
            ("/", "/a", true),
            ("/a", "/a", true),
            ("/a", "/a/", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/b", "/a", false),
            ("/A", "/a", false),
        ];
        for (prefix, path, covered) in table {
            assert_eq!(has_prefix(path, prefix), covered, "{prefix} {path}");
        }
    }

    #[test]
    fn another_origin_is_never_covered() {
        let scope = Scope::parse("https://a.com").unwrap();
        for url in ["https://a.com.evil/", "http://a.com/", "https://a.com:444/", "https://b.com/"] {
            assert_eq!(scope.covers(&Url::parse(url).unwrap()), None, "{url}");
        }
        assert_eq!(scope.covers(&Url::parse("wss://a.com/x").unwrap()), Some(1));
    }
}
