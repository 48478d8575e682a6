//! What may be written about the certificates of clients, and what it means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gatepost::auth::client_rules::{Naming, Part, Rule};
use gatepost::model::terms::ClientCertificate;

use crate::config::clients::{Clients, Forwarded};
use crate::config::compose::{Config, Flags, compose};
use crate::config::document::Document;
use crate::config::routes::{Guard, usual_scheme_names};
use crate::error::GatewayError;

const GOOD: &str = r#"
[[route]]
schemes = ["Certificate", "Basic"]
respond = { status = 200 }

[[route]]
path = "/partners"
schemes = ["Basic"]
client_certificate = "require"
client_ca = "partners.pem"
client_revocation = "partners-crl.pem"
forward_certificate = "chain"
respond = { status = 200 }

[[auth.certificate.rule]]
from = "uri"
is = "spiffe://example.test/ali"
user = "ali"
[[auth.certificate.rule]]
from = "email"
users = { "Ali@EXAMPLE.test" = "ali", "eve@example.test" = "eve" }
[[auth.certificate.rule]]
from = "common-name"
[[auth.certificate.rule]]
from = "subject"
prefix = ""
"#;

fn read(text: &str) -> Result<Config, GatewayError> {
    compose(Some(&Document::new(Path::new("/etc/gatepost.toml"), text)), &|_| None, &Flags::default())
}

#[test]
fn everything_has_its_meaning() {
    let config = read(GOOD).unwrap();
    let clients: Vec<_> = config.routes.iter().map(|route| (route.clients.clone(), route.forwarded)).collect();
    let partners = Clients {
        when: ClientCertificate::Require,
        authorities: Some(PathBuf::from("/etc/partners.pem")),
        revocation: Some(PathBuf::from("/etc/partners-crl.pem")),
    };
    // Who goes by certificates asks for them.
    let asked = Clients { when: ClientCertificate::Request, ..Clients::default() };
    assert_eq!(clients, [(asked, Forwarded::Off), (partners, Forwarded::Chain)]);
    let table = |rows: &[(&str, &str)]| {
        let rows = rows.iter().map(|(value, user)| ((*value).to_owned(), (*user).to_owned()));
        Naming::Table(BTreeMap::from_iter(rows))
    };
    let rules = [
        (Part::Uri, table(&[("spiffe://example.test/ali", "ali")])),
        (Part::Email, table(&[("Ali@example.test", "ali"), ("eve@example.test", "eve")])),
        (Part::CommonName, Naming::Prefixed("common-name:".into())),
        (Part::Subject, Naming::Prefixed(String::new())),
    ];
    assert_eq!(config.auth.certificate.rules, rules.map(|(part, naming)| Rule { part, naming }));
    let shown: Vec<String> = config
        .entries
        .iter()
        .filter(|entry| entry.name.contains("certificate") || entry.name.contains("client"))
        .map(|entry| format!("{} = {}", entry.name, entry.value))
        .collect();
    let expected = [
        "route[0].client_certificate = request",
        "route[1].client_certificate = require",
        "route[1].client_ca = /etc/partners.pem",
        "route[1].client_revocation = /etc/partners-crl.pem",
        "route[1].forward_certificate = chain",
        "auth.certificate.rule[0] = uri, by a table of 1",
        "auth.certificate.rule[1] = email, by a table of 2",
        "auth.certificate.rule[2] = common-name, as `common-name:…`",
        "auth.certificate.rule[3] = subject, as `…`",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn what_cannot_be_meant_is_refused_at_its_place() {
    let rule = |text: &str| {
        format!(
            "[[route]]\nschemes = [\"Certificate\"]\nrespond = {{ status = 200 }}\n[[auth.certificate.rule]]\n{text}"
        )
    };
    let table = [
        (rule("from = \"cn\"\n"), 5, "a certificate has no part `cn`"),
        (rule("from = \"uri\"\nis = \"x\"\n"), 6, "`is` without the `user` that it stands for"),
        (rule("from = \"uri\"\nuser = \"x\"\n"), 6, "`user` without the value that it `is`"),
        (rule("from = \"uri\"\nusers = {}\n"), 6, "this table of `users` is empty"),
        (
            rule("from = \"uri\"\nprefix = \"x\"\nusers = { a = \"b\" }\n"),
            7,
            "a rule has a table of `users`, or one `user`",
        ),
        (
            rule("from = \"uri\"\nis = \"x\"\nuser = \"y\"\nprefix = \"z\"\n"),
            8,
            "a `prefix` is for rules without `user`",
        ),
        (rule("from = \"uri\"\nis = \"x\\u0000\"\nuser = \"y\"\n"), 6, "empty, or with a control character in it"),
        (rule("from = \"uri\"\nis = \"x\"\nuser = \"\"\n"), 7, "empty, or with a control character in it"),
        (
            rule("from = \"dns\"\nusers = { \"A.test\" = \"x\", \"a.TEST\" = \"y\" }\n"),
            6,
            "stands in the table already",
        ),
        (rule("from = \"uri\"\nif = \"x\"\n"), 6, "unknown key `if`"),
        (
            "[[route]]\nschemes = [\"certificate\"]\nrespond = { status = 200 }\n".to_owned(),
            1,
            "the scheme Certificate, and no rule says who a certificate stands for",
        ),
        (
            rule("from = \"uri\"\n").replace("respond", "client_certificate = \"off\"\nrespond"),
            3,
            "the scheme Certificate, and no certificate is asked for",
        ),
    ];
    for (text, line, problem) in table {
        let Err(GatewayError::Setting { place, problem: found, .. }) = read(&text) else { panic!("{text}") };
        assert!(found.contains(problem), "{found}\n{text}");
        assert!(place.starts_with(&format!("/etc/gatepost.toml:{line}:")), "{place}\n{text}");
    }
}

#[test]
fn without_a_configuration_nobody_comes_by_certificate() {
    let config = compose(None, &|_| None, &Flags::default()).unwrap();
    assert_eq!(config.routes[0].guard, Guard::Schemes(usual_scheme_names()));
    assert!(!usual_scheme_names().contains(&"Certificate") && !config.routes[0].clients.are_asked());
}
