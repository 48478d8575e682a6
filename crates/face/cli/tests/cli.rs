//! The command as a whole: help, version, wrong usage, and what every verb has.

#[expect(dead_code, reason = "each test file uses its own part")]
mod bench;

use bench::Bench;

const VERBS: [&str; 11] =
    ["serve", "get", "ws", "credential", "user", "cert", "token", "config", "auth", "log", "state"];

#[test]
fn version() {
    Bench::new().gatepost("--version").assert().success().stdout_eq("gatepost 0.1.0\n").stderr_eq("");
}

#[test]
fn every_verb_is_in_the_help_and_has_a_help_of_its_own_with_examples() {
    let bench = Bench::new();
    let help = bench.gatepost("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.contains("Exit codes:"), "{text}");
    for verb in VERBS {
        assert!(text.contains(&format!("\n  {verb} ")), "{verb} is not in\n{text}");
    }
    let leaves = [
        "serve",
        "get",
        "ws",
        "ws run",
        "credential add",
        "credential list",
        "credential remove",
        "credential reveal",
        "credential export",
        "credential import",
        "user add",
        "user list",
        "user remove",
        "cert bind",
        "cert rebind",
        "cert unbind",
        "cert which",
        "cert issue",
        "cert import",
        "cert export",
        "cert list",
        "cert show",
        "token issue",
        "config check",
        "config show",
        "auth schemes",
        "auth explain",
        "log decisions",
        "state rekey",
        "completions",
    ];
    for leaf in leaves {
        let output = bench.gatepost(&format!("{leaf} --help")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("Examples:\n"), "{leaf}\n{text}");
    }
}

#[test]
fn wrong_usage_is_code_2_on_stderr() {
    let bench = Bench::new();
    for arguments in
        ["nonsense", "get", "serve --upstream", "serve --upstream ftp://h", "user add a:b", "get https://h -H x"]
    {
        let output = bench.gatepost(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty() && output.stderr.starts_with(b"error: "), "{arguments}: {output:?}");
    }
}

#[test]
fn a_typo_gets_a_hint() {
    let output = Bench::new().gatepost("serv").output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("'serve'"));
}

#[test]
fn the_schemes_come_from_the_registry() {
    let output = Bench::new().gatepost("auth schemes --json").output().unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    let known: Vec<&str> = gatepost::auth::schemes::ALL.iter().map(|scheme| scheme.name()).collect();
    assert_eq!(names, known);
}

#[test]
fn completions_and_manual_pages() {
    let bench = Bench::new();
    let output = bench.gatepost("completions bash").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("_gatepost"));
    bench.gatepost("man pages --quiet").assert().success().stderr_eq("");
    for page in ["gatepost.1", "gatepost-serve.1", "gatepost-user-add.1"] {
        let text = std::fs::read_to_string(bench.path().join("pages").join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
}

#[test]
fn no_place_for_the_state_is_said() {
    let output = Bench::new().gatepost("user list").env_remove("HOME").output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("[GP-STATE-002]") && text.contains("hint: name one with `--state DIR`"), "{text}");
}
