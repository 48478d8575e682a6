//! `gatepost ws` in pipes: what goes in, what comes out, and the code that it ends with.

mod bench;
mod peer;
mod running;

use std::process::Command as Process;

use bench::Bench;
use peer::Peer;
use running::Running;

/// Runs it against a way to behave; gives the code, stdout and stderr.
fn ws(peer: &Peer, path: &str, arguments: &str, stdin: &str) -> (Option<i32>, String, String) {
    let command = format!("ws {} --danger-plain-http {arguments}", peer.url(path));
    let output = Bench::new().gatepost(&command).stdin(stdin).output().unwrap();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn no_message_is_lost() {
    let peer = Peer::start();
    let table = [
        ("echo", "--count 3", "a\nb\n\n", "a\nb\n\n"),
        ("echo", "--wait 100ms", "hello\nthere", "hello\nthere\n"),
        // Closing at once loses nothing either: what was under way comes before the answer to the close.
        ("echo", "--wait 0s", "a\nb\nc\n", "a\nb\nc\n"),
        ("three", "", "", "one\ntwo\nthree\n"),
        ("three", "--count 2", "", "one\ntwo\n"),
        ("three", "--until ^t", "", "one\ntwo\n"),
        ("sum", "--until 6", "ab\ncd\nef\n", "2\n4\n6\n"),
        ("echo", "--stream --wait 100ms", "no line end", "no line end"),
        ("echo", "--binary --count 1", "a\n", "a\n"),
        ("echo", "-d first --count 2", "then\n", "first\nthen\n"),
        (
            "echo",
            "--deflate --count 1",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
        ),
    ];
    for (path, arguments, stdin, expected) in table {
        let (code, stdout, stderr) = ws(&peer, path, arguments, stdin);
        assert_eq!((code, stdout.as_str()), (Some(0), expected), "{path} {arguments}\n{stderr}");
    }
}

#[test]
fn the_code_says_how_it_ended() {
    let peer = Peer::start();
    let table = [
        ("three", "--count 4", 1, "", "error: the connection ended before 4 messages had come [GP-CLI-012]"),
        ("three", "--until four", 1, "", "before a message matched `four`"),
        ("echo", "--credential nobody", 4, "", "error: there is no credential `nobody` [GP-CLI-002]"),
        ("forbidden", "", 9, "  not you", "error: the server opened no WebSocket: it answered 403 [GP-CLI-008]"),
        ("forbidden", "", 9, "< 403 Forbidden", "hint: "),
        ("echo", "--subprotocol other", 9, "< 400 Bad Request", "< sec-websocket-protocol: chat"),
        ("fails", "", 11, "", "error: the other end closed with 1011 (internal error): out of order [GP-CLI-009]"),
        ("echo", "--count 1 --timeout 50ms", 12, "", "within 50ms [GP-CLI-011]"),
        ("drop", "--wait 1h", 13, "", "error: the connection ended without a close: "),
        ("echo", "--max-message 4 -d 12345 --wait 1h", 7, "", "error: "),
    ];
    for (path, arguments, code, one, other) in table {
        let (ended, _, stderr) = ws(&peer, path, arguments, "");
        assert_eq!(ended, Some(code), "{path} {arguments}\n{stderr}");
        assert!(stderr.contains(one) && stderr.contains(other), "{path} {arguments}\n{stderr}");
    }
    assert_eq!(ws(&peer, "fails", "--wait 1h", "").1, "almost\n");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_asked() {
    let bench = Bench::new();
    for arguments in [
        "ws",
        "ws ws://127.0.0.1:1/",
        "ws wss://h/ --until (",
        "ws wss://h/ --count 0",
        "ws wss://h/ --max-message 1x",
        "ws wss://h/ --binary --stream",
        "ws wss://h/ -H Authorization:x",
        "ws wss://h/ --record a.txt",
        "ws --listen 0.0.0.0:0",
        "ws --listen 127.0.0.1:0 wss://h/",
        "ws wss://h/ --echo",
        "ws run",
        "ws run a --var x",
    ] {
        let output = bench.gatepost(arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}\n{told}");
        assert!(told.starts_with("error: "), "{arguments}\n{told}");
    }
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_no_fault_of_the_other_end() {
    let bench = Bench::new();
    bench.write("bad.pem", "nothing");
    for arguments in ["ws wss://localhost:1/ --ca bad.pem", "ws --listen 127.0.0.1:0 --cert bad.pem --key bad.pem"] {
        bench.gatepost(arguments).assert().code(3);
    }
}

#[test]
fn every_event_is_a_line_of_json() {
    let peer = Peer::start();
    let (code, stdout, _) = ws(&peer, "asks", "--json --subprotocol chat --deflate --wait 0s", "hi\n");
    assert_eq!(code, Some(0));
    let lines: Vec<serde_json::Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |event: &str, direction: &str| {
        lines.iter().find(|line| line["event"] == event && (direction.is_empty() || line["direction"] == direction))
    };
    let connected = find("connected", "").unwrap();
    assert_eq!((&connected["status"], &connected["subprotocol"]), (&101.into(), &"chat".into()));
    assert_eq!(connected["deflate"], "permessage-deflate");
    assert_eq!(find("message", "out").unwrap()["data"], "hi");
    assert_eq!(find("ping", "in").unwrap()["data"], "there?");
    assert_eq!(
        (&find("close", "out").unwrap()["code"], &find("close", "in").unwrap()["code"]),
        (&1000.into(), &1000.into())
    );
    let (code, refused, _) = ws(&peer, "forbidden", "--json", "");
    let refused: serde_json::Value = serde_json::from_str(&refused).unwrap();
    assert_eq!((code, &refused["event"], &refused["status"]), (Some(9), &"refused".into(), &403.into()));
    assert!(lines.iter().all(|line| line["time"].as_str().is_some_and(|time| time.ends_with('Z'))), "{stdout}");
}

#[test]
fn a_recording_is_said_again() {
    let (peer, bench) = (Peer::start(), Bench::new());
    for kind in ["har", "ndjson"] {
        let say = |arguments: &str, stdin: &str| {
            let command = format!("ws {} --danger-plain-http -q {arguments}", peer.url("sum"));
            let output = bench.gatepost(&command).stdin(stdin).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(say(&format!("--record a.{kind} --count 2"), "ab\ncde\n"), "2\n5\n");
        assert_eq!(say(&format!("--replay a.{kind} --count 2"), "not this\n"), "2\n5\n");
    }
}

#[test]
fn a_replay_that_waits_in_vain_says_which_option_waits_longer() {
    let (peer, bench) = (Peer::start(), Bench::new());
    let moment = |direction: &str| {
        let what = "\"event\":\"message\",\"type\":\"text\",\"data\":\"a\"";
        format!("{{\"time\":\"1970-01-01T00:00:00Z\",{what},\"direction\":\"{direction}\"}}\n")
    };
    bench.write("a.ndjson", &(moment("in") + &moment("out")));
    let command = format!("ws {} --danger-plain-http --replay a.ndjson --wait 10ms", peer.url("echo"));
    let output = bench.gatepost(&command).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(12), "{told}");
    assert!(told.ends_with("[GP-CLI-011]\nhint: `--wait` gives it more time\n"), "{told}");
}

#[test]
fn no_secret_field_is_written_down() {
    let (peer, bench) = (Peer::start(), Bench::new());
    for kind in ["har", "ndjson"] {
        let fields = "-H X-Api-Key:s3cret -H Cookie:s3cret -H X-Our-Own:s3cret -H Accept-Language:de";
        let command =
            format!("ws {} --danger-plain-http --json --record a.{kind} {fields} -d x --count 1", peer.url("echo"));
        let output = bench.gatepost(&command).output().unwrap();
        let recorded = std::fs::read_to_string(bench.path().join(format!("a.{kind}"))).unwrap();
        for written in [String::from_utf8(output.stdout).unwrap(), recorded] {
            assert!(!written.contains("s3cret") && written.contains("\"de\""), "{written}");
            assert_eq!(written.matches("\"****\"").count(), 3, "{written}");
        }
    }
}

#[test]
fn who_interrupts_twice_does_not_wait_for_the_other_end() {
    let (peer, bench) = (Peer::start(), Bench::new());
    let mut running = Running::start(&bench, &format!("ws {} --danger-plain-http --json -d hello", peer.url("deaf")));
    let mut lines = running.lines();
    for event in ["\"direction\":\"in\"", "\"event\":\"close\""] {
        assert!(lines.by_ref().map(Result::unwrap).any(|line| line.contains(event)), "{event}");
        running.signal("INT");
    }
    assert_eq!(running.code(), Some(13));
}

/// The twin that listens, until the test ends.
struct Twin {
    running: Running,
    url: String,
}

impl Twin {
    fn start(bench: &Bench, arguments: &str) -> Self {
        let mut running = Running::start(bench, &format!("ws --listen 127.0.0.1:0 {arguments}"));
        let url = running.first_told().trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { running, url }
    }
}

#[test]
fn the_twin_prints_and_echoes() {
    let bench = Bench::new();
    let twin = Twin::start(&bench, "--echo --subprotocol chat");
    let command = format!("ws {} --danger-plain-http --subprotocol chat --count 1", twin.url);
    let output = bench.gatepost(&command).stdin("hello\n").output().unwrap();
    assert_eq!(output.stdout, b"hello\n");
    let (code, printed) = twin.running.end("INT");
    assert_eq!(code, Some(0));
    for part in ["#1 ", "subprotocol chat\n", " < hello\n", " > hello\n", " < close 1000 (normal)\n"] {
        assert!(printed.contains(part), "{part} is not in\n{printed}");
    }
}

#[test]
fn the_twin_with_a_certificate_speaks_tls() {
    let bench = Bench::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    bench.write("cert.pem", &made.cert.pem());
    bench.write("key.pem", &made.signing_key.serialize_pem());
    Process::new("chmod").arg("600").arg(bench.path().join("key.pem")).status().unwrap();
    let twin = Twin::start(&bench, "--echo --cert cert.pem --key key.pem");
    let url = twin.url.replace("127.0.0.1", "localhost");
    let run =
        |arguments: &str| bench.gatepost(&format!("ws {url} --count 1 {arguments}")).stdin("hi\n").output().unwrap();
    let trusted = run("--ca cert.pem");
    assert_eq!(trusted.stdout, b"hi\n", "{trusted:?}");
    let second = String::from_utf8(run("--ca cert.pem --http2 --json").stdout).unwrap();
    assert!(second.contains("\"protocol\":\"h2\"") && second.contains("\"status\":200"), "{second}");
    assert_eq!(run("").status.code(), Some(10));
}
