//! Protections that somebody switched off.

use gatepost_model::event::one_line;

use crate::check::{Check, Finding, Severity};
use crate::facts::Facts;

/// A switch of the `[danger]` section is on; one finding each.
#[derive(Debug)]
pub(super) struct Danger;

impl Check for Danger {
    fn id(&self) -> &'static str {
        "danger"
    }

    fn title(&self) -> &'static str {
        "A protection is switched off"
    }

    fn why(&self) -> &'static str {
        "Such a switch is made for a test set-up and tends to outlive it."
    }

    fn remedy(&self) -> &'static str {
        "take the switch out of the `[danger]` section"
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn reference(&self) -> &'static str {
        "CWE-1188"
    }

    fn can_tell(&self, facts: &Facts) -> bool {
        facts.dangers.is_some()
    }

    fn examine(&self, facts: &Facts) -> Vec<Finding> {
        let finding = |key: &String| Finding::of(self, format!("`{}` is on", one_line(key)));
        facts.dangers.iter().flatten().map(finding).collect()
    }
}
