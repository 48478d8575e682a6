//! `gatepost config`: what a reader sees of a good and of a wrong file.

mod bench;

use bench::Bench;

const GOOD: &str = "\
[[listener]]
address = \"127.0.0.1:8443\"

[[route]]
path = \"/api\"
schemes = [\"Basic\", \"WSSE\"]
upstream = \"http://127.0.0.1:3000\"
";

#[test]
fn a_good_file() {
    let bench = Bench::new();
    bench.write("gatepost.toml", GOOD);
    let said = "gatepost.toml: good: 1 listener, 1 route\n";
    bench.gatepost("config check gatepost.toml").assert().success().stdout_eq(said).stderr_eq("");
}

#[test]
fn a_wrong_file_names_the_place_what_was_expected_and_a_hint() {
    let bench = Bench::new();
    bench.write("gatepost.toml", &GOOD.replace("\"WSSE\"", "\"WSEE\""));
    bench
        .gatepost("config check gatepost.toml")
        .assert()
        .code(3)
        .stdout_eq("")
        .stderr_eq("error: gatepost.toml:6:21: unknown scheme `WSEE` [GP-CONF-001]\nhint: did you mean `WSSE`?\n");
    bench.write("gatepost.toml", &GOOD.replace("schemes", "# schemes"));
    let output = bench.gatepost("config check gatepost.toml").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: gatepost.toml:4:1: this route lets everybody in"), "{text}");
}

#[test]
fn a_file_that_is_not_there() {
    let output = Bench::new().gatepost("config check none.toml").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: none.toml cannot be read: "));
}

#[test]
fn each_value_has_its_source() {
    let bench = Bench::new();
    bench.write("gatepost.toml", GOOD);
    let shown = bench.gatepost("config show gatepost.toml").env("GATEPOST_AUTH_REALM", "staff").output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let line =
        |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{text}"));
    assert!(line("auth.realm").ends_with("# environment GATEPOST_AUTH_REALM"));
    assert!(line("limits.head_time").contains(" 30s ") && line("limits.head_time").ends_with("# default"));
    assert!(
        line("route[0].schemes").contains("Basic, WSSE") && line("route[0].schemes").ends_with("# gatepost.toml:4:1")
    );
    let json = bench.gatepost("config show --json").output().unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == "auth.realm").unwrap();
    assert_eq!((row["value"].as_str(), row["source"].as_str()), (Some("gatepost"), Some("default")));
}
