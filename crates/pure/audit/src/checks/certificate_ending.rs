//! A certificate that ends soon.

use std::time::Duration;

use crate::check::{Check, Finding, Severity};
use crate::facts::Facts;

/// "Soon": time enough for a person to act, and after the point at which automatic renewal of a
/// 90-day certificate is usual.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// The certificate ends within 14 days.
#[derive(Debug)]
pub(super) struct CertificateEnding;

impl Check for CertificateEnding {
    fn id(&self) -> &'static str {
        "certificate-ending"
    }

    fn title(&self) -> &'static str {
        "The certificate ends within 14 days"
    }

    fn why(&self) -> &'static str {
        "When it ends, every client refuses the connection at once."
    }

    fn remedy(&self) -> &'static str {
        "renew the certificate now, and find out why that did not happen by itself"
    }

    fn severity(&self) -> Severity {
        Severity::Medium
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
        // Past the end it is another check's finding.
        let ending = facts.seen <= certificate.not_after && certificate.not_after < facts.seen + SOON;
        if !ending {
            return Vec::new();
        }
        vec![Finding::of(self, format!("it ends at {}", certificate.not_after))]
    }
}
