//! Ambiguous paths: each is named, and what passes is read in one way only.

use gatepost_http::error::HttpError;
use gatepost_http::target::PathFault::{self, *};
use gatepost_http::target::check_path;
use proptest::prelude::*;

#[test]
fn plain_paths_pass() {
    let table = [
        "/",
        "/a",
        "/a/",
        "/a/b.c",
        "/.well-known/x",
        "/...",
        "/..a",
        "/a..",
        "/a;v=1/b",
        "/;x",
        "/a%20b",
        "/a%3Bb",
        "/%E2%82%AC",
        "/100%25",
        "/a%25zz",
        "/a%2520b",
        "/@:!$&'()*+,;=~-_",
        "/[x]",
        "/a|b^c",
        "/?",
        "/a?b=../../%2e%2e//\\%00",
    ];
    for path in table {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
}

#[test]
fn ambiguous_paths_are_named() {
    for (path, fault) in AMBIGUOUS {
        assert_eq!(check_path(path), Err(*fault), "{path:?}");
        assert_eq!(HttpError::from(*fault).to_string(), format!("ambiguous path: {fault}"));
    }
}

proptest! {
    #[test]
    fn a_checked_path_is_a_fixed_point_of_resolution(path in "(/[a-c.;%2e5f\\\\]{0,5}){1,4}") {
        if check_path(&path).is_ok() {
            // A URL parser of another house (WHATWG rules) neither merges nor resolves anything.
            let resolved = gatepost_model::url::Url::parse(&format!("http://a{path}")).unwrap();
            prop_assert_eq!(resolved.path(), path);
        }
    }

    #[test]
    fn no_path_panics(path in "\\PC{0,40}") {
        prop_assert!(check_path(&path).is_err() || path.starts_with('/'));
    }
}

const AMBIGUOUS: &[(&str, PathFault)] = &[
    ("", NotAbsolute),
    ("?", NotAbsolute),
    ("a", NotAbsolute),
    ("*", NotAbsolute),
    ("\\a", NotAbsolute),
    ("%2fa", NotAbsolute),
    ("http://a/", NotAbsolute),
    ("//", EmptySegment),
    ("//a", EmptySegment),
    ("/a//b", EmptySegment),
    ("/a//", EmptySegment),
    ("/;/a", EmptySegment),
    ("/;x=1/a", EmptySegment),
    ("/a/%3bx/b", EmptySegment),
    ("/%3B/", EmptySegment),
    ("/.", DotSegment),
    ("/..", DotSegment),
    ("/./a", DotSegment),
    ("/../a", DotSegment),
    ("/a/..", DotSegment),
    ("/a/../b", DotSegment),
    ("/a/..?x", DotSegment),
    ("/a/..;/b", DotSegment),
    ("/a/..;x=1/b", DotSegment),
    ("/a/.;/b", DotSegment),
    ("/a/..%3b/b", DotSegment),
    ("/a/..%3Bx/b", DotSegment),
    ("/a/%2e/b", DotSegment),
    ("/a/%2e%2e/b", DotSegment),
    ("/a/%2E%2e/b", DotSegment),
    ("/a/.%2e/b", DotSegment),
    ("/a/%2e./b", DotSegment),
    ("/a/%2e%2e;/b", DotSegment),
    ("/a/%2e%2e%3b/b", DotSegment),
    ("/a%2ejpg", NeedlessEscape),
    ("/%61dmin", NeedlessEscape),
    ("/a%2Db", NeedlessEscape),
    ("/a%5Fb", NeedlessEscape),
    ("/%7euser", NeedlessEscape),
    ("/a%30", NeedlessEscape),
    ("/a%2fb", EscapedSlash),
    ("/a%2Fb", EscapedSlash),
    ("/..%2fb", EscapedSlash),
    ("/a\\b", Backslash),
    ("/..\\b", Backslash),
    ("/a%5cb", Backslash),
    ("/a%5Cb", Backslash),
    ("/%252e%252e/b", EscapedTwice),
    ("/a%252fb", EscapedTwice),
    ("/a%255cb", EscapedTwice),
    ("/a%2500", EscapedTwice),
    ("/a%252561", EscapedTwice),
    ("/%2561dmin", EscapedTwice),
    ("/a%00", Control),
    ("/a%0d%0ab", Control),
    ("/a%7f", Control),
    ("/a\0b", Control),
    ("/a\tb", Control),
    ("/a\r\nb", Control),
    ("/a%", BrokenEscape),
    ("/a%2", BrokenEscape),
    ("/a%zz", BrokenEscape),
    ("/a%u002e", BrokenEscape),
    ("/a%+1", BrokenEscape),
    ("/a b", Unescaped),
    ("/a#b", Unescaped),
    ("/<a>", Unescaped),
    ("/\u{fc}", Unescaped),
    ("/\u{ff0e}\u{ff0e}/", Unescaped),
];
