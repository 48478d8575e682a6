//! A certificate that is not good now.

use crate::check::{Check, Finding, Severity};
use crate::facts::Facts;

/// The certificate has ended, or has not begun.
#[derive(Debug)]
pub(super) struct CertificateTime;

impl Check for CertificateTime {
    fn id(&self) -> &'static str {
        "certificate-time"
    }

    fn title(&self) -> &'static str {
        "The certificate is not valid now"
    }

    fn why(&self) -> &'static str {
        "Clients refuse the connection, and people who switch the refusal off stop noticing real attacks."
    }

    fn remedy(&self) -> &'static str {
        "renew the certificate and bind the new one; if it is not valid yet, look at both clocks"
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn reference(&self) -> &'static str {
        "RFC 5280 §4.1.2.5"
    }

    fn can_tell(&self, facts: &Facts) -> bool {
        facts.certificate.is_some()
    }

    fn examine(&self, facts: &Facts) -> Vec<Finding> {
        let Some(certificate) = &facts.certificate else {
            return Vec::new();
        };
        // Both ends of the validity period are inside it.
        if facts.seen > certificate.not_after {
            return vec![Finding::of(self, format!("it ended at {}", certificate.not_after))];
        }
        if facts.seen < certificate.not_before {
            return vec![Finding::of(self, format!("it begins at {}", certificate.not_before))];
        }
        Vec::new()
    }
}
