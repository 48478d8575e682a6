//! May we go to this address at all? In the clear only where that was named.

use gatepost_model::url::Url;

use crate::decision::Decision;
use crate::hosts::{HostRule, any_names};

/// Where plain `http` and `ws` may go. The default: nowhere, loopback included, because what
/// listens on a loopback port may be anybody's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportRules {
    /// The hosts that may be reached in the clear.
    pub plain_hosts: Vec<HostRule>,
    /// Whether every host may be reached in the clear.
    pub allow_plain: bool,
}

/// Decides whether a connection to `url` may be made.
pub fn admit(url: &Url, rules: &TransportRules) -> Decision {
    if url.is_secure() {
        return Decision::allow("the connection is protected by TLS");
    }
    if any_names(&rules.plain_hosts, &url.origin()) {
        return Decision::allow("the host was named for connections in the clear");
    }
    if rules.allow_plain {
        return Decision::allow("connections in the clear are allowed to every host");
    }
    Decision::deny(format!("`{}` to {} is in the clear, and the host was not named", url.scheme(), url.origin().host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_goes_only_where_named() {
        let named = TransportRules { plain_hosts: vec!["127.0.0.1:8080".parse().unwrap()], allow_plain: false };
        let open = TransportRules { plain_hosts: Vec::new(), allow_plain: true };
        let closed = TransportRules::default();
        let table = [
            (&closed, "https://a.com/", true),
            (&closed, "wss://a.com/", true),
            (&closed, "http://a.com/", false),
            (&closed, "ws://a.com/", false),
            (&closed, "http://127.0.0.1/", false),
            (&closed, "http://localhost/", false),
            (&closed, "http://[::1]/", false),
            (&named, "http://127.0.0.1:8080/", true),
            (&named, "ws://127.0.0.1:8080/", true),
            (&named, "http://127.0.0.1:8081/", false),
            (&named, "http://a.com/", false),
            (&open, "http://a.com/", true),
        ];
        for (rules, url, allowed) in table {
            assert_eq!(admit(&Url::parse(url).unwrap(), rules).allowed, allowed, "{url} {rules:?}");
        }
    }

    #[test]
    fn the_refusal_names_the_host_and_not_the_query() {
        let no = admit(&Url::parse("ws://a.com/x?token=hunter2").unwrap(), &TransportRules::default());
        assert_eq!(no.to_string(), "denied: `ws` to a.com is in the clear, and the host was not named");
    }
}
