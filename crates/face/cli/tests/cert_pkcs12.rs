//! `gatepost cert import FILE` and `cert export --pkcs12`.

mod bench;
mod desk;

use desk::{Desk, text};
use gatepost::tls::pem;
use serde_json::json;

#[test]
fn a_file_goes_out_and_comes_in_under_its_password() {
    let desk = Desk::new();
    desk.bench.write("secret.txt", "open sesame\n");
    desk.bench.write("other.txt", "close sesame\n");
    desk.good("cert bind a.test:1 --cert a.pem");
    desk.good("cert export a.test:1 --pkcs12 a.p12 --password-file secret.txt");
    let place = desk.bench.path().join("a.p12");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&place).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    assert_eq!(desk.tell("cert export a.test:1 --pkcs12 a.p12 --password-file secret.txt").0, Some(5));

    let fresh = Desk::new();
    std::fs::copy(&place, fresh.bench.path().join("a.p12")).unwrap();
    fresh.bench.write("secret.txt", "open sesame");
    fresh.bench.write("other.txt", "close sesame");
    let (code, said) = fresh.tell("cert import a.p12 --password-file other.txt");
    assert_eq!((code, said.contains("the password does not open a.p12")), (Some(2), true), "{said}");
    let (code, said) = fresh.tell("cert import a.p12");
    assert_eq!((code, said.contains("there is no terminal to ask")), (Some(2), true), "{said}");
    assert_eq!(fresh.tell("cert bind a.test:1 --hash 0000").0, Some(4));
    let imported = fresh.json("cert import a.p12 --password-file secret.txt");
    assert_eq!(imported, json!({ "sha256": desk.hash("a.pem", "sha256"), "imported": true }));
    let hash = imported["sha256"].as_str().unwrap();
    fresh.good(&format!("cert bind a.test:1 --hash {hash}"));
    let chain = text(fresh.run(&format!("cert export {hash} --key-out key.pem")));
    let key = std::fs::read_to_string(fresh.bench.path().join("key.pem")).unwrap();
    let whole = std::fs::read_to_string(desk.bench.path().join("a.pem")).unwrap();
    assert_eq!(pem::parse_chain_pem(chain.as_bytes()).unwrap(), pem::parse_chain_pem(whole.as_bytes()).unwrap());
    assert!(pem::parse_key_pem(key.as_bytes()).unwrap() == pem::parse_key_pem(whole.as_bytes()).unwrap());
}

#[test]
fn files_of_other_programs_are_imported_and_pem_too() {
    let desk = Desk::new();
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/pkcs12");
    for name in ["openssl3", "legacy", "triple-des", "keytool"] {
        let fresh = Desk::new();
        fresh.bench.write("secret.txt", "changeit");
        fresh.good(&format!("cert import {vectors}/{name}.p12 --password-file secret.txt"));
    }
    desk.good("cert import a.pem");
    desk.good(&format!("cert bind a.test:1 --hash {}", desk.hash("a.pem", "sha256")));
    desk.bench.write("secret.txt", "changeit");
    desk.bench.write("junk.p12", "junk");
    std::fs::write(desk.bench.path().join("empty.p12"), b"").unwrap();
    for (wrong, words) in [
        ("cert import junk.p12 --password-file secret.txt", "junk.p12: it cannot be read"),
        ("cert import empty.p12", "empty.p12: it cannot be read"),
        ("cert import a.pem --password-file secret.txt", "PEM is read without a password"),
        ("cert import --cert a.pem --password-file secret.txt", "a password is for PKCS #12"),
        ("cert export a.test:1 --password-file secret.txt", "a password is for PKCS #12"),
        ("cert import a.pem --cert a.pem", "cannot be used with"),
    ] {
        let (code, said) = desk.tell(wrong);
        assert_eq!((code, said.contains(words)), (Some(2), true), "{wrong}: {said}");
    }
}
