//! WSSE, which needs the password itself on the server.

use crate::check::{Check, Finding, Severity};
use crate::facts::Facts;

/// The WSSE scheme is on offer.
#[derive(Debug)]
pub(super) struct Wsse;

impl Check for Wsse {
    fn id(&self) -> &'static str {
        "wsse-legacy"
    }

    fn title(&self) -> &'static str {
        "WSSE is on offer"
    }

    fn why(&self) -> &'static str {
        "The server must hold each password in a form that can be read back, and the digest protects neither body \
         nor answer."
    }

    fn remedy(&self) -> &'static str {
        "keep WSSE for the clients that speak nothing else, and move the others to Bearer"
    }

    fn severity(&self) -> Severity {
        Severity::Low
    }

    fn reference(&self) -> &'static str {
        "CWE-257"
    }

    fn can_tell(&self, facts: &Facts) -> bool {
        facts.schemes.is_some()
    }

    fn examine(&self, facts: &Facts) -> Vec<Finding> {
        if !facts.schemes.iter().flatten().any(|scheme| scheme.eq_ignore_ascii_case("WSSE")) {
            return Vec::new();
        }
        vec![Finding::of(self, format!("{} offers WSSE", facts.url.origin()))]
    }
}
