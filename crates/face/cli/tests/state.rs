//! `gatepost state rekey`: another key for the store, from each kind to each other.

#[expect(dead_code, reason = "each test file uses its own part")]
mod bench;

use bench::Bench;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[test]
fn from_the_key_file_to_a_passphrase_to_a_key_of_ones_own_and_back() {
    let bench = Bench::new();
    let add = "credential add work --user ali --scope https://example.com -q --password-stdin";
    bench.gatepost(add).stdin("hunter2").assert().success();
    let seal = bench.path().join(".local/state/gatepost/seal.key");
    let read = |variable: &str, value: &str| {
        let output = bench.gatepost("credential reveal work --yes").env(variable, value).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let revealed = ("hunter2".to_owned(), Some(0));
    let rekey = |more: &str, variable: &str, value: &str| {
        let command = bench.gatepost(&format!("state rekey {more}")).env("PASS", "correct horse").env("NEXT", KEY);
        let output = command.env(variable, value).output().unwrap();
        (String::from_utf8(output.stderr).unwrap(), output.status.code())
    };

    let before = std::fs::read(&seal).unwrap();
    let said = "1 secrets are sealed with the new key: nothing else has to be changed.\n".to_owned();
    assert_eq!(rekey("", "X", ""), (said, Some(0)));
    assert_ne!(std::fs::read(&seal).unwrap(), before);
    assert_eq!(read("X", ""), revealed);

    let (said, code) = rekey("--to-passphrase --password-env PASS", "X", "");
    assert_eq!((code, said.contains("set GATEPOST_SEAL_PASSPHRASE to it from now on")), (Some(0), true), "{said}");
    assert!(!seal.exists());
    assert_eq!(read("GATEPOST_SEAL_PASSPHRASE", "correct horse"), revealed);
    assert_eq!(read("GATEPOST_SEAL_PASSPHRASE", "correct house").1, Some(3));
    assert_eq!(read("X", "").1, Some(3), "without a key there is nothing, and no new key is made");
    assert!(!seal.exists());

    assert_eq!(rekey("--to-env NEXT", "GATEPOST_SEAL_PASSPHRASE", "correct house").1, Some(3));
    assert_eq!(rekey("--to-env NEXT", "GATEPOST_SEAL_PASSPHRASE", "correct horse").1, Some(0));
    assert_eq!(read("GATEPOST_SEAL_KEY", KEY), revealed);
    assert_eq!(rekey("", "GATEPOST_SEAL_KEY", KEY).1, Some(0));
    assert!(seal.exists());
    assert_eq!(read("X", ""), revealed);

    let log = bench.gatepost("log decisions").output().unwrap();
    assert_eq!(String::from_utf8(log.stdout).unwrap().matches("  rekey  uid ").count(), 4);
    let (said, code) = rekey("--password-env PASS", "X", "");
    assert_eq!((code, said.contains("add `--to-passphrase`")), (Some(2), true), "{said}");
}
