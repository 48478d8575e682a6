//! `gatepost credential`: what `get` may say of us, without its secret.

mod bench;

use bench::Bench;

#[test]
fn add_list_remove() {
    let bench = Bench::new();
    bench.write("token", "hunter2\n");
    let work = "credential add work --user ali --scope https://example.com/api --password-stdin";
    let said = "Use it with `gatepost get --credential work URL`.\n";
    bench.gatepost(work).stdin("hunter2").assert().success().stdout_eq("").stderr_eq(said);
    bench.gatepost("credential add bot --scope https://example.com --password-file token -q").assert().success();
    let table = "\
NAME  USER  SCHEME  SCOPE
bot   -     Bearer  https://example.com/
work  ali   any     https://example.com/api
";
    bench.gatepost("credential list").assert().success().stdout_eq(table).stderr_eq("");
    let list = bench.gatepost("credential list --json").output().unwrap();
    assert!(!String::from_utf8(list.stdout).unwrap().contains("hunter2"));
    bench.gatepost("credential remove work").assert().success().stderr_eq("Credential work is gone.\n");
    assert_eq!(bench.gatepost("credential remove work").output().unwrap().status.code(), Some(4));
}

#[test]
fn a_scope_is_a_url_without_secrets() {
    let bench = Bench::new();
    let add = bench.gatepost("credential add x --user a --scope https://a:hunter2@h/ --password-stdin").stdin("s");
    let output = add.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("[GP-URL-003]") && !text.contains("hunter2"), "{text}");
}
