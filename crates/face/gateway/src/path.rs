//! Paths that two readers could read differently are refused, so that the path that was decided on
//! is, octet for octet, the path that is forwarded.

/// Why a path is ambiguous, as the end of the sentence "the path …"; `None` if it is not.
///
/// A dot segment in any spelling, an encoded separator, a backslash, an empty segment, a NUL or a
/// broken percent-encoding may be resolved, or not, by what stands behind us (RFC 3986 §6.2.2).
#[must_use]
pub fn ambiguity(path: &str) -> Option<&'static str> {
    let Some(rest) = path.strip_prefix('/') else {
        return Some("does not start with a slash");
    };
    if path.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
        return Some("holds a backslash, a space or a control character");
    }
    if path.contains(['?', '#']) {
        return Some("holds a `?` or `#`");
    }
    let segments: Vec<&str> = rest.split('/').collect();
    let (_, inner) = segments.split_last()?;
    if inner.iter().any(|segment| segment.is_empty()) {
        return Some("holds an empty segment");
    }
    segments.iter().find_map(|segment| segment_ambiguity(segment))
}

fn segment_ambiguity(segment: &str) -> Option<&'static str> {
    let Some(decoded) = decode(segment) else {
        return Some("holds a percent sign without two hexadecimal digits");
    };
    if decoded.iter().any(|b| matches!(b, b'/' | b'\\' | 0)) {
        return Some("holds an encoded separator or NUL");
    }
    // `..;x` is a dot segment to servers that take path parameters away first.
    let bare = decoded.split(|b| *b == b';').next().unwrap_or_default();
    matches!(bare, b"." | b"..").then_some("holds a dot segment")
}

/// Percent-decodes once (RFC 3986 §2.1).
fn decode(segment: &str) -> Option<Vec<u8>> {
    let mut octets = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            decoded.push(octet);
            continue;
        }
        let mut digit = || char::from(octets.next()?).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (high, low) = (digit()?, digit()?);
        decoded.push(high * 16 + low);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_pass_and_ambiguous_ones_do_not() {
        for path in ["/", "/a", "/a/", "/a/b.c", "/a..b", "/...", "/%41", "/a;b=c", "/caf%C3%A9", "/a%20b"] {
            assert_eq!(ambiguity(path), None, "{path}");
        }
        let refused = [
            "", "a", "//", "//a", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/a/..", "/%2e%2E/b", "/.%2e", "/a%2fb",
            "/a%5Cb", "/a\\b", "/..;/b", "/..;x=1/b", "/.;/b", "/%", "/%4", "/%zz", "/a%00", "/a b", "/a\tb", "/a?b", "/a#b",
        ];
        for path in refused {
            assert!(ambiguity(path).is_some(), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_passes_has_no_dot_segment_once_decoded(path in "/[.%2eEfF5cC/;a]{0,12}") {
            if ambiguity(&path).is_none() {
                let decoded = decode(&path).unwrap();
                let text = String::from_utf8_lossy(&decoded).into_owned();
                proptest::prop_assert!(text.split('/').all(|segment| segment != "." && segment != ".."));
            }
        }
    }
}
