//! Basic where anyone can read along.

use crate::check::{Check, Finding, Severity};
use crate::facts::Facts;

/// The Basic scheme is on offer over a connection in the clear.
#[derive(Debug)]
pub(super) struct BasicOverPlain;

impl Check for BasicOverPlain {
    fn id(&self) -> &'static str {
        "basic-over-plain"
    }

    fn title(&self) -> &'static str {
        "Basic is on offer in the clear"
    }

    fn why(&self) -> &'static str {
        "Each request carries the password, readable by everyone on the way."
    }

    fn remedy(&self) -> &'static str {
        "serve it over TLS, and answer plain http with nothing that asks for a password"
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn reference(&self) -> &'static str {
        "RFC 7617 §4"
    }

    fn can_tell(&self, facts: &Facts) -> bool {
        facts.schemes.is_some()
    }

    fn examine(&self, facts: &Facts) -> Vec<Finding> {
        let offered = facts.schemes.iter().flatten().any(|scheme| scheme.eq_ignore_ascii_case("Basic"));
        if !offered || facts.url.is_secure() {
            return Vec::new();
        }
        vec![Finding::of(self, format!("{} asks for Basic credentials", facts.url.origin()))]
    }
}
