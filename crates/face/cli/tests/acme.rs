//! `gatepost cert issue --acme` and `cert renew`: what is refused before anybody is asked, and what nobody answers.

mod bench;

use bench::Bench;
use gatepost::tls::issue::Authority;
use gatepost::tls::pem;

/// The exit code and what was said on stderr.
fn tell(bench: &Bench, arguments: &str) -> (Option<i32>, String) {
    let output = bench.gatepost(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_cannot_be_is_said_at_once() {
    let bench = Bench::new();
    bench.write("empty.key", "");
    let away = "--acme https://127.0.0.1:1/dir --listen 127.0.0.1:0";
    let table = [
        (
            "cert issue a.test --acme letsencrypt",
            2,
            "error: an authority issues to those who agree to its terms of service [GP-CLI-001]\n\
             hint: read the terms of https://acme-v02.api.letsencrypt.org, and add `--agree-tos`\n",
        ),
        (
            "cert issue a.test --acme http://ca.test/dir --agree-tos",
            2,
            "an ACME authority is asked over `https://` only",
        ),
        (
            "cert issue a.test --acme lets-encrypt",
            2,
            "expected `letsencrypt`, `letsencrypt-staging` or the `https://…`",
        ),
        ("cert issue *.a.test --acme letsencrypt --agree-tos", 2, "hint: list the names\n"),
        ("cert issue --names a.test, --acme letsencrypt --agree-tos", 2, "found ``"),
        ("cert issue a.test --acme letsencrypt --client", 2, "cannot be used with"),
        ("cert issue a.test --acme letsencrypt --out .", 2, "cannot be used with"),
        ("cert issue --names a.test", 2, "--acme <AUTHORITY>"),
        ("cert issue a.test --agree-tos", 2, "--acme <AUTHORITY>"),
        ("cert issue a.test --acme letsencrypt --agree-tos --email ops", 2, "expected a mail address"),
        ("cert issue a.test --acme letsencrypt --challenge dns-01", 2, "expected `tls-alpn-01` or `http-01`"),
        ("cert issue a.test --acme letsencrypt --eab-kid k", 2, "--eab-key-file <FILE>"),
        (
            "cert issue a.test --acme letsencrypt --agree-tos --eab-kid k --eab-key-file empty.key",
            6,
            "empty.key: it is empty",
        ),
        ("cert issue a.test --agree-tos --ca-file gone.pem AWAY", 3, "gone.pem cannot be read"),
        (
            "cert issue a.test --agree-tos AWAY",
            6,
            "error: the ACME authority https://127.0.0.1:1/dir cannot be asked: ",
        ),
        ("cert renew a.test:0", 4, "error: there is no binding of a.test:0"),
        ("cert renew abcd", 4, "error: there is no certificate `abcd`"),
    ];
    for (arguments, code, words) in table {
        let (ended, said) = tell(&bench, &arguments.replace("AWAY", away));
        assert_eq!(ended, Some(code), "{arguments}: {said}");
        assert!(said.contains(words), "{arguments}: {said}");
    }
}

#[test]
fn what_came_otherwise_is_not_asked_for_again() {
    let (bench, now, day) = (Bench::new(), gatepost::clock::now(), std::time::Duration::from_secs(86_400));
    let issued = Authority::create("Elsewhere", now, 10 * day).unwrap();
    let issued = issued.issue_server(&["a.test".to_owned()], now, day).unwrap();
    let chain: String = issued.chain.iter().map(|der| pem::certificate_pem(der)).collect();
    bench.write("a.pem", &format!("{chain}{}", pem::key_pem(&issued.key).reveal_text().unwrap()));
    assert_eq!(tell(&bench, "cert bind a.test:0 --cert a.pem").0, Some(0));
    let (code, said) = tell(&bench, "cert renew a.test:0");
    let expected = "error: a.test:0 was issued neither by the local authority nor by an ACME authority [GP-CLI-001]\n";
    assert_eq!((code, said.starts_with(expected)), (Some(2), true), "{said}");
}
