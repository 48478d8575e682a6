//! A rule that names hosts: one host or all below a domain, at one port or any.

use std::fmt;
use std::str::FromStr;

use gatepost_model::url::{Origin, Url};

use crate::error::PolicyError;

/// `host`, `host:port`, `*.domain`, `*.domain:port`, an IPv4 address, or an IPv6 address in brackets.
///
/// Without a port it holds for every port. `*.domain` holds for names below the domain, at any
/// depth, and not for the domain itself.
///
/// ```
/// use gatepost_model::url::Url;
/// use gatepost_policy::hosts::HostRule;
///
/// let rule: HostRule = "*.example.com:8080".parse()?;
/// assert!(rule.names(&Url::parse("http://a.example.com:8080/")?.origin()));
/// assert!(!rule.names(&Url::parse("http://example.com:8080/")?.origin()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostRule {
    below: bool,
    host: String,
    port: Option<u16>,
}

impl HostRule {
    /// The rule for exactly this origin's host and port.
    #[must_use]
    pub fn of(origin: &Origin) -> Self {
        Self { below: false, host: origin.host().to_owned(), port: Some(origin.port()) }
    }

    /// Whether the rule holds for this origin's host and port.
    #[must_use]
    pub fn names(&self, origin: &Origin) -> bool {
        self.port.is_none_or(|port| port == origin.port()) && self.names_host(origin.host())
    }

    fn names_host(&self, host: &str) -> bool {
        if !self.below {
            return host == self.host;
        }
        // The dot belongs to the comparison: `evilexample.com` is not below `example.com`.
        host.strip_suffix(self.host.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }
}

impl FromStr for HostRule {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let wrong = || PolicyError::Host(text.to_owned());
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains(['/', '?', '#', '@', '*', '%', '\\']) || rest.contains(char::is_whitespace) {
            return Err(wrong());
        }
        // A colon outside the brackets starts the port.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        let port = match port {
            Some(port) if digits(port) => Some(port.parse().map_err(|_| wrong())?),
            Some(_) => return Err(wrong()),
            None => None,
        };
        // The host of a rule is spelled as the host of a URL is, so that the two compare.
        let host = Url::parse(&format!("http://{host}/")).map_err(|_| wrong())?.origin().host().to_owned();
        if below && (host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()) {
            return Err(wrong());
        }
        Ok(Self { below, host, port })
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Whether any of the rules names this origin.
#[must_use]
pub fn any_names(rules: &[HostRule], origin: &Origin) -> bool {
    rules.iter().any(|rule| rule.names(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_hosts() {
        let table = [
            ("example.com", "http://example.com/", true),
            ("Example.COM", "http://example.com:8080/", true),
            ("example.com:80", "http://example.com/", true),
            ("example.com:80", "http://example.com:81/", false),
            ("example.com", "http://a.example.com/", false),
            ("*.example.com", "http://a.example.com/", true),
            ("*.example.com", "http://b.a.example.com/", true),
            ("*.example.com", "http://example.com/", false),
            ("*.example.com", "http://evilexample.com/", false),
            ("*.example.com", "http://example.com.evil/", false),
            ("127.0.0.1", "http://127.0.0.1:9/", true),
            ("127.0.0.1:9", "http://127.0.0.1:9/", true),
            ("127.0.0.1", "http://localhost/", false),
            ("[::1]", "http://[::1]:9/", true),
            ("[::1]:9", "http://[::1]:9/", true),
            ("[0:0::1]:9", "http://[::1]:8/", false),
        ];
        for (rule, url, named) in table {
            let origin = Url::parse(url).unwrap().origin();
            assert_eq!(rule.parse::<HostRule>().unwrap().names(&origin), named, "{rule} {url}");
        }
    }

    #[test]
    fn rules_that_cannot_be_meant() {
        let table =
            ["", "*", "*.", "*.*.com", "a b", "http://a", "a/b", "a:x", "a:+8", "a:70000", "u@a", "*.127.0.0.1", "::1"];
        for text in table {
            assert_eq!(text.parse::<HostRule>(), Err(PolicyError::Host(text.into())), "{text}");
        }
    }

    #[test]
    fn the_rule_of_an_origin_names_it_only() {
        let origin = Url::parse("http://a.com:8080/").unwrap().origin();
        let rule = HostRule::of(&origin);
        assert_eq!(rule.to_string(), "a.com:8080");
        assert!(any_names(std::slice::from_ref(&rule), &origin));
        assert!(!any_names(&[rule], &Url::parse("http://a.com/").unwrap().origin()));
        assert!(!any_names(&[], &origin));
    }

    proptest::proptest! {
        #[test]
        fn print_then_parse_is_the_same(text in "(\\*\\.)?[a-zA-Z][a-z0-9.-]{0,12}(:[0-9]{1,5})?") {
            if let Ok(rule) = text.parse::<HostRule>() {
                proptest::prop_assert_eq!(rule.to_string().parse::<HostRule>(), Ok(rule));
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            let _ = text.parse::<HostRule>();
        }
    }
}
