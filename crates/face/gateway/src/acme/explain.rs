//! What went wrong in a conversation, in our own words.

use std::fmt::Write;

use gatepost::model::event::one_line;
use gatepost::model::url::Url;
use instant_acme::{Error, Problem};

use crate::acme::wire::Seen;
use crate::error::GatewayError;

/// The most characters of an authority's words that are passed on.
const LONGEST: usize = 500;

/// An error of the conversation with the authority of this directory, whose last answer said that.
pub(super) fn explain(error: &Error, directory: &Url, seen: Seen) -> GatewayError {
    let authority = directory.to_string();
    let away = |detail: String| GatewayError::AuthorityAway { authority: authority.clone(), detail, wait: seen.wait };
    match error {
        // RFC 8555 §6.6: whoever limits says so by the kind of the problem; 429 is what others say (RFC 6585 §4).
        Error::Api(problem) if is(problem, "rateLimited") || seen.status == 429 => {
            GatewayError::AuthorityBusy { authority, detail: words(problem), wait: seen.wait }
        }
        Error::Api(problem) if seen.status >= 500 => away(words(problem)),
        Error::Api(problem) => GatewayError::AuthorityRefused { authority, detail: words(problem), wait: seen.wait },
        // The reader of a directory does not look at the status.
        Error::Json(_) if seen.status == 429 => {
            GatewayError::AuthorityBusy { authority, detail: "it does not say why".to_owned(), wait: seen.wait }
        }
        Error::Json(_) if seen.status >= 300 => away(format!("it answered {}", seen.status)),
        Error::Json(_) => away("it does not speak ACME (RFC 8555), or breaks off".to_owned()),
        other => away(short(&other.to_string())),
    }
}

/// Whether a problem is of this kind (RFC 8555 §6.7).
pub(super) fn is(problem: &Problem, kind: &str) -> bool {
    let named = problem.r#type.as_deref().and_then(|named| named.strip_prefix("urn:ietf:params:acme:error:"));
    named == Some(kind)
}

/// An authority's own words, fit for one line and not endless.
pub(super) fn words(problem: &Problem) -> String {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let mut said = problem.detail.clone().unwrap_or_else(|| "it does not say why".to_owned());
    for sub in problem.subproblems.iter().take(5) {
        if let Some(detail) = &sub.detail {
            let name = sub.identifier.as_ref().map(|name| format!(" {}:", name.authorized(false))).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(said, ";{name} {detail}");
        }
    }
    let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
    let kind = if kind.is_empty() { String::new() } else { format!(" ({kind})") };
    short(&format!("{said}{kind}"))
}

/// Text of the authority, fit for one line and not endless.
pub(super) fn short(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn problem(text: &str) -> Problem {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn who_is_at_fault_and_when_to_come_again() {
        let directory = Url::parse("https://ca.test/dir").unwrap();
        let authority = || "https://ca.test/dir".to_owned();
        let wait = Some(Duration::from_secs(60));
        let limited = problem(r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#);
        let plain = problem(r#"{"detail":"it answered 429"}"#);
        let refused = problem(r#"{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no\nway"}"#);
        let seen = |status| Seen { status, wait };
        let detail = |detail: &str| detail.to_owned();
        let table = [
            (
                limited,
                403,
                GatewayError::AuthorityBusy { authority: authority(), detail: detail("too many (rateLimited)"), wait },
            ),
            (
                plain.clone(),
                429,
                GatewayError::AuthorityBusy { authority: authority(), detail: detail("it answered 429"), wait },
            ),
            (
                plain,
                503,
                GatewayError::AuthorityAway { authority: authority(), detail: detail("it answered 429"), wait },
            ),
            (
                refused,
                403,
                GatewayError::AuthorityRefused {
                    authority: authority(),
                    detail: detail("no\\u{a}way (rejectedIdentifier)"),
                    wait,
                },
            ),
        ];
        for (problem, status, expected) in table {
            assert_eq!(explain(&Error::Api(problem), &directory, seen(status)), expected);
        }
        let error = explain(&Error::Str("x"), &directory, Seen::default());
        assert_eq!(
            error,
            GatewayError::AuthorityAway { authority: authority(), detail: detail("missing data: x"), wait: None }
        );
    }

    #[test]
    fn words_are_bounded_and_name_the_name() {
        let long = problem(&format!(r#"{{"detail":"{}"}}"#, "a".repeat(5000)));
        assert_eq!(words(&long).chars().count(), LONGEST + 1);
        let many = problem(
            r#"{"type":"urn:ietf:params:acme:error:compound","detail":"two","subproblems":[
               {"type":"x","detail":"bad name","identifier":{"type":"dns","value":"a.test"}}, {"detail":"more"}]}"#,
        );
        assert_eq!(words(&many), "two; a.test: bad name; more (compound)");
        assert_eq!(words(&problem("{}")), "it does not say why");
    }
}
