//! `gatepost cert renew` and `cert pin`.

mod bench;
mod desk;
mod running;
mod served;

use desk::{Desk, text};
use gatepost::tls::certificate::Certificate;
use gatepost::tls::pem;
use serde_json::json;
use served::Served;

#[test]
fn a_certificate_of_ours_is_issued_anew_wherever_it_is_bound() {
    let desk = Desk::new();
    desk.good("cert issue one.test *.two.test 192.0.2.1 --days 5 --out out");
    desk.good("cert bind one.test:1 --cert out/one.test.pem --key out/one.test.key --min-tls 1.3 --app Web");
    let before = desk.json("cert show one.test:1");
    let old = before["sha256"].as_str().unwrap().to_owned();
    desk.good(&format!("cert bind x.two.test:1 --hash {old} --http2 off"));
    desk.good(&format!("cert bind gone.test:1 --reject --hash {old}"));
    desk.good("cert bind b.test:1 --cert b.pem");
    let other = desk.json("cert show b.test:1");

    let renewed = desk.json("cert renew one.test:1");
    let new = renewed["sha256"].as_str().unwrap().to_owned();
    assert_eq!((&renewed["before"], &renewed["renewed"]), (&json!(old), &json!(true)));
    assert_eq!(renewed["bindings"], json!(["gone.test:1", "one.test:1", "x.two.test:1"]));
    let after = desk.json("cert show one.test:1");
    for same in ["names", "terms", "application", "answer", "issuer", "subject"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_ne!(after["spki_sha256"], before["spki_sha256"], "it has a key of its own");
    assert_eq!((&after["sha256"], &after["terms"]), (&json!(new), &json!({ "min-tls": "1.3" })));
    let shown = |key: &str| desk.json(&format!("cert show {key}"));
    assert_eq!((&shown("x.two.test:1")["sha256"], &shown("gone.test:1")["sha256"]), (&json!(new), &json!(new)));
    assert_eq!(shown("gone.test:1")["answer"], "reject", "what was closed stays closed");
    assert_eq!(shown("b.test:1"), other);
    let span = |file: &str| {
        let chain = pem::parse_chain_pem(text(desk.run(&format!("cert export {file}"))).as_bytes()).unwrap();
        let facts = Certificate::parse(&chain[0]).unwrap();
        (facts.not_after.since(facts.not_before), chain.len())
    };
    assert_eq!(span(&old), span(&new), "as long as before, and with its authority; the one before is kept");
    desk.good(&format!("cert renew {new} --days 9"));
    assert!(span("one.test:1").0 > span(&new).0);
    desk.good(&format!("cert renew {new}"));
    assert_ne!(desk.json("cert show one.test:1")["sha256"], json!(new), "it was bound nowhere any more");
}

#[test]
fn what_is_not_ours_is_not_renewed() {
    let desk = Desk::new();
    desk.good("cert bind a.test:1 --cert a.pem");
    desk.good("cert bind *:1 --dir .");
    let before = desk.json("cert list");
    // Neither without a local authority, nor with one; and none is made for that.
    for _ in 0..2 {
        let (code, said) = desk.tell("cert renew a.test:1");
        assert_eq!((code, said.contains("was issued neither by the local authority")), (Some(2), true), "{said}");
        desk.good("cert issue c.test --out out");
        std::fs::remove_dir_all(desk.bench.path().join("out")).unwrap();
    }
    for (wrong, code) in [("cert renew b.test:1", 4), ("cert renew 0000", 4), ("cert renew *:1", 2), ("cert renew", 2)]
    {
        assert_eq!(desk.tell(wrong).0, Some(code), "{wrong}");
    }
    assert_eq!(desk.json("cert list"), before);
}

#[test]
fn pins_are_printed_of_files_bindings_and_servers() {
    let desk = Desk::new();
    let facts = |der: &[u8]| Certificate::parse(der).unwrap();
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let root = facts(desk.authority.certificate_der());
    let whole = std::fs::read(desk.bench.path().join("a.pem")).unwrap();
    let leaf = facts(&pem::parse_chain_pem(&whole).unwrap()[0]);
    desk.good("cert bind a.test:1 --cert a.pem");
    let expected = format!(
        "PLACE  SUBJECT    PIN\n\
         leaf   CN=a.test  spki-sha256:{}\n\
         leaf   CN=a.test  sha256:{}\n\
         root   CN=Desk    spki-sha256:{}\n\
         root   CN=Desk    sha256:{}\n",
        hex(&leaf.spki),
        hex(&leaf.fingerprint),
        hex(&root.spki),
        hex(&root.fingerprint),
    );
    for which in ["a.pem", "a.test:1", &hex(&leaf.fingerprint)[..9]] {
        assert_eq!(text(desk.run(&format!("cert pin {which}"))), expected, "{which}");
    }
    let only = |place: &str| text(desk.run(&format!("cert pin a.pem --only {place}")));
    assert_eq!(only("leaf"), format!("spki-sha256:{}\n", hex(&leaf.spki)));
    assert_eq!(only("root"), format!("spki-sha256:{}\n", hex(&root.spki)));
    assert_eq!(desk.tell("cert pin a.pem --only issuer").0, Some(4));
    let rows = desk.json("cert pin a.test:1 --only root");
    assert_eq!(
        (&rows[0]["place"], &rows[0]["pin"]),
        (&json!("root"), &json!(format!("spki-sha256:{}", hex(&root.spki))))
    );
    assert!(rows[0]["curl"].as_str().unwrap().starts_with("sha256//"));
    desk.good("cert bind *:1 --dir .");
    for (wrong, code) in [("cert pin b.test:1", 4), ("cert pin *:1", 2), ("cert pin a.pem --ca a.pem", 2)] {
        assert_eq!(desk.tell(wrong).0, Some(code), "{wrong}");
    }
}

#[test]
fn pins_of_a_server_are_copied_and_hold() {
    let desk = Desk::new();
    let served = Served::start(&desk.bench, "");
    let (place, ca) = (served.of("url").trim_start_matches("https://").trim_end_matches('/'), served.of("ca"));
    for only in ["leaf", "root"] {
        let pin = text(desk.run(&format!("cert pin --live {place} --ca {ca} --only {only}")));
        let (code, said) = desk.tell(&format!("get https://{place}/ --ca {ca} --pin {}", pin.trim()));
        assert_eq!((code, said.contains("401")), (Some(8), true), "TLS is up: {said}");
    }
    // Who is not trusted is shown all the same, with the exit code of a refusal: a script does not pin that.
    let output = desk.run(&format!("cert pin --live {place} --ca a.pem --json"));
    assert_eq!(output.status.code(), Some(10));
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["place"]), (2, &json!("leaf")), "{rows}");
    served.end();
}
