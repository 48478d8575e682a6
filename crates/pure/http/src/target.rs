//! The request target: its four forms, and the paths that two readers would read differently.

use http::Method;
use thiserror::Error;

use crate::error::HttpError;
use crate::host::Authority;

/// Why a path is ambiguous: another reader may resolve it to a path that was not decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum PathFault {
    /// It does not begin with `/`.
    #[error("it does not begin with a slash")]
    NotAbsolute,
    /// A segment `.` or `..`, plain, escaped, or followed by a parameter (`..;x`).
    #[error("it has a dot segment")]
    DotSegment,
    /// `//`: many readers merge the two; or `/;x/`, which is `//` without its parameters.
    #[error("it has an empty segment")]
    EmptySegment,
    /// `\`, plain or as `%5c`: a separator to some.
    #[error("it has a backslash")]
    Backslash,
    /// `%2f`: a separator to some.
    #[error("it has an escaped slash")]
    EscapedSlash,
    /// An escaped letter, digit, `-`, `.`, `_` or `~`: one path, two spellings (RFC 3986 §2.3).
    #[error("it escapes a character that needs no escape")]
    NeedlessEscape,
    /// An escape that becomes one of the above when it is decoded twice, such as `%252e`.
    #[error("it is escaped twice")]
    EscapedTwice,
    /// NUL or another control character, plain or escaped.
    #[error("it has a control character")]
    Control,
    /// A `%` without two hexadecimal digits.
    #[error("it has a broken escape")]
    BrokenEscape,
    /// A character that has to be escaped: a space, `"<>{}`, `#`, a backtick, or any beyond
    /// US-ASCII (RFC 3986 §2). `|` and `^` pass: browsers send them as they are.
    #[error("it has a character that must be escaped")]
    Unescaped,
}

impl From<PathFault> for HttpError {
    fn from(fault: PathFault) -> Self {
        Self::Path(match fault {
            PathFault::NotAbsolute => "it does not begin with a slash",
            PathFault::DotSegment => "it has a dot segment",
            PathFault::EmptySegment => "it has an empty segment",
            PathFault::Backslash => "it has a backslash",
            PathFault::EscapedSlash => "it has an escaped slash",
            PathFault::NeedlessEscape => "it escapes a character that needs no escape",
            PathFault::EscapedTwice => "it is escaped twice",
            PathFault::Control => "it has a control character",
            PathFault::BrokenEscape => "it has a broken escape",
            PathFault::Unescaped => "it has a character that must be escaped",
        })
    }
}

/// Whether every reader sees the same path in this one, so that what was decided about is what the
/// upstream serves. The path is only judged, never rewritten: forward it byte for byte.
///
/// Takes the path of an origin-form target; what follows the first `?` is not looked at. Path
/// parameters (`/a;v=1`) pass: a route that ends at a segment should end it at `;` too.
///
/// # Errors
/// The first [`PathFault`] from the left. `HttpError::from` turns it into a 400.
///
/// ```
/// use gatepost_http::target::{PathFault, check_path};
///
/// assert_eq!(check_path("/files/a%20b?next=/../"), Ok(()));
/// assert_eq!(check_path("/files/..;/admin"), Err(PathFault::DotSegment));
/// assert_eq!(check_path("/files/%2e%2E/admin"), Err(PathFault::DotSegment));
/// ```
pub fn check_path(path: &str) -> Result<(), PathFault> {
    let path = path.split('?').next().unwrap_or_default();
    if is_plain(path) {
        return Ok(());
    }
    let mut segments = path.split('/').peekable();
    if segments.next() != Some("") || segments.peek().is_none() {
        return Err(PathFault::NotAbsolute);
    }
    while let Some(segment) = segments.next() {
        // Only the last segment may be empty: `/` and `/a/` are plain. `/;x/a` is `//a` to a reader that
        // takes the parameters away.
        if name(segment).is_empty() && segments.peek().is_some() {
            return Err(PathFault::EmptySegment);
        }
        if is_dots(segment) {
            return Err(PathFault::DotSegment);
        }
        check_segment(segment)?;
    }
    Ok(())
}

/// Whether a path has nothing in it that could be a fault: most have not, and need no closer look.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    let mut octets = path.bytes();
    let plain = octets.all(|octet| {
        let fits = match octet {
            b'/' | b'.' => before != b'/',
            b'-' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => true,
            _ => false,
        };
        before = octet;
        fits
    });
    plain && path.starts_with('/')
}

/// A request target in one of its four forms (RFC 9112 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/path?query`, as it was written.
    Origin(String),
    /// `http://host/path`: what a client sends to a proxy; a server has to take it too.
    Absolute {
        /// Whether the scheme is `https`.
        secure: bool,
        /// The host, which Host has to agree with.
        authority: Authority,
        /// Path and query as they were written; `/` if there was no path.
        origin_form: String,
    },
    /// `host:port`, for CONNECT only.
    Authority(Authority),
    /// `*`, for OPTIONS only.
    Asterisk,
}

impl Target {
    /// Reads the target of a request with this method.
    ///
    /// Only grammar is judged, not ambiguity: see [`check_path`] for that, which a route may waive.
    ///
    /// # Errors
    /// [`HttpError::Target`] for a form that does not suit the method or a character that may not
    /// stand in a target, [`HttpError::Host`] for a bad authority.
    pub fn parse(method: &Method, text: &str) -> Result<Self, HttpError> {
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            return Err(HttpError::Target("a character that must be escaped"));
        }
        if *method == Method::CONNECT {
            let authority = Authority::parse(text)?;
            // RFC 9110 §9.3.6: there is no default port; it has to be written.
            if authority.port().is_none() {
                return Err(HttpError::Target("CONNECT needs a port"));
            }
            return Ok(Self::Authority(authority));
        }
        if text == "*" {
            let right = *method == Method::OPTIONS;
            return if right { Ok(Self::Asterisk) } else { Err(HttpError::Target("`*` is for OPTIONS only")) };
        }
        if text.starts_with('/') {
            return Ok(Self::Origin(text.to_owned()));
        }
        absolute(text)
    }

    /// Path and query; `None` for CONNECT, `*` for the asterisk form.
    #[must_use]
    pub fn origin_form(&self) -> Option<&str> {
        match self {
            Self::Origin(path) | Self::Absolute { origin_form: path, .. } => Some(path),
            Self::Asterisk => Some("*"),
            Self::Authority(_) => None,
        }
    }

    /// The authority that the target itself names.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        match self {
            Self::Absolute { authority, .. } | Self::Authority(authority) => Some(authority),
            Self::Origin(_) | Self::Asterisk => None,
        }
    }
}

fn absolute(text: &str) -> Result<Target, HttpError> {
    let (scheme, rest) = text.split_once("://").ok_or(HttpError::Target("it is in none of the four forms"))?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err(HttpError::Target("its scheme is neither http nor https")),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = Authority::parse(authority)?;
    let origin_form = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(Target::Absolute { secure, authority, origin_form })
}

/// Whether a segment, up to its parameters, is one or two dots in whatever spelling.
fn is_dots(segment: &str) -> bool {
    matches!(name(segment).to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// A segment without its parameters, whether their `;` is escaped or not.
fn name(segment: &str) -> &str {
    let escaped = segment.as_bytes().windows(3).position(|window| window.eq_ignore_ascii_case(b"%3b"));
    let end = [segment.find(';'), escaped].into_iter().flatten().min();
    end.and_then(|end| segment.get(..end)).unwrap_or(segment)
}

fn check_segment(segment: &str) -> Result<(), PathFault> {
    let mut octets = segment.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'%' => check_escape(escaped(&mut octets).ok_or(PathFault::BrokenEscape)?, &octets)?,
            b'\\' => return Err(PathFault::Backslash),
            0..=0x1f | 0x7f => return Err(PathFault::Control),
            b' ' | b'"' | b'#' | b'<' | b'>' | b'`' | b'{' | b'}' | 0x80.. => {
                return Err(PathFault::Unescaped);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Judges one decoded octet; `rest` is what follows its escape.
fn check_escape(decoded: u8, rest: &std::str::Bytes<'_>) -> Result<(), PathFault> {
    match decoded {
        b'/' => Err(PathFault::EscapedSlash),
        b'\\' => Err(PathFault::Backslash),
        0..=0x1f | 0x7f => Err(PathFault::Control),
        b'-' | b'.' | b'_' | b'~' => Err(PathFault::NeedlessEscape),
        _ if decoded.is_ascii_alphanumeric() => Err(PathFault::NeedlessEscape),
        // `%25` is a percent sign; with what follows it may be an escape again.
        b'%' => match escaped(&mut rest.clone()) {
            Some(again) if again == b'%' || check_escape(again, rest).is_err() => Err(PathFault::EscapedTwice),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The octet that the next two hexadecimal digits stand for.
fn escaped(octets: &mut std::str::Bytes<'_>) -> Option<u8> {
    let high = char::from(octets.next()?).to_digit(16)?;
    let low = char::from(octets.next()?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets_have_four_forms() {
        let host = |text: &str| Authority::parse(text).unwrap();
        let table = [
            (Method::GET, "/a?b", Target::Origin("/a?b".into())),
            (Method::OPTIONS, "*", Target::Asterisk),
            (Method::CONNECT, "a.example:443", Target::Authority(host("a.example:443"))),
            (
                Method::GET,
                "HTTP://A.example:80/x?y",
                Target::Absolute { secure: false, authority: host("a.example:80"), origin_form: "/x?y".into() },
            ),
            (
                Method::GET,
                "https://a.example",
                Target::Absolute { secure: true, authority: host("a.example"), origin_form: "/".into() },
            ),
            (
                Method::GET,
                "http://a.example?q=/",
                Target::Absolute { secure: false, authority: host("a.example"), origin_form: "/?q=/".into() },
            ),
        ];
        for (method, text, target) in table {
            assert_eq!(Target::parse(&method, text), Ok(target), "{text}");
        }
    }

    #[test]
    fn other_targets_are_refused() {
        let table = [
            (Method::GET, "*", HttpError::Target("`*` is for OPTIONS only")),
            (Method::GET, "", HttpError::Target("it is in none of the four forms")),
            (Method::GET, "a.example:443", HttpError::Target("it is in none of the four forms")),
            (Method::GET, "a/b", HttpError::Target("it is in none of the four forms")),
            (Method::GET, "ftp://a/", HttpError::Target("its scheme is neither http nor https")),
            (Method::GET, "http://", HttpError::Host("it is empty")),
            (Method::GET, "http:///x", HttpError::Host("it is empty")),
            (Method::GET, "http://u@a/", HttpError::Host("it holds a user name")),
            (Method::GET, "http://a\\@b/", HttpError::Host("it holds a user name")),
            (Method::GET, "http://a\\b/", HttpError::Host("a character that no host name has")),
            (Method::GET, "/a#b", HttpError::Target("a character that must be escaped")),
            (Method::GET, "/\u{e4}", HttpError::Target("a character that must be escaped")),
            (Method::GET, "/\0", HttpError::Target("a character that must be escaped")),
            (Method::CONNECT, "a.example", HttpError::Target("CONNECT needs a port")),
            (Method::CONNECT, "/", HttpError::Host("a character that no host name has")),
            (Method::CONNECT, "http://a:1/", HttpError::Host("not a port")),
        ];
        for (method, text, error) in table {
            assert_eq!(Target::parse(&method, text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_target_panics(text in "\\PC{0,40}") {
            let judged = Target::parse(&Method::GET, &text);
            prop_assert_eq!(judged.is_ok(), judged.is_ok_and(|target| target.origin_form().is_some()));
        }
    }
}
