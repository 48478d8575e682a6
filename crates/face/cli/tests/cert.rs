//! `gatepost cert`: what is bound where, and what is refused.

mod bench;

use std::process::Output;
use std::time::Duration;

use bench::Bench;
use gatepost::model::secret::Secret;
use gatepost::model::time::Timestamp;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::issue::{Authority, Issued};
use gatepost::tls::pem;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);

/// A bench with certificates: `a.pem` (for a.test) and `b.pem` (for b.test), each with its key in it.
struct Desk {
    bench: Bench,
    authority: Authority,
}

impl Desk {
    fn new() -> Self {
        let authority = Authority::create("Desk", gatepost::clock::now() - DAY, 100 * DAY).unwrap();
        let desk = Self { bench: Bench::new(), authority };
        desk.write("a.pem", &desk.issue("a.test"));
        desk.write("b.pem", &desk.issue("b.test"));
        desk
    }

    fn issue(&self, name: &str) -> Issued {
        self.authority.issue_server(&[name.to_owned()], gatepost::clock::now(), 50 * DAY).unwrap()
    }

    fn write(&self, file: &str, issued: &Issued) {
        self.bench.write(file, &both(&issued.chain, &issued.key));
    }

    fn run(&self, arguments: &str) -> Output {
        self.bench.gatepost(arguments).output().unwrap()
    }

    /// The exit code, and what was said on stderr.
    fn tell(&self, arguments: &str) -> (Option<i32>, String) {
        let output = self.run(arguments);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    fn good(&self, arguments: &str) {
        let (code, said) = self.tell(arguments);
        assert_eq!(code, Some(0), "{arguments}: {said}");
    }

    fn json(&self, arguments: &str) -> Value {
        let output = self.run(&format!("{arguments} --json"));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments}: {output:?}"))
    }

    fn hash(&self, file: &str, kind: &str) -> String {
        self.json(&format!("cert show {file}"))[kind].as_str().unwrap().to_owned()
    }
}

fn both(chain: &[Vec<u8>], key: &Secret) -> String {
    let chain: String = chain.iter().map(|der| pem::certificate_pem(der)).collect();
    chain + pem::key_pem(key).reveal_text().unwrap()
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

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
    std::fs::create_dir(desk.bench.path().join("out")).unwrap();
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
fn a_listing_is_imported_and_printed_back() {
    let desk = Desk::new();
    let (one, two) = (desk.hash("a.pem", "sha1"), desk.hash("b.pem", "sha1"));
    let listing = include_str!("vectors/netsh/server2022.txt").replace("[ONE]", &one).replace("[TWO]", &two);
    // As PowerShell redirects it.
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(listing.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(desk.bench.path().join("dump.txt"), wide).unwrap();
    desk.good("cert import --netsh dump.txt --certs .");
    assert_eq!(text(desk.run("cert show --netsh")), listing.replace('\r', ""));
    let shown = desk.json("cert show 0.0.0.0:443");
    assert_eq!(
        (&shown["application"], &shown["terms"], &shown["answer"]),
        (
            &json!("4dc3e181-e14b-4a21-b022-59fc669b0914"),
            &json!({ "min-tls": "1.3", "http2": "off", "log": "on" }),
            &json!("certificate")
        )
    );
    assert_eq!(desk.json("cert show www.example.com:443")["answer"], "reject");
    desk.good("cert rebind 0.0.0.0:443 --http2 on");
    assert!(text(desk.run("cert show 0.0.0.0:443 --netsh")).contains("    Disable HTTP2                : Not Set\n"));
    let again = desk.run("cert import --netsh dump.txt --certs .");
    assert_eq!(again.status.code(), Some(4));
    assert_eq!(text(again).matches("not imported: a binding of ").count(), 3, "nothing is overwritten");
}

#[test]
fn what_cannot_be_imported_is_listed_with_the_reason() {
    let desk = Desk::new();
    let (one, two) = (desk.hash("a.pem", "sha1"), desk.hash("b.pem", "sha1"));
    let listing = include_str!("vectors/netsh/mixed.txt").replace("[ONE]", &one).replace("[TWO]", &two);
    desk.bench.write("dump.txt", &listing);
    desk.good("cert import --cert b.pem");
    let output = desk.run("cert import --netsh dump.txt --certs .");
    assert_eq!(output.status.code(), Some(4));
    let expected = "\
BINDING        OUTCOME
10.0.0.5:8443  imported
10.0.0.6:8443  not imported: its certificate 00112233445566778899aabbccddeeff00112233 is not here
10.0.0.7:8443  not imported: it asks clients for certificates: name their authorities with --client-ca
443            not imported: it is a central certificate store: name its directory with --dir
10.0.0.8:443   not imported: it has TLS 1.2 and 1.3 off, and nothing older is spoken here
";
    assert_eq!(text(output), expected);
    let output = desk.run("cert import --netsh dump.txt --certs . --client-ca a.pem --dir .");
    assert_eq!(text(output).matches(" imported\n").count(), 2);
    assert_eq!(desk.json("cert show 10.0.0.7:8443")["terms"]["client-cert"], "request");
    assert_eq!(desk.json("cert show *:443")["answer"], "directory");
    assert_eq!(desk.json("cert show 10.0.0.5:8443")["terms"]["verify-revocation"], "cached");
    for junk in ["", "SSL Certificate bindings:\n", "{", "{\"x\": 1}"] {
        desk.bench.write("dump.txt", junk);
        assert_eq!(desk.tell("cert import --netsh dump.txt").0, Some(2), "{junk}");
    }
}

#[test]
fn a_listing_as_json_is_imported() {
    let desk = Desk::new();
    let octets = |hex: &str| {
        let pairs: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        json!(pairs).to_string()
    };
    let (one, two) = (octets(&desk.hash("a.pem", "sha1")), desk.hash("b.pem", "sha1"));
    let listing = include_str!("vectors/netsh/listing.json").replace("[ONE]", &one).replace("[TWO]", &two);
    desk.bench.write("dump.json", &listing);
    let outcome = desk.json("cert import --netsh dump.json --certs .");
    let done: Vec<bool> = outcome.as_array().unwrap().iter().map(|row| row["imported"].as_bool().unwrap()).collect();
    assert_eq!(done, [true, true, false], "{outcome}");
    let shown = desk.json("cert show 0.0.0.0:443");
    // 2640 is 0x800 (session ticket), 0x200 (log), 0x40 (no TLS 1.3) and 0x10 (no HTTP/2).
    let terms = json!({
        "max-tls": "1.2", "http2": "off", "tickets": "on", "log": "on", "usage-check": "off", "verify-revocation": "off",
    });
    assert_eq!(shown["terms"], terms);
    assert_eq!(desk.json("cert show api.example.com:8443")["answer"], "reject");
    let text = text(desk.run("cert show 0.0.0.0:443 --netsh"));
    assert!(
        text.contains("    Revocation Freshness Time    : 60\n")
            && text.contains("    Disable TLS1.3               : Set\n")
    );
}

#[test]
fn a_binding_is_shown_in_the_order_of_netsh() {
    let desk = Desk::new();
    desk.good("cert bind a.test:443 --cert a.pem --max-tls 1.2 --app 4dc3e181-e14b-4a21-b022-59fc669b0914");
    let shown = text(desk.run("cert show a.test:443"));
    let labels: Vec<&str> = shown.lines().filter_map(|line| Some(line.split_once(" : ")?.0.trim())).collect();
    let expected = [
        "Hostname:port",
        "Certificate Hash",
        "Application ID",
        "Certificate Store Name",
        "Verify Client Certificate Revocation",
        "Verify Revocation Using Cached Client Certificate Only",
        "Usage Check",
        "Revocation Freshness Time",
        "URL Retrieval Timeout",
        "Ctl Identifier",
        "Ctl Store Name",
        "DS Mapper Usage",
        "Negotiate Client Certificate",
        "Reject Connections",
        "Disable HTTP2",
        "Disable QUIC",
        "Disable TLS1.2",
        "Disable TLS1.3",
        "Disable OCSP Stapling",
        "Enable Token Binding",
        "Log Extended Events",
        "Disable Legacy TLS Versions",
        "Enable Session Ticket",
        "Disable Session ID",
        "Enable Caching Client Hello",
        "Subject",
        "Issuer",
        "Names",
        "Valid",
        "Key",
        "SHA-256",
        "Pin",
        "Minimum TLS",
        "Maximum TLS",
        "HTTP/2",
        "Client Certificate",
        "Client Authorities",
        "Client Authority Hints",
        "Session Tickets",
        "OCSP Stapling",
        "TLS Log",
    ];
    assert_eq!(labels, expected);
    assert!(shown.contains(&format!("    Certificate Hash             : {}\n", desk.hash("a.pem", "sha1"))), "{shown}");
    assert!(shown.contains("    Disable TLS1.3               : Set\n"), "{shown}");
}
