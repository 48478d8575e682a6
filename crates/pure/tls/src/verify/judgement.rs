//! What was found about a chain: every flaw with its words, and the path that was judged.

use std::fmt;

use gatepost_model::time::Timestamp;

use super::flaw::{Flaw, Flaws, Severity};

/// One flaw, with what a person needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is wrong.
    pub flaw: Flaw,
    /// In words: whose certificate, since when, which names.
    pub detail: String,
}

/// All that was found about a chain. There is one for every chain that was looked at, also where the
/// connection failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// What is wrong, in the order of [`Flaw::ALL`], each flaw once. Empty if nothing is.
    pub found: Vec<Found>,
    /// The certificates as they came, the end's own first, as DER.
    pub chain: Vec<Vec<u8>>,
    /// The certificates from the end's own to the root, as DER. Where no path to a trusted root was found, it goes
    /// as far as the issuers are known.
    pub path: Vec<Vec<u8>>,
    /// Whether each certificate of the path is signed by the next. Otherwise it follows names only, which anybody can
    /// write into a certificate.
    pub is_proven: bool,
    /// Whether no pin of the endpoint is in the path. With pins that only report, it is no flaw.
    pub pins_missed: bool,
    /// Until when the stapled word of its authority counts that it was not revoked; `None` where none came, or none that
    /// counts.
    pub stapled: Option<Timestamp>,
}

impl Judgement {
    /// The flaws as a set.
    #[must_use]
    pub fn flaws(&self) -> Flaws {
        self.found.iter().map(|found| found.flaw).collect()
    }

    /// How bad it is altogether.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.flaws().severity()
    }

    /// The gravest flaw; of several, the one to begin with.
    #[must_use]
    pub fn gravest(&self) -> Option<Flaw> {
        let flaws = self.found.iter().map(|found| found.flaw);
        flaws.max_by_key(|flaw| (flaw.severity(), std::cmp::Reverse(*flaw)))
    }

    /// Whether the connection may go on when these are ignored. What is fatal is not ignored, whatever `ignored` says.
    #[must_use]
    pub fn allows(&self, ignored: Flaws) -> bool {
        self.flaws().is_within(ignored.ignorable())
    }

    /// Notes a flaw; the first words about it stay.
    pub(crate) fn note(&mut self, flaw: Flaw, detail: impl Into<String>) {
        if self.flaws().contains(flaw) {
            return;
        }
        let at = self.found.partition_point(|found| found.flaw < flaw);
        self.found.insert(at, Found { flaw, detail: detail.into() });
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details: Vec<&str> = self.found.iter().map(|found| found.detail.as_str()).collect();
        f.write_str(if details.is_empty() { "nothing is wrong".to_owned() } else { details.join("; ") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flaws_are_noted_once_and_in_order() {
        let mut judgement = Judgement::default();
        assert_eq!((judgement.severity(), judgement.to_string()), (Severity::None, "nothing is wrong".into()));
        judgement.note(Flaw::WrongName, "not for a.test");
        judgement.note(Flaw::Expired, "over");
        judgement.note(Flaw::Expired, "over as well");
        assert_eq!(judgement.to_string(), "over; not for a.test");
        assert!(judgement.allows([Flaw::Expired, Flaw::WrongName].into_iter().collect()));
        assert!(!judgement.allows(Flaw::Expired.into()));
        judgement.note(Flaw::Revoked, "revoked");
        assert!(!judgement.allows(Flaw::ALL.into_iter().collect()), "what is fatal stays");
    }
}
