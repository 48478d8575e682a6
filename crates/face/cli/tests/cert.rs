//! `gatepost cert`: what is bound where, and what is refused.

mod bench;
mod desk;

use desk::{DAY, Desk, both, text};
use gatepost::model::time::Timestamp;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::issue::Authority;
use gatepost::tls::pem;
use serde_json::json;

#[test]
fn bind_rebind_unbind() {
    let desk = Desk::new();
    desk.good("cert bind a.test:443 --cert a.pem --min-tls 1.3 --http2 off");
    let (code, said) = desk.tell("cert bind a.test:443 --cert b.pem");
    assert_eq!(code, Some(5), "{said}");
    let first = desk.hash("a.pem", "sha256");
    let shown = desk.json("cert show a.test:443");
    assert_eq!(
        (&shown["sha256"], &shown["answer"], &shown["terms"]),
        (&json!(first), &json!("certificate"), &json!({ "min-tls": "1.3", "http2": "off" }))
    );
    desk.write("new.pem", &desk.issue("a.test"));
    let (stale, second) = (desk.hash("b.pem", "sha256"), desk.hash("new.pem", "sha256"));
    let (code, said) = desk.tell(&format!("cert rebind a.test:443 --cert new.pem --if-hash {stale}"));
    assert_eq!(code, Some(5), "{said}");
    assert_eq!(desk.json("cert show a.test:443")["sha256"], json!(first));
    let thumbprint = desk.hash("a.pem", "sha1").to_uppercase();
    desk.good(&format!("cert rebind a.test:443 --cert new.pem --if-hash {thumbprint}"));
    let shown = desk.json("cert show a.test:443");
    assert_eq!((&shown["sha256"], &shown["terms"]["min-tls"]), (&json!(second), &json!("1.3")), "its terms stay");
    desk.good("cert rebind a.test:443 --tickets off");
    assert_eq!(desk.json("cert show a.test:443")["terms"]["tickets"], "off");
    desk.good("cert unbind a.test:443");
    assert_eq!(desk.tell("cert unbind a.test:443").0, Some(4));
    assert_eq!(desk.tell("cert rebind a.test:443 --cert a.pem").0, Some(4));
    assert_eq!(desk.tell("cert show a.test:443").0, Some(4));
    desk.good("cert bind no.test:443 --reject --cert a.pem");
    desk.good("cert rebind no.test:443 --cert new.pem --tickets off");
    let shown = desk.json("cert show no.test:443");
    assert_eq!(
        (&shown["answer"], &shown["sha256"]),
        (&json!("reject"), &json!(second)),
        "what was closed stays closed"
    );
    // It is kept still.
    desk.good(&format!("cert bind a.test:443 --hash {}", &first[..12]));
}

#[test]
fn what_is_not_fit_is_refused_with_the_reason_and_never_kept() {
    let desk = Desk::new();
    let now = gatepost::clock::now();
    let (a, b) = (desk.issue("a.test"), desk.issue("a.test"));
    let client = desk.authority.issue_client(&["a.test".to_owned()], now, DAY).unwrap();
    let old = Authority::create("Old", Timestamp::from_secs(1_000_000_000), 9000 * DAY).unwrap();
    let expired = old.issue_server(&["a.test".to_owned()], Timestamp::from_secs(1_000_000_000), DAY).unwrap();
    let other = Authority::create("Desk", now, DAY).unwrap();
    let chain: String = a.chain.iter().map(|der| pem::certificate_pem(der)).collect();
    let half = both(&a.chain, &a.key);
    let table = [
        (chain.clone(), "key-missing"),
        (both(&a.chain, &b.key), "key-mismatch"),
        (both(&expired.chain, &expired.key), "expired"),
        (both(&[a.chain[0].clone(), other.certificate_der().to_vec()], &a.key), "wrong-chain"),
        (both(&client.chain, &client.key), "wrong-usage"),
        (half[..half.len() / 4].to_owned(), "unusable"),
        ("nothing".to_owned(), "unusable"),
    ];
    for (content, word) in table {
        desk.bench.write("bad.pem", &content);
        let (code, said) = desk.tell("cert bind a.test:443 --cert bad.pem");
        assert_eq!(code, Some(3), "{word}: {said}");
        assert!(said.contains(word) && said.contains("bad.pem") && said.contains("[GP-TLS-018]"), "{word}: {said}");
    }
    assert_eq!(desk.json("cert list"), json!([]));
    for wrong in [
        "cert bind a.test:443",
        "cert bind a.test:443 --cert a.pem --min-tls 1.3 --max-tls 1.2",
        "cert bind a.test:443 --cert a.pem --client-cert require",
        "cert bind *:443 --cert a.pem",
        "cert bind 0.0.0.0:443 --dir .",
        "cert bind a.test --cert a.pem",
        "cert bind a.test:443 --cert a.pem --min-tls 1.1",
    ] {
        assert_eq!(desk.tell(wrong).0, Some(2), "{wrong}");
    }
    assert_eq!(desk.tell("cert bind a.test:443 --cert no.pem").0, Some(6));
    let (code, said) = desk.tell("cert bind b.test:443 --cert a.pem");
    assert_eq!(
        (code, said.contains("warning: the certificate is for a.test, not for b.test")),
        (Some(0), true),
        "{said}"
    );
}

#[test]
fn a_binding_of_another_application_is_removed_by_force_only() {
    let desk = Desk::new();
    desk.good("cert bind a.test:443 --cert a.pem --app Web");
    desk.good("cert bind b.test:443 --cert b.pem --app 4dc3e181-e14b-4a21-b022-59fc669b0914");
    assert_eq!(desk.json("cert show b.test:443")["application"], "4dc3e181-e14b-4a21-b022-59fc669b0914");
    let (code, said) = desk.tell("cert unbind a.test:443");
    assert_eq!((code, said.contains("[GP-STORE-009]")), (Some(2), true), "{said}");
    desk.good("cert unbind a.test:443 --app Web");
    assert_eq!(desk.tell("cert unbind b.test:443").0, Some(2));
    desk.good("cert unbind b.test:443 --force");
}

#[test]
fn which_one_answers_is_explained() {
    let desk = Desk::new();
    desk.good("cert bind a.test:443 --cert a.pem");
    desk.good("cert bind 0.0.0.0:0 --cert b.pem");
    desk.good("cert bind *.gone.test:443 --reject");
    let which = |asked: &str| {
        let said = desk.json(&format!("cert which {asked}"));
        let words = |name: &str| said[name].as_str().unwrap_or("-").to_owned();
        (words("binding"), words("rule"), said["rejects"] == true)
    };
    let owned = |binding: &str, rule: &str, rejects| (binding.to_owned(), rule.to_owned(), rejects);
    let table = [
        ("a.test", owned("a.test:443", "exact name and port", false)),
        ("b.test --ip 192.0.2.7 --port 8443", owned("0.0.0.0:0", "any address, any port", false)),
        ("x.gone.test", owned("*.gone.test:443", "wildcard and port", true)),
        ("--ip 192.0.2.7", owned("0.0.0.0:0", "any address, any port", false)),
        ("c.test", owned("-", "-", false)),
    ];
    for (asked, pick) in table {
        assert_eq!(which(asked), pick, "{asked}");
    }
    let people = desk.run("cert which a.test");
    let shown = text(people);
    assert!(
        shown.starts_with("BINDING     RULE                 OUTCOME\na.test:443  exact name and port  answers\n"),
        "{shown}"
    );
    assert_eq!(desk.tell("cert which c.test").0, Some(4));
}

#[test]
fn certificates_are_issued_for_servers_and_clients() {
    let desk = Desk::new();
    desk.good("cert issue *.api.test 127.0.0.1 --days 5 --out out");
    desk.good("cert issue ali@example.com --client --out out");
    assert_eq!(desk.tell("cert issue *.api.test --out out").0, Some(5), "nothing is overwritten");
    assert_eq!(desk.tell("cert issue a..b --out out").0, Some(2));
    let out = desk.bench.path().join("out");
    let key = std::fs::metadata(out.join("_.api.test.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    let chain = pem::parse_chain_pem(&std::fs::read(out.join("_.api.test.pem")).unwrap()).unwrap();
    let facts = Certificate::parse(&chain[0]).unwrap();
    assert_eq!((facts.names(), chain.len()), (vec!["*.api.test".to_owned(), "127.0.0.1".to_owned()], 2));
    desk.good("cert bind *.api.test:0 --cert out/_.api.test.pem --key out/_.api.test.key");
    assert_eq!(desk.tell("cert bind x.test:0 --cert out/ali@example.com.pem --key out/ali@example.com.key").0, Some(3));
}

#[test]
fn certificates_go_in_and_out() {
    let desk = Desk::new();
    desk.good("cert import --cert a.pem");
    let (hash, all) = (desk.hash("a.pem", "sha256"), std::fs::read_to_string(desk.bench.path().join("a.pem")).unwrap());
    let chain = text(desk.run(&format!("cert export {hash} --key-out key.pem")));
    let key = std::fs::read_to_string(desk.bench.path().join("key.pem")).unwrap();
    assert_eq!(chain.clone() + &key, all);
    assert!(!chain.contains("PRIVATE"));
    desk.good("cert bind a.test:1 --cert a.pem");
    assert_eq!(text(desk.run("cert export a.test:1")), chain);
    assert_eq!(desk.tell("cert export b.test:1").0, Some(4));
    assert_eq!(desk.tell(&format!("cert export {hash} --key-out key.pem")).0, Some(5));
    let state = desk.bench.path().join(".local/state/gatepost");
    let secret = pem::parse_key_pem(key.as_bytes()).unwrap();
    for entry in std::fs::read_dir(state).unwrap() {
        let octets = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!octets.windows(secret.reveal().len()).any(|part| part == secret.reveal()), "sealed at rest");
    }
}

#[test]
fn a_pair_is_issued_whole_or_not_at_all() {
    let desk = Desk::new();
    let out = desk.bench.path().join("deep/out");
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    desk.good("cert issue a.test --out deep/out");
    assert_eq!(files(), ["a.test.key", "a.test.pem"], "the directory is made");
    std::fs::remove_file(out.join("a.test.key")).unwrap();
    assert_eq!(desk.tell("cert issue a.test --out deep/out").0, Some(5));
    assert_eq!(files(), ["a.test.pem"], "no key is left without its certificate");
    std::fs::remove_file(out.join("a.test.pem")).unwrap();
    desk.good("cert issue a.test --out deep/out");
    std::os::unix::fs::symlink("nowhere", out.join("b.test.pem")).unwrap();
    assert_eq!(desk.tell("cert issue b.test --out deep/out").0, Some(5));
    assert_eq!(files(), ["a.test.key", "a.test.pem", "b.test.pem"]);
}

#[test]
fn what_is_no_file_or_too_long_is_not_read() {
    let desk = Desk::new();
    let long = std::fs::File::create(desk.bench.path().join("long.pem")).unwrap();
    long.set_len(1024 * 1024 + 1).unwrap();
    for place in ["/dev/zero", ".", "long.pem"] {
        let (code, said) = desk.tell(&format!("cert bind a.test:1 --cert {place}"));
        assert_eq!(code, Some(6), "{place}: {said}");
        for option in ["--ca", "--crl", "--client-cert"] {
            if option == "--crl" && place == "long.pem" {
                continue;
            }
            let (code, said) = desk.tell(&format!("get https://localhost:1/ {option} {place}"));
            assert_eq!(code, Some(6), "{option} {place}: {said}");
            assert!(said.contains("it is no regular file") || said.contains("it holds more than 1048576"), "{said}");
        }
    }
}
