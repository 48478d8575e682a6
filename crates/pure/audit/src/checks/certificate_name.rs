//! A certificate for somebody else.

use std::net::IpAddr;

use crate::check::{Check, Finding, Severity};
use crate::facts::Facts;

/// None of the certificate's names is the host that was asked for.
#[derive(Debug)]
pub(super) struct CertificateName;

impl Check for CertificateName {
    fn id(&self) -> &'static str {
        "certificate-name"
    }

    fn title(&self) -> &'static str {
        "The certificate is for another name"
    }

    fn why(&self) -> &'static str {
        "A client cannot tell this server from anyone else who holds some certificate."
    }

    fn remedy(&self) -> &'static str {
        "bind a certificate whose subjectAltName holds this host"
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn reference(&self) -> &'static str {
        "RFC 9525 §6.3"
    }

    fn can_tell(&self, facts: &Facts) -> bool {
        facts.certificate.is_some()
    }

    fn examine(&self, facts: &Facts) -> Vec<Finding> {
        let Some(certificate) = &facts.certificate else {
            return Vec::new();
        };
        let origin = facts.url.origin();
        if certificate.names.iter().any(|name| is_for(name, origin.host())) {
            return Vec::new();
        }
        let names = if certificate.names.is_empty() { "nobody".into() } else { certificate.names.join(", ") };
        vec![Finding::of(self, format!("{} was asked for, the certificate is for {names}", origin.host()))]
    }
}

/// Whether a certificate's name is this host. A wildcard is a whole leftmost label and stands for
/// exactly one; it never stands for an address.
fn is_for(name: &str, host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return name.parse() == Ok(address);
    }
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((_, rest))) => parent.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_by_label() {
        let table = [
            ("a.com", "a.com", true),
            ("A.com", "a.com", true),
            ("a.com", "b.a.com", false),
            ("*.a.com", "b.a.com", true),
            ("*.a.com", "c.b.a.com", false),
            ("*.a.com", "a.com", false),
            ("b*.a.com", "bx.a.com", false),
            ("*", "localhost", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("*.0.0.1", "127.0.0.1", false),
            ("0:0:0:0:0:0:0:1", "[::1]", true),
            ("::2", "[::1]", false),
        ];
        for (name, host, same) in table {
            assert_eq!(is_for(name, host), same, "{name} {host}");
        }
    }
}
