//! A decision: yes or no, and why.

use std::borrow::Cow;
use std::fmt;

use gatepost_model::event::Event;

/// Yes or no, with the reason. The reason holds no secret and fits on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at decides nothing"]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// Why, as a clause without a full stop.
    pub reason: Cow<'static, str>,
}

impl Decision {
    /// A yes.
    pub fn allow(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { allowed: true, reason: reason.into() }
    }

    /// A no.
    pub fn deny(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { allowed: false, reason: reason.into() }
    }

    /// The event that tells of it. `subject` names what was decided about, such as `credential`.
    #[must_use]
    pub fn into_event(self, subject: &'static str) -> Event {
        Event::Decided { subject, allowed: self.allowed, reason: self.reason.into_owned() }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.allowed { "allowed" } else { "denied" }, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_says_why() {
        let no = Decision::deny("the moon is full");
        assert_eq!(no.to_string(), "denied: the moon is full");
        let event = no.into_event("walk");
        assert_eq!(event, Event::Decided { subject: "walk", allowed: false, reason: "the moon is full".into() });
        assert_eq!(Decision::allow("noon").to_string(), "allowed: noon");
    }
}
