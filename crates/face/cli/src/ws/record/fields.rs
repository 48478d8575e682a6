//! The fields of a handshake as they are written down, in recordings and in `--json`: every name, and every value that
//! cannot be a secret. In place of the others stands a mask.

use gatepost::policy::redirects::BOUND_TO_ORIGIN;

/// What stands in place of a value.
const MASK: &str = "****";

/// The fields of a request whose values are known to hold no secret. `Sec-WebSocket-Protocol` is not among them: for
/// want of another field, pages put tokens into it.
const HARMLESS: [&str; 15] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-type",
    "host",
    "origin",
    "pragma",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "upgrade",
    "user-agent",
];

/// The fields of a request. Services give their keys whatever name they like, so any that is not known is masked.
pub(crate) fn asked(all: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    all.iter().map(|(name, value)| written(name, value, is_one_of(&HARMLESS, name)))
}

/// The fields of an answer. What a server gives out as a secret has a name that is known.
pub(crate) fn answered(all: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    let is_secret = |name: &str| is_one_of(&["set-cookie", "set-cookie2"], name) || is_one_of(BOUND_TO_ORIGIN, name);
    all.iter().map(move |(name, value)| written(name, value, !is_secret(name)))
}

fn is_one_of(known: &[&str], name: &str) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn written<'a>(name: &'a str, value: &'a str, is_harmless: bool) -> (&'a str, &'a str) {
    (name, if is_harmless { value } else { MASK })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_and_secrets_are_not() {
        let table = [
            ("Authorization", false, false),
            ("COOKIE", false, false),
            ("X-Api-Key", false, false),
            ("Sec-WebSocket-Protocol", false, true),
            ("X-Our-Own", false, true),
            ("Acceptable", false, true),
            ("Set-Cookie", false, false),
            ("Accept-Language", true, true),
            ("User-Agent", true, true),
        ];
        for (name, is_written_of_request, is_written_of_answer) in table {
            let all = [(name.to_owned(), "x".to_owned())];
            let expected = |is_written: bool| [(name, if is_written { "x" } else { "****" })];
            assert!(asked(&all).eq(expected(is_written_of_request)), "{name} of a request");
            assert!(answered(&all).eq(expected(is_written_of_answer)), "{name} of an answer");
        }
    }
}
