//! `gatepost user`: who may come in, and that no password is ever shown.

#[expect(dead_code, reason = "each test file uses its own part")]
mod bench;

use bench::Bench;
use gatepost::auth::record::Kind;
use gatepost::model::secret::Secret;

#[test]
fn add_list_remove() {
    let bench = Bench::new();
    let add = bench.gatepost("user add ali --password-stdin").stdin("hunter2\n");
    add.assert().success().stdout_eq("").stderr_eq("User ali may come in.\n");
    let add = bench.gatepost("user add bo --recoverable --password-env SECRET -q").env("SECRET", "hunter2");
    add.assert().success().stdout_eq("").stderr_eq("");
    bench.gatepost("user add cy --ntlm --password-stdin").stdin("hunter2\n").assert().success();
    let listed = "NAME  MAY USE\nali   not WSSE, not Digest\nbo    all schemes\ncy    not WSSE, not Digest; NTLM\n";
    bench.gatepost("user list").assert().success().stdout_eq(listed);
    bench.gatepost("user remove ali").assert().success().stderr_eq("User ali is gone.\n");
    let list = bench.gatepost("user list --json").output().unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let cy = serde_json::json!({ "name": "cy", "recoverable": false, "records": ["nt"] });
    assert_eq!(rows, serde_json::json!([{ "name": "bo", "recoverable": true, "records": [] }, cy]));
    let gone = bench.gatepost("user remove bo --json").output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&gone.stdout).unwrap();
    assert_eq!((said, gone.stderr), (serde_json::json!({ "user": "bo", "removed": true }), Vec::new()));
}

#[test]
fn digest_needs_a_record_and_not_the_password() {
    let bench = Bench::new();
    let add =
        |line: &str| bench.gatepost(&format!("user add {line} --password-env SECRET -q")).env("SECRET", "hunter2");
    add("ali --digest").assert().success().stderr_eq("");
    add("bo --digest=MD5-sess,SHA-256,md5 --realm staff").assert().success().stderr_eq("");
    let expected = "NAME  MAY USE
ali   not WSSE; Digest with SHA-256 gatepost
bo    not WSSE; Digest with MD5 staff, SHA-256 staff
";
    bench.gatepost("user list").assert().success().stdout_eq(expected);
    let list = bench.gatepost("user list --json").output().unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let records = serde_json::json!(["digest SHA-256 gatepost"]);
    assert_eq!(rows[0], serde_json::json!({ "name": "ali", "recoverable": false, "records": records }));
    for wrong in ["--digest=SHA-512", "--realm staff", "--digest --realm="] {
        assert_eq!(add(&format!("eve {wrong}")).output().unwrap().status.code(), Some(2), "{wrong}");
    }
    // SHA-256 of ali:gatepost:hunter2, as it must not lie on the disk.
    let record = "36916e85c2d6322349833af926796866";
    let state = bench.path().join(".local/state/gatepost");
    for entry in std::fs::read_dir(state).unwrap() {
        let octets = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!octets.windows(32).any(|part| part == record.as_bytes()));
    }
}

#[test]
fn what_is_there_and_what_is_not() {
    let bench = Bench::new();
    let add =
        |name: &str| bench.gatepost(&format!("user add {name} --password-stdin")).stdin("hunter2").output().unwrap();
    assert_eq!(add("ali").status.code(), Some(0));
    let twice = add("ali");
    assert_eq!(twice.status.code(), Some(5));
    assert!(String::from_utf8(twice.stderr).unwrap().contains("[GP-STORE-005]"));
    let gone = bench.gatepost("user remove bo").output().unwrap();
    assert_eq!(gone.status.code(), Some(4));
    assert!(String::from_utf8(gone.stderr).unwrap().contains("[GP-STORE-006]"));
}

#[test]
fn a_password_comes_from_somewhere_and_never_from_the_command_line() {
    let bench = Bench::new();
    let without = bench.gatepost("user add ali").stdin("").output().unwrap();
    assert_eq!(without.status.code(), Some(2));
    assert!(String::from_utf8(without.stderr).unwrap().contains("hint: use `--password-stdin`"));
    let argument = bench.gatepost("user add ali:hunter2").output().unwrap();
    assert_eq!(argument.status.code(), Some(2));
    assert!(String::from_utf8(argument.stderr).unwrap().contains("a password is never an argument"));
    let both = bench.gatepost("user add ali --password-stdin --password-env X").output().unwrap();
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn the_password_is_nowhere_in_clear() {
    let bench = Bench::new();
    bench.gatepost("user add ali --recoverable --ntlm --password-stdin").stdin("hunter2-in-clear").assert().success();
    let hash = Kind::NtHash.compute("ali", &Secret::from("hunter2-in-clear")).unwrap();
    let state = bench.path().join(".local/state/gatepost");
    let mut looked = 0;
    for entry in std::fs::read_dir(state).unwrap() {
        let octets = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!octets.windows(16).any(|part| part == b"hunter2-in-clear" || part == hash.reveal()));
        looked += 1;
    }
    assert!(looked >= 2);
}
