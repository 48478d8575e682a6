//! Every check fires on facts that are wrong, stays silent on facts that are right, and says so
//! when it cannot tell.

use std::collections::BTreeSet;

use gatepost_audit::check::{Check, Finding, Severity};
use gatepost_audit::checks::ALL;
use gatepost_audit::error::AuditError;
use gatepost_audit::facts::{Certificate, Facts};
use gatepost_audit::run::{State, find, judge, run};
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;

const DAY: i64 = 24 * 3600;
const SEEN: i64 = 1000 * DAY;

fn about(url: &str) -> Facts {
    Facts::about(Url::parse(url).unwrap(), Timestamp::from_secs(SEEN))
}

fn showing(url: &str, name: &str, not_before: i64, not_after: i64) -> Facts {
    let (not_before, not_after) = (Timestamp::from_secs(not_before), Timestamp::from_secs(not_after));
    Facts { certificate: Some(Certificate { names: vec![name.into()], not_before, not_after }), ..about(url) }
}

fn offering(url: &str, schemes: &[&str]) -> Facts {
    Facts { schemes: Some(schemes.iter().map(ToString::to_string).collect()), ..about(url) }
}

fn endangered(keys: &[&str]) -> Facts {
    Facts { dangers: Some(keys.iter().map(ToString::to_string).collect()), ..about("https://a.com/") }
}

/// What one check must see, and must not.
struct Row {
    id: &'static str,
    /// Facts that fire, with the evidence that is shown.
    firing: Vec<(Facts, &'static str)>,
    /// Facts that pass.
    silent: Vec<Facts>,
}

fn table() -> Vec<Row> {
    let a = "https://a.com/";
    let valid = || showing(a, "a.com", SEEN - DAY, SEEN + 90 * DAY);
    vec![
        Row {
            id: "certificate-time",
            firing: vec![
                (showing(a, "a.com", 0, SEEN - 1), "it ended at 1972-09-26T23:59:59Z"),
                (showing(a, "a.com", SEEN + 1, SEEN + DAY), "it begins at 1972-09-27T00:00:01Z"),
            ],
            silent: vec![valid(), showing(a, "a.com", SEEN, SEEN)],
        },
        Row {
            id: "certificate-ending",
            firing: vec![
                (showing(a, "a.com", 0, SEEN), "it ends at 1972-09-27T00:00:00Z"),
                (showing(a, "a.com", 0, SEEN + 14 * DAY - 1), "it ends at 1972-10-10T23:59:59Z"),
            ],
            silent: vec![valid(), showing(a, "a.com", 0, SEEN + 14 * DAY), showing(a, "a.com", 0, SEEN - 1)],
        },
        Row {
            id: "certificate-name",
            firing: vec![(showing(a, "b.com", 0, SEEN), "a.com was asked for, the certificate is for b.com")],
            silent: vec![valid(), showing("https://x.a.com/", "*.a.com", 0, SEEN)],
        },
        Row {
            id: "basic-over-plain",
            firing: vec![(offering("http://a.com/", &["Bearer", "basic"]), "http://a.com asks for Basic credentials")],
            silent: vec![
                offering(a, &["Basic"]),
                offering("http://a.com/", &["Bearer"]),
                offering("http://a.com/", &[]),
            ],
        },
        Row {
            id: "ntlm-legacy",
            firing: vec![(offering(a, &["Negotiate", "ntlm"]), "https://a.com offers NTLM")],
            silent: vec![offering(a, &["Negotiate", "Digest"])],
        },
        Row {
            id: "wsse-legacy",
            firing: vec![(offering(a, &["wsse"]), "https://a.com offers WSSE")],
            silent: vec![offering(a, &["Bearer", "Basic"])],
        },
        Row {
            id: "danger",
            firing: vec![(endangered(&["no_auth"]), "`no_auth` is on")],
            silent: vec![endangered(&[])],
        },
    ]
}

#[test]
fn every_check_fires_and_stays_silent() {
    for Row { id, firing, silent } in table() {
        let check = find(id).unwrap();
        for (facts, evidence) in firing {
            assert_eq!(judge(check, &facts), State::Found(vec![Finding::of(check, evidence)]), "{id} {facts:?}");
        }
        for facts in silent {
            assert_eq!(judge(check, &facts), State::Pass, "{id} {facts:?}");
        }
    }
}

#[test]
fn the_table_misses_no_check() {
    let tabled: Vec<_> = table().into_iter().map(|row| row.id).collect();
    let listed: Vec<_> = ALL.iter().map(|check| check.id()).collect();
    assert_eq!(tabled, listed);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "an id is taken twice");
}

#[test]
fn where_nobody_looked_nothing_is_passed() {
    for (check, state) in run(&about("https://a.com/")) {
        assert_eq!(state, State::NotTested, "{}", check.id());
        assert_eq!(check.examine(&about("https://a.com/")), vec![], "{}", check.id());
    }
}

#[test]
fn every_check_can_be_shown() {
    let sentence = |check: &dyn Check, text: &str| assert!(text.len() > 10, "{}: {text}", check.id());
    for check in ALL.iter().copied() {
        sentence(check, check.title());
        sentence(check, check.why());
        sentence(check, check.remedy());
        assert!(check.why().ends_with('.') && !check.title().ends_with('.') && !check.remedy().ends_with('.'));
        assert!(check.reference().starts_with("RFC ") || check.reference().starts_with("CWE-"), "{}", check.id());
        assert!(check.id().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.id());
    }
}

#[test]
fn every_danger_is_a_finding() {
    let check = find("danger").unwrap();
    let State::Found(findings) = judge(check, &endangered(&["no_auth", "x\ny"])) else {
        panic!("two switches are on");
    };
    assert_eq!(findings, [Finding::of(check, "`no_auth` is on"), Finding::of(check, "`x\\u{a}y` is on")]);
    assert!(Severity::High > Severity::Low);
    assert_eq!(Severity::High.to_string(), "high");
}

#[test]
fn an_unknown_check_is_an_error_that_lists_the_known() {
    let known = ALL.iter().map(|check| check.id()).collect();
    assert_eq!(find("nonsense").unwrap_err(), AuditError::UnknownCheck { id: "nonsense".into(), known });
}
