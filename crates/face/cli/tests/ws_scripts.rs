//! `gatepost ws run`: the scripts in `examples/ws/` against the demo, and what is said when one fails.

mod bench;
mod running;
mod served;

use std::path::Path;

use bench::Bench;
use served::Served;

/// The examples, each told by its name when it fails.
const EXAMPLES: [&str; 5] = ["closing", "echo", "json", "patterns", "refused"];

fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/ws")
}

/// The options that the demo asks for.
fn reach(served: &Served) -> String {
    let host = served.of("url").trim_start_matches("https://").trim_end_matches('/');
    format!("--var host={host} --ca {} --user demo --password-env PW", served.of("ca"))
}

#[test]
fn the_examples_pass_against_the_demo() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let found = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = found.filter(|path| path.extension().is_some_and(|ending| ending == "ws")).collect();
    found.sort();
    let names: Vec<_> = found.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, EXAMPLES);
    for path in &found {
        let command = format!("ws run {} {}", path.display(), reach(&served));
        let output = bench.gatepost(&command).env("PW", served.of("password")).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.starts_with("passed "), "{}\n{told}", path.display());
    }
}

#[test]
fn nothing_in_a_failure_moves_the_cursor() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let script = "connect wss://{{host}}/ws\n> a\u{202e}b\n< any as evil\n> other\n< /{{evil}}/\n";
    bench.write("evil.ws", script);
    let command = format!("ws run evil.ws {}", reach(&served));
    let output = bench.gatepost(&command).env("PW", served.of("password")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("failed evil.ws:5:1: the message does not match `a\\u{202e}b`: other\n"), "{told}");
}

#[test]
fn a_failure_says_where_and_how() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    bench.write("bad.ws", "connect wss://{{host}}/ws\n> {\"a\": 1}\n< json $.a == 1\n& {\"a\": 2}\n> never\n");
    bench.write("good.ws", "connect wss://{{host}}/ws\n> {{token}}\n< s3cret\n");
    let reports = "--report-junit out.xml --report-json out.json";
    let command = format!("ws run bad.ws good.ws {} {reports}", reach(&served));
    let run = || bench.gatepost(&command).env("PW", served.of("password")).env("GATEPOST_VAR_token", "s3cret");
    let output = run().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = "failed bad.ws:4:1: another text came\n  at        & {\"a\": 2}\n    {\n  -   \"a\": 2\n  +   \"a\": 1\n    }\npassed good.ws, 1 expectations, ";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.ends_with("error: 1 of 2 scripts failed [GP-CLI-014]\n"), "{told}");
    let junit = std::fs::read_to_string(bench.path().join("out.xml")).unwrap();
    assert!(junit.contains("<testsuite name=\"bad.ws\" tests=\"2\" failures=\"1\""), "{junit}");
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(bench.path().join("out.json")).unwrap()).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &1.into()));
    assert_eq!(json["scripts"][0]["steps"][4]["outcome"], "skipped");
}

#[test]
fn what_cannot_be_read_is_told_before_anything_runs() {
    let bench = Bench::new();
    bench.write("good.ws", "connect wss://localhost:1/\n");
    bench.write("bad.ws", "connect wss://localhost:1/\n\n  < json a\n");
    let output = bench.gatepost("ws run good.ws bad.ws").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "error: bad.ws:3:10: a path begins with `$`, as in `$.user.names[0]` [GP-CLI-013]\n");
    bench.gatepost("ws run none.ws").assert().code(2);
    std::fs::write(bench.path().join("marked.ws"), "\u{feff}# a comment\n").unwrap();
    bench.gatepost("ws run marked.ws").assert().code(0);
}

#[test]
fn a_server_that_is_not_there_fails_the_script() {
    let bench = Bench::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    bench.write("a.ws", "connect wss://{{host}}/\n");
    let output = bench.gatepost(&format!("ws run a.ws --var host={address}")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("failed a.ws:1:1: no connection to 127.0.0.1:"), "{told}");
}
