//! Ambiguous paths: each is named, and what passes is read in one way only.

#[path = "../../../../tests/corpus/escape.rs"]
mod escape;

use gatepost_http::error::HttpError;
use gatepost_http::target::PathFault::NotAbsolute;
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
    // Absolute-form is a target, but no path.
    assert_eq!(check_path("http://a/"), Err(NotAbsolute));
    for (name, path) in escape::pairs(include_str!("../../../../tests/corpus/http1/paths.txt")) {
        let path = String::from_utf8(path).unwrap();
        let fault = check_path(&path).unwrap_err();
        assert_eq!(format!("{fault:?}"), name, "{path:?}");
        assert_eq!(HttpError::from(fault).to_string(), format!("ambiguous path: {fault}"));
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
