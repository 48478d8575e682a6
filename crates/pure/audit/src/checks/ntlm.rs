//! NTLM, whose proofs can be guessed against and relayed.

use crate::check::{Check, Finding, Severity};
use crate::facts::Facts;

/// The NTLM scheme is on offer.
#[derive(Debug)]
pub(super) struct Ntlm;

impl Check for Ntlm {
    fn id(&self) -> &'static str {
        "ntlm-legacy"
    }

    fn title(&self) -> &'static str {
        "NTLM is on offer"
    }

    fn why(&self) -> &'static str {
        "Its cryptography is MD4, MD5 and RC4, a proof can be guessed against and, where channel bindings are not \
         required, relayed; and the hash that the server keeps is as good as the password."
    }

    fn remedy(&self) -> &'static str {
        "offer Negotiate with Kerberos; until the last client has moved, require channel bindings"
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn reference(&self) -> &'static str {
        "CWE-327"
    }

    fn can_tell(&self, facts: &Facts) -> bool {
        facts.schemes.is_some()
    }

    fn examine(&self, facts: &Facts) -> Vec<Finding> {
        if !facts.schemes.iter().flatten().any(|scheme| scheme.eq_ignore_ascii_case("NTLM")) {
            return Vec::new();
        }
        vec![Finding::of(self, format!("{} offers NTLM", facts.url.origin()))]
    }
}
