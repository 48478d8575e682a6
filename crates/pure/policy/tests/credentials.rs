//! Tables for every credential policy, and for the list of them.

use gatepost_model::head::Party;
use gatepost_model::scope::Scope;
use gatepost_model::url::Url;
use gatepost_policy::credentials::{
    Ask, CredentialPolicy, CredentialRules, HostAllow, HostDeny, IntranetOnly, NotAfterRedirect, NotToProxy,
    OnlySecure, SameOrigin, SchemesAt,
};

const HERE: &str = "https://a.com/x";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// What differs from a Digest answer to the server that was asked for.
#[derive(Clone, Copy)]
struct Case {
    challenged: &'static str,
    requested: &'static str,
    clear: bool,
    scope: Option<&'static str>,
    party: Party,
    redirected: bool,
}

const PLAIN_CASE: Case =
    Case { challenged: HERE, requested: HERE, clear: false, scope: None, party: Party::Server, redirected: false };

fn with_ask<T>(case: Case, look: impl FnOnce(&Ask<'_>) -> T) -> T {
    let (challenged, requested) = (url(case.challenged), url(case.requested));
    let scope = case.scope.map(|text| Scope::parse(text).unwrap());
    look(&Ask {
        challenged: &challenged,
        requested: &requested,
        scheme: if case.clear { "Basic" } else { "Digest" },
        clear: case.clear,
        scope: scope.as_ref(),
        party: case.party,
        redirected: case.redirected,
        ambient: false,
    })
}

fn judge(policy: &dyn CredentialPolicy, case: Case) -> bool {
    with_ask(case, |ask| policy.judge(ask)).allowed
}

#[test]
fn only_secure() {
    let policy = OnlySecure { except: vec!["b.com".parse().unwrap()] };
    for (challenged, allowed) in
        [("https://a.com/", true), ("wss://a.com/", true), ("http://a.com/", false), ("ws://b.com/", true)]
    {
        assert_eq!(judge(&policy, Case { challenged, ..PLAIN_CASE }), allowed, "{challenged}");
    }
}

#[test]
fn same_origin() {
    let table = [
        ("https://a.com/y", None, true),
        ("wss://a.com/y", None, true),
        ("https://a.com:444/y", None, false),
        ("http://a.com/y", None, false),
        ("https://b.com/x", None, false),
        ("https://a.com/api/v1", Some("https://a.com/api"), true),
        ("https://a.com/apiary", Some("https://a.com/api"), false),
        ("https://a.com.evil/", Some("https://a.com"), false),
        ("https://b.com/", Some("https://b.com"), true),
    ];
    for (challenged, scope, allowed) in table {
        assert_eq!(judge(&SameOrigin, Case { challenged, scope, ..PLAIN_CASE }), allowed, "{challenged} {scope:?}");
    }
}

#[test]
fn host_allow() {
    let policy = HostAllow { hosts: vec!["a.com".parse().unwrap(), "*.b.com".parse().unwrap()] };
    for (challenged, allowed) in
        [("https://a.com/", true), ("https://x.b.com/", true), ("https://b.com/", false), ("https://c.com/", false)]
    {
        assert_eq!(judge(&policy, Case { challenged, ..PLAIN_CASE }), allowed, "{challenged}");
    }
    assert!(!judge(&HostAllow::default(), PLAIN_CASE));
}

#[test]
fn host_deny() {
    let policy = HostDeny { hosts: vec!["a.com".parse().unwrap(), "*.b.com".parse().unwrap()] };
    for (challenged, allowed) in
        [("https://a.com/", false), ("https://x.b.com/", false), ("https://b.com/", true), ("https://c.com/", true)]
    {
        assert_eq!(judge(&policy, Case { challenged, ..PLAIN_CASE }), allowed, "{challenged}");
    }
    assert!(judge(&HostDeny::default(), PLAIN_CASE));
}

#[test]
fn schemes_at() {
    let at = |hosts: Option<&str>, schemes: &[&str]| SchemesAt {
        hosts: hosts.map(|host| vec![host.parse().unwrap()]),
        schemes: schemes.iter().map(ToString::to_string).collect(),
    };
    let table = [
        (at(None, &["digest"]), true),
        (at(None, &["Basic"]), false),
        (at(None, &[]), false),
        (at(Some("a.com"), &["Basic"]), false),
        (at(Some("a.com"), &["Basic", "DIGEST"]), true),
        (at(Some("b.com"), &["Basic"]), true),
    ];
    for (policy, allowed) in table {
        assert_eq!(judge(&policy, PLAIN_CASE), allowed, "{policy:?}");
    }
}

#[test]
fn the_systems_own_identity_goes_to_listed_hosts_by_negotiate_alone() {
    let listed = || CredentialRules::default().ambient_to(vec!["*.corp.example".parse().unwrap()]);
    let table = [
        (CredentialRules::default(), "https://a.corp.example/", "Negotiate", false),
        (CredentialRules::danger_over_plain(), "https://a.corp.example/", "Negotiate", false),
        (listed(), "https://a.corp.example/", "negotiate", true),
        (listed(), "https://a.corp.example/", "NTLM", false),
        (listed(), "https://a.corp.example/", "Basic", false),
        (listed(), "https://corp.example/", "Negotiate", false),
        (listed(), "http://a.corp.example/", "Negotiate", false),
        (
            listed().with(HostDeny { hosts: vec!["a.corp.example".parse().unwrap()] }),
            "https://a.corp.example/",
            "Negotiate",
            false,
        ),
    ];
    for (rules, challenged, scheme, allowed) in table {
        let decision = with_ask(Case { challenged, requested: challenged, ..PLAIN_CASE }, |ask| {
            rules.evaluate(&Ask { scheme, ambient: true, ..*ask })
        });
        assert_eq!(decision.allowed, allowed, "{challenged} {scheme}: {decision}");
    }
}

#[test]
fn a_policy_of_ones_own_has_the_last_no_and_each_one_says_why() {
    #[derive(Debug)]
    struct OfficeHours;
    impl CredentialPolicy for OfficeHours {
        fn name(&self) -> &'static str {
            "office-hours"
        }
        fn judge(&self, _: &Ask<'_>) -> gatepost_policy::decision::Decision {
            gatepost_policy::decision::Decision::deny("nobody works now")
        }
    }
    let rules = CredentialRules::default().with(OfficeHours);
    let (decision, each) = with_ask(PLAIN_CASE, |ask| (rules.evaluate(ask), rules.each(ask)));
    assert_eq!(decision.to_string(), "denied: office-hours: nobody works now");
    let names: Vec<_> = each.iter().map(|(name, decision)| (*name, decision.allowed)).collect();
    let expected = [
        ("no-clear-secret", true),
        ("ambient-only-listed", true),
        ("only-secure", true),
        ("same-origin", true),
        ("not-after-redirect", true),
        ("not-to-proxy", true),
        ("office-hours", false),
    ];
    assert_eq!(names, expected);
}

#[test]
fn not_after_redirect() {
    let table = [
        ("https://a.com/y", true, true),
        ("https://b.com/y", true, false),
        ("https://a.com:444/y", true, false),
        ("https://b.com/y", false, true),
    ];
    for (challenged, redirected, allowed) in table {
        let case = Case { challenged, redirected, scope: Some("https://b.com"), ..PLAIN_CASE };
        assert_eq!(judge(&NotAfterRedirect, case), allowed, "{challenged} {redirected}");
    }
}

#[test]
fn not_to_proxy() {
    let proxy = "https://proxy.a.com:3128/";
    let table = [
        (Party::Server, None, true),
        (Party::Proxy, None, false),
        (Party::Proxy, Some("https://a.com"), false),
        (Party::Proxy, Some("https://proxy.a.com:3128"), true),
    ];
    for (party, scope, allowed) in table {
        let case = Case { challenged: proxy, party, scope, ..PLAIN_CASE };
        assert_eq!(judge(&NotToProxy, case), allowed, "{party:?} {scope:?}");
    }
}

#[test]
fn intranet_only() {
    let policy = IntranetOnly { domains: vec!["*.corp.example".parse().unwrap()] };
    let table = [
        ("https://127.0.0.1/", true),
        ("https://10.1.2.3/", true),
        ("https://192.168.0.1/", true),
        ("https://169.254.1.1/", true),
        ("https://8.8.8.8/", false),
        ("https://[::1]/", true),
        ("https://[fd00::1]/", true),
        ("https://[fe80::1]/", true),
        ("https://[2001:db8::1]/", false),
        ("https://[::ffff:10.0.0.1]/", true),
        ("https://[::ffff:8.8.8.8]/", false),
        ("https://wiki/", true),
        ("https://com./", false),
        ("https://wiki.corp.example/", true),
        ("https://example.com/", false),
    ];
    for (challenged, allowed) in table {
        assert_eq!(judge(&policy, Case { challenged, ..PLAIN_CASE }), allowed, "{challenged}");
    }
}

#[test]
fn one_no_is_enough() {
    let plain = Case { challenged: "http://a.com/x", requested: "http://a.com/x", ..PLAIN_CASE };
    let named = || vec!["a.com".parse().unwrap()];
    let table = [
        (CredentialRules::default(), PLAIN_CASE, "allowed: no policy forbids it"),
        (CredentialRules::default(), Case { clear: true, ..PLAIN_CASE }, "allowed: no policy forbids it"),
        (CredentialRules::default(), plain, "denied: only-secure: the connection is in the clear"),
        (
            CredentialRules::default(),
            Case { clear: true, ..plain },
            "denied: no-clear-secret: Basic would send the secret itself in the clear",
        ),
        (CredentialRules::plain_for(named()), plain, "allowed: no policy forbids it"),
        (
            CredentialRules::plain_for(named()),
            Case { clear: true, ..plain },
            "denied: no-clear-secret: Basic would send the secret itself in the clear",
        ),
        (CredentialRules::danger_over_plain(), Case { clear: true, ..plain }, "allowed: no policy forbids it"),
        (
            CredentialRules::danger_over_plain(),
            Case { challenged: "http://b.com/", ..plain },
            "denied: same-origin: http://b.com asks, but it was named for http://a.com",
        ),
        (
            CredentialRules::default(),
            Case { challenged: "https://b.com/", scope: Some("https://b.com"), redirected: true, ..PLAIN_CASE },
            "denied: not-after-redirect: a redirect led to https://b.com",
        ),
        (
            CredentialRules::default(),
            Case { party: Party::Proxy, ..PLAIN_CASE },
            "denied: not-to-proxy: a proxy asks, and the credential is not its own",
        ),
        (
            CredentialRules::default().with(HostAllow::default()),
            PLAIN_CASE,
            "denied: host-allow: a.com is not on the list of hosts",
        ),
    ];
    for (rules, case, decision) in table {
        assert_eq!(with_ask(case, |ask| rules.evaluate(ask)).to_string(), decision);
    }
}

#[test]
fn who_runs_the_process_is_told_to_nobody_who_is_not_named() {
    let named = || CredentialRules::default().ambient_to(vec!["a.com:443".parse().unwrap()]);
    let table = [
        (named(), "Negotiate", HERE, "allowed: no policy forbids it"),
        (named(), "negotiate", HERE, "allowed: no policy forbids it"),
        (named(), "NTLM", HERE, "denied: ambient-only-listed: the system's identity is for Negotiate, not for NTLM"),
        (
            named(),
            "Negotiate",
            "https://a.com:444/",
            "denied: ambient-only-listed: a.com is not listed for the system\'s identity",
        ),
        (
            CredentialRules::default(),
            "Negotiate",
            HERE,
            "denied: ambient-only-listed: a.com is not listed for the system\'s identity",
        ),
        (
            CredentialRules::danger_over_plain(),
            "Negotiate",
            HERE,
            "denied: ambient-only-listed: a.com is not listed for the system\'s identity",
        ),
    ];
    for (rules, scheme, challenged, decision) in table {
        let case = Case { challenged, requested: challenged, ..PLAIN_CASE };
        let asked = with_ask(case, |ask| rules.evaluate(&Ask { scheme, ambient: true, ..*ask }));
        assert_eq!(asked.to_string(), decision, "{scheme} {challenged}");
    }
}
