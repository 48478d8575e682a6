//! Who a client is, of what its certificate says: rules in their order, the first that fits gives the name.
//!
//! A rule never guesses. Where two readers could understand a certificate differently (two common names, a NUL, several
//! values and no table), nobody is recognised, and no later rule is asked.

use std::collections::BTreeMap;

use gatepost_model::presented::{Presented, Value};

/// Where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The whole subject, as RFC 4514 writes it.
    Subject,
    /// The common name in it.
    CommonName,
    /// A DNS name among the alternative names; compared in lower case.
    Dns,
    /// A mail address among them; what follows the `@` is compared in lower case.
    Email,
    /// A URI among them, such as a SPIFFE identity.
    Uri,
    /// A user principal name among them.
    Upn,
    /// The serial number in hexadecimal, a colon, and the issuer as RFC 4514 writes it.
    Serial,
    /// The SHA-256 of the certificate in hexadecimal.
    Fingerprint,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where it looks.
    pub part: Part,
    /// What it makes of what it finds.
    pub naming: Naming,
}

/// How a rule comes to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// By a table: exactly these values, and the user that each stands for.
    Table(BTreeMap<String, String>),
    /// The one value that there is, behind this prefix. A prefix keeps the names of one part apart from those of another
    /// and from other users': `cn:` in front of a common name, so that nobody becomes a mail address by bearing one as
    /// a common name.
    Prefixed(String),
}

/// Why a certificate is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nobody {
    /// No rule takes it. Who it could have been, for the eyes of the operator.
    NoRule(String),
    /// A rule would have to guess.
    Ambiguous(String),
}

impl Part {
    /// All, with their names in a configuration.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Subject, "subject"),
        (Self::CommonName, "common-name"),
        (Self::Dns, "dns"),
        (Self::Email, "email"),
        (Self::Uri, "uri"),
        (Self::Upn, "upn"),
        (Self::Serial, "serial"),
        (Self::Fingerprint, "fingerprint"),
    ];

    /// Its name in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(part, _)| *part == self).map_or("", |(_, name)| name)
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(part, _)| *part)
    }

    /// A value as it is compared.
    #[must_use]
    pub fn plain(self, value: &str) -> String {
        match self {
            Self::Dns => value.to_ascii_lowercase(),
            Self::Email => match value.rsplit_once('@') {
                Some((local, host)) => format!("{local}@{}", host.to_ascii_lowercase()),
                None => value.to_owned(),
            },
            // As tools print it.
            Self::Fingerprint => value.replace(':', "").to_ascii_lowercase(),
            Self::Serial => match value.split_once(':') {
                Some((number, issuer)) => format!("{}:{issuer}", number.to_ascii_lowercase()),
                None => value.to_owned(),
            },
            Self::Subject | Self::CommonName | Self::Uri | Self::Upn => value.to_owned(),
        }
    }

    fn values(self, shown: &Presented) -> Vec<Value> {
        match self {
            Self::Subject => vec![shown.subject.clone()],
            Self::CommonName => shown.common_names.clone(),
            Self::Dns => shown.dns.clone(),
            Self::Email => shown.emails.clone(),
            Self::Uri => shown.uris.clone(),
            Self::Upn => shown.upns.clone(),
            Self::Serial => vec![shown.serial.clone()],
            Self::Fingerprint => vec![Some(shown.fingerprint.clone())],
        }
    }
}

/// The name of whoever has shown this.
///
/// # Errors
/// Why it is nobody's.
pub fn identify(rules: &[Rule], shown: &Presented) -> Result<String, Nobody> {
    for Rule { part, naming } in rules {
        let values = part.values(shown);
        if values.is_empty() {
            continue;
        }
        let ambiguous = |what: &str| Nobody::Ambiguous(format!("its {} {what}", part.name()));
        let Some(values) = values.into_iter().collect::<Option<Vec<String>>>() else {
            // A subject may be empty (RFC 5280 §4.1.2.6): then this rule has nothing to say.
            if *part == Part::Subject && shown.common_names.is_empty() {
                continue;
            }
            return Err(ambiguous("is no text that everybody reads alike"));
        };
        // Alternative names are many by nature; a subject that has two names was made to be misread.
        if *part == Part::CommonName && values.len() > 1 {
            return Err(ambiguous("is there more than once"));
        }
        match naming {
            Naming::Prefixed(prefix) => match values.as_slice() {
                [value] => return Ok(format!("{prefix}{value}")),
                _ => return Err(ambiguous("has several values, and no table says which of them counts")),
            },
            Naming::Table(users) => {
                let mut found: Vec<&String> = values.iter().filter_map(|value| users.get(value)).collect();
                found.dedup();
                match found.as_slice() {
                    [] => {}
                    [user] => return Ok((*user).clone()),
                    _ => return Err(ambiguous("stands for several users")),
                }
            }
        }
    }
    let subject = shown.subject.as_deref().unwrap_or("nobody");
    Err(Nobody::NoRule(format!("no rule knows subject `{subject}`, fingerprint {}", shown.fingerprint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[&str]) -> Vec<Value> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    fn ali() -> Presented {
        Presented {
            subject: Some("CN=ali,O=Example".to_owned()),
            common_names: some(&["ali"]),
            dns: some(&["a.test", "b.test"]),
            emails: some(&["Ali@example.test"]),
            uris: some(&["spiffe://example.test/ali"]),
            upns: some(&["ali@corp.test"]),
            serial: Some("1a2b:CN=Authority".to_owned()),
            fingerprint: "ab".repeat(32),
            until: Default::default(),
        }
    }

    fn table(part: Part, rows: &[(&str, &str)]) -> Rule {
        let users = rows.iter().map(|(value, user)| (part.plain(value), (*user).to_owned())).collect();
        Rule { part, naming: Naming::Table(users) }
    }

    fn prefixed(part: Part, prefix: &str) -> Rule {
        Rule { part, naming: Naming::Prefixed(prefix.to_owned()) }
    }

    #[test]
    fn each_part_names_somebody() {
        let rows = [
            (table(Part::Subject, &[("CN=ali,O=Example", "u")]), "u"),
            (table(Part::CommonName, &[("ali", "u")]), "u"),
            (table(Part::Dns, &[("B.TEST", "u")]), "u"),
            (table(Part::Email, &[("Ali@EXAMPLE.test", "u")]), "u"),
            (table(Part::Uri, &[("spiffe://example.test/ali", "u")]), "u"),
            (table(Part::Upn, &[("ali@corp.test", "u")]), "u"),
            (table(Part::Serial, &[("1A2B:CN=Authority", "u")]), "u"),
            (table(Part::Fingerprint, &[(&"AB:".repeat(32), "u")]), "u"),
            (prefixed(Part::CommonName, "cn:"), "cn:ali"),
            (prefixed(Part::Uri, ""), "spiffe://example.test/ali"),
            (prefixed(Part::Subject, "subject:"), "subject:CN=ali,O=Example"),
        ];
        for (rule, name) in rows {
            assert_eq!(identify(std::slice::from_ref(&rule), &ali()), Ok(name.to_owned()), "{rule:?}");
        }
        for (part, name) in Part::ALL {
            assert_eq!((Part::named(name), part.name()), (Some(part), name));
        }
    }

    #[test]
    fn the_first_that_fits_counts_and_none_is_nobody() {
        let rules = [
            table(Part::Uri, &[("spiffe://example.test/eve", "eve")]),
            table(Part::Email, &[("Ali@example.test", "by mail")]),
            table(Part::CommonName, &[("ali", "by name")]),
        ];
        assert_eq!(identify(&rules, &ali()), Ok("by mail".to_owned()));
        let fingerprint = "ab".repeat(32);
        let nobody = Nobody::NoRule(format!("no rule knows subject `CN=ali,O=Example`, fingerprint {fingerprint}"));
        assert_eq!(identify(&rules[..1], &ali()), Err(nobody.clone()));
        assert_eq!(identify(&[], &ali()), Err(nobody));
    }

    #[test]
    fn nobody_becomes_somebody_else_by_what_a_certificate_can_be_made_to_say() {
        let mail = table(Part::Email, &[("ali@example.test", "ali")]);
        let name = table(Part::CommonName, &[("ali", "ali")]);
        let own = |change: fn(&mut Presented)| {
            let mut shown = Presented { subject: Some("CN=x".to_owned()), ..Presented::default() };
            change(&mut shown);
            shown
        };
        let table = [
            // Case counts, and nothing is trimmed.
            (&name, own(|shown| shown.common_names = some(&["Ali"])), "no rule"),
            (&name, own(|shown| shown.common_names = some(&["ali "])), "no rule"),
            (&mail, own(|shown| shown.emails = some(&["Ali@example.test"])), "no rule"),
            // A value of one part is none of another.
            (&mail, own(|shown| shown.common_names = some(&["ali@example.test"])), "no rule"),
            (&name, own(|shown| shown.common_names = some(&["ali,O=Evil"])), "no rule"),
            // Two names, and what not everybody reads alike.
            (&name, own(|shown| shown.common_names = some(&["ali", "eve"])), "more than once"),
            (&name, own(|shown| shown.common_names = vec![None]), "reads alike"),
            (&mail, own(|shown| shown.emails = vec![Some("ali@example.test".to_owned()), None]), "reads alike"),
        ];
        for (rule, shown, why) in table {
            let later = prefixed(Part::Subject, "subject:");
            let found = identify(std::slice::from_ref(rule), &shown);
            let Err(Nobody::NoRule(reason) | Nobody::Ambiguous(reason)) = &found else { panic!("{found:?}") };
            assert!(reason.contains(why), "{reason}");
            // Only what no rule knows goes on to the next.
            let next = identify(&[rule.clone(), later], &shown);
            assert_eq!(next.is_ok(), why == "no rule", "{next:?}");
        }
    }

    #[test]
    fn of_several_values_a_table_takes_one_user_and_nothing_else_any() {
        let both = |one: &str, other: &str| table(Part::Dns, &[("a.test", one), ("b.test", other)]);
        assert_eq!(identify(&[both("u", "u")], &ali()), Ok("u".to_owned()));
        assert!(matches!(identify(&[both("u", "v")], &ali()), Err(Nobody::Ambiguous(_))));
        assert!(matches!(identify(&[prefixed(Part::Dns, "dns:")], &ali()), Err(Nobody::Ambiguous(_))));
        let none = Presented { dns: Vec::new(), ..ali() };
        assert!(matches!(identify(&[prefixed(Part::Dns, "dns:")], &none), Err(Nobody::NoRule(_))));
    }
}
