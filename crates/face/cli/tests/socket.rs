//! `gatepost socket`: what is carried, what is refused, and the code that it ends with.

mod bench;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command as Process, Output, Stdio};
use std::thread::{self, JoinHandle};

use bench::Bench;
use serde_json::Value;

/// A bench with `cert.pem` for localhost, which is its own authority, and its `key.pem`.
fn bench() -> Bench {
    let bench = Bench::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    bench.write("cert.pem", &made.cert.pem());
    bench.write("key.pem", &made.signing_key.serialize_pem());
    assert!(Process::new("chmod").arg("600").arg(bench.path().join("key.pem")).status().unwrap().success());
    bench
}

fn process(bench: &Bench, arguments: &str) -> Process {
    let mut process = Process::new(env!("CARGO_BIN_EXE_gatepost"));
    process.args(arguments.split_whitespace()).env_clear().env("HOME", bench.path()).current_dir(bench.path());
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    process
}

/// One that listens, until the test ends.
struct Listening {
    process: Child,
    port: String,
}

impl Listening {
    fn start(bench: &Bench, arguments: &str) -> Self {
        let mut process = process(bench, &format!("socket listen 127.0.0.1:0 {arguments}")).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let place = line.split([' ', ',']).find(|word| word.starts_with("127.0.0.1:"));
        let port = place.unwrap_or_else(|| panic!("{line}")).rsplit_once(':').unwrap().1.to_owned();
        Self { process, port }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Already ended in some tests: then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn connect(bench: &Bench, arguments: &str, stdin: &str) -> (Option<i32>, String, String) {
    let output = bench.gatepost(&format!("socket connect {arguments}")).stdin(stdin).output().unwrap();
    parts(&output)
}

fn parts(output: &Output) -> (Option<i32>, String, String) {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn octets_go_there_and_back() {
    let bench = bench();
    let tls = Listening::start(&bench, "--cert cert.pem --key key.pem --echo");
    let plain = Listening::start(&bench, "--plain --echo");
    let front = Listening::start(&bench, &format!("--cert cert.pem --key key.pem --to localhost:{}", plain.port));
    let behind = Listening::start(&bench, &format!("--plain --to-tls localhost:{} --ca cert.pem", tls.port));
    let long = "0123456789abcdef\n".repeat(40_000);
    let table = [
        (&tls, "--ca cert.pem"),
        (&tls, "--ca cert.pem --tls --min-tls 1.3 --local 127.0.0.1 --ttl 7 --dscp ef --keep-alive --nagle"),
        (&plain, "--plain --keep-alive=5s --send-buffer 4096"),
        (&front, "--ca cert.pem"),
        (&behind, "--plain"),
    ];
    for (listening, arguments) in table {
        for said in ["hello\n", "", &long] {
            let (code, stdout, stderr) = connect(&bench, &format!("localhost:{} {arguments}", listening.port), said);
            assert!((code, stdout.as_str()) == (Some(0), said), "{arguments} {code:?} {stderr}");
        }
    }
}

#[test]
fn tls_in_the_middle_of_a_conversation() {
    let bench = bench();
    for protocol in ["smtp", "imap", "pop3", "ldap", "postgres"] {
        let arguments = format!("--cert cert.pem --key key.pem --echo --starttls {protocol}");
        let listening = Listening::start(&bench, &arguments);
        let place = format!("localhost:{} --starttls {protocol}", listening.port);
        let (code, stdout, stderr) = connect(&bench, &format!("{place} --ca cert.pem -v"), "hello\n");
        assert_eq!((code, stdout.as_str()), (Some(0), "hello\n"), "{protocol} {stderr}");
        assert!(stderr.contains("* > ") && stderr.contains("* < ") && stderr.contains("* TLSv1.3, TLS_"), "{stderr}");
        // Nothing goes on in the clear, whatever the reason.
        let (code, stdout, stderr) = connect(&bench, &place, "secret\n");
        assert_eq!((code, stdout.as_str()), (Some(10), ""), "{protocol} {stderr}");
    }
}

#[test]
fn a_plain_server_is_behind_starttls_and_greets_once() {
    let bench = bench();
    let (port, served) = serve(|mut stream| {
        stream.write_all(b"220 behind ESMTP\r\n").unwrap();
        let said = read_line(&stream);
        stream.write_all(b"250 behind\r\n").unwrap();
        said
    });
    let listening =
        Listening::start(&bench, &format!("--cert cert.pem --key key.pem --starttls smtp --to 127.0.0.1:{port}"));
    let place = format!("localhost:{} --starttls smtp --ca cert.pem", listening.port);
    assert_eq!(connect(&bench, &place, "EHLO x\r\n").1, "250 behind\r\n");
    assert_eq!(served.join().unwrap(), "EHLO x\r\n");
}

fn read_line(stream: &TcpStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn whoever_says_nothing_for_too_long_is_let_go() {
    let bench = bench();
    let echo = Listening::start(&bench, "--plain --echo --idle-time 50ms");
    let quiet = Listening::start(&bench, "--plain --echo");
    let passes = Listening::start(&bench, &format!("--plain --to 127.0.0.1:{} --idle-time 50ms", quiet.port));
    for listening in [&echo, &passes] {
        let mut stream = TcpStream::connect(("127.0.0.1", listening.port.parse().unwrap())).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut heard = String::new();
        // Without a word from here it would wait for ever.
        stream.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");
    }
}

/// A server of one connection; gives its port, and what became of it.
fn serve(talk: impl FnOnce(TcpStream) -> String + Send + 'static) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || talk(listener.accept().unwrap().0)))
}

#[test]
fn each_direction_has_an_end_of_its_own() {
    let bench = bench();
    // It stops speaking first, and listens to the end.
    let (port, served) = serve(|mut stream| {
        stream.write_all(b"that is all\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    });
    let mut client = process(&bench, &format!("socket connect 127.0.0.1:{port} --plain")).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(client.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "that is all\n");
    client.stdin.take().unwrap().write_all(b"but this comes").unwrap();
    assert_eq!((served.join().unwrap().as_str(), client.wait().unwrap().code()), ("but this comes", Some(0)));
    // It hears the end of stdin, and speaks after it; with --no-shutdown it does not hear it.
    for (arguments, expected) in [("", "heard 3"), ("--no-shutdown", "heard nothing")] {
        let (port, served) = serve(|mut stream| {
            stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
            let mut heard = Vec::new();
            let told = match stream.read_to_end(&mut heard) {
                Ok(count) => format!("heard {count}"),
                Err(_) => "heard nothing".to_owned(),
            };
            stream.write_all(told.as_bytes()).unwrap();
            told
        });
        let (code, stdout, _) = connect(&bench, &format!("127.0.0.1:{port} --plain {arguments}"), "abc");
        assert_eq!((code, stdout.as_str()), (Some(0), expected));
        assert_eq!(served.join().unwrap(), expected);
    }
    // By hand: the first connection, and then it is over.
    let mut listening = Listening::start(&bench, "--plain");
    let mut stream = TcpStream::connect(("127.0.0.1", listening.port.parse().unwrap())).unwrap();
    stream.write_all(b"from there").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    listening.process.stdin.take().unwrap().write_all(b"from here").unwrap();
    let (mut there, mut here) = (String::new(), String::new());
    stream.read_to_string(&mut here).unwrap();
    listening.process.stdout.take().unwrap().read_to_string(&mut there).unwrap();
    assert_eq!((here.as_str(), there.as_str()), ("from here", "from there"));
    assert_eq!(listening.process.wait().unwrap().code(), Some(0));
}

#[test]
fn the_code_says_how_it_ended() {
    let bench = bench();
    let tls = Listening::start(&bench, "--cert cert.pem --key key.pem --echo");
    let pin = "spki-sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = format!("localhost:{}", tls.port);
    let (smtp, _refused) = serve(|mut stream| {
        stream.write_all(b"220 x\r\n").unwrap();
        read_line(&stream);
        stream.write_all(b"250 no extensions\r\n").unwrap();
        String::new()
    });
    let (injecting, _injected) = serve(|mut stream| {
        stream.write_all(b"220 x\r\n").unwrap();
        read_line(&stream);
        stream.write_all(b"250-x\r\n250 STARTTLS\r\n").unwrap();
        read_line(&stream);
        stream.write_all(b"220 go\r\n250 injected\r\n").unwrap();
        String::new()
    });
    let table = [
        (place.clone(), 10, "[GP-TLS-003]"),
        (format!("{place} --ca cert.pem --pin {pin}"), 10, "[GP-TLS-014]"),
        (format!("{place} --ca cert.pem --server-name other.test"), 10, "[GP-TLS-"),
        (format!("127.0.0.1:{smtp} --starttls smtp"), 10, "[GP-STARTTLS-002]"),
        (format!("127.0.0.1:{injecting} --starttls smtp"), 10, "CVE-2011-0411"),
        (format!("localhost:{unused}"), 6, "[GP-NET-002]"),
        ("no-such-name.invalid:1".to_owned(), 6, "[GP-NET-001]"),
        (format!("{place} --ca cert.pem --local 192.0.2.1"), 2, "the local address"),
        (format!("{place} --ca cert.pem --interface no-such-one"), 2, "the interface"),
        (format!("{place} --proxy socks5://127.0.0.1:{unused}"), 6, "[GP-NET-002]"),
        (format!("{place} --plain --max-time 50ms --no-shutdown"), 12, "[GP-CLI-011]"),
    ];
    for (arguments, code, told) in table {
        let (ended, stdout, stderr) = connect(&bench, &arguments, "");
        assert_eq!((ended, stdout.as_str()), (Some(code), ""), "{arguments}\n{stderr}");
        assert!(stderr.contains("error: ") && stderr.contains(told), "{arguments}\n{stderr}");
    }
    // An end that TLS did not announce may not be the end.
    let mut cut = Listening::start(&bench, "--cert cert.pem --key key.pem --echo");
    let words = format!("socket connect localhost:{} --ca cert.pem", cut.port);
    let mut client = process(&bench, &words).spawn().unwrap();
    let (mut stdin, mut stdout) = (client.stdin.take().unwrap(), BufReader::new(client.stdout.take().unwrap()));
    stdin.write_all(b"half\n").unwrap();
    stdout.read_line(&mut String::new()).unwrap();
    cut.process.kill().unwrap();
    cut.process.wait().unwrap();
    let (code, _, stderr) = parts(&client.wait_with_output().unwrap());
    assert_eq!(code, Some(13), "{stderr}");
    assert!(stderr.contains("truncated"), "{stderr}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_sent() {
    let bench = bench();
    for arguments in [
        "connect",
        "connect localhost",
        "connect localhost:no-such-service",
        "connect localhost:1 --tls --plain",
        "connect localhost:1 --plain --starttls smtp",
        "connect localhost --starttls gopher",
        "connect localhost:1 --min-tls 1.1",
        "connect localhost:1 --ttl 0",
        "connect localhost:1 --dscp 64",
        "connect localhost:1 --danger-ignore-cert-error revoked",
        "connect localhost:1 --proxy socks4://localhost",
        "connect localhost:1 --proxy socks5://ali:pw@localhost",
        "listen 127.0.0.1:0",
        "listen localhost:0 --plain",
        "listen 127.0.0.1:0 --plain --cert cert.pem",
        "listen 127.0.0.1:0 --plain --starttls smtp",
        "listen 127.0.0.1:0 --cert cert.pem --key key.pem --starttls mysql",
        "listen 127.0.0.1:0 --plain --echo --to localhost:1",
        "listen 127.0.0.1:0 --plain --to localhost",
        "resolve localhost",
    ] {
        let (code, stdout, stderr) = parts(&bench.gatepost(&format!("socket {arguments}")).output().unwrap());
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments}\n{stderr}");
        assert!(stderr.starts_with("error: "), "{arguments}\n{stderr}");
    }
    for (arguments, expected) in [
        ("listen 127.0.0.1:0 --tls", 4),
        ("listen 127.0.0.1:0 --cert cert.pem --key cert.pem", 3),
        ("listen 127.0.0.1:0 --cert missing.pem", 6),
    ] {
        let (code, _, stderr) = parts(&bench.gatepost(&format!("socket {arguments}")).output().unwrap());
        assert_eq!(code, Some(expected), "{arguments}\n{stderr}");
    }
}

#[test]
fn what_stands_there_for_programs() {
    let bench = bench();
    let listening = Listening::start(&bench, "--cert cert.pem --key key.pem --echo --alpn echo/1");
    let place = format!("localhost:{} --ca cert.pem --alpn other,echo/1", listening.port);
    let (code, stdout, stderr) = connect(&bench, &format!("{place} --check --json"), "");
    assert_eq!(code, Some(0), "{stderr}");
    let shown: Value = serde_json::from_str(&stdout).unwrap();
    let tls = &shown["tls"];
    assert_eq!((&tls["version"], &tls["alpn"], &tls["resumed"]), (&"TLSv1.3".into(), &"echo/1".into(), &false.into()));
    assert_eq!(tls["peer"][0]["names"], serde_json::json!(["localhost"]));
    assert_eq!(shown["remote"], format!("127.0.0.1:{}", listening.port));
    let (code, stdout, _) = connect(&bench, &format!("{place} --json"), "hello");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((code, events), (Some(0), vec!["connected", "data", "closed"]));
    assert_eq!((&lines[1]["text"], &lines[2]["sent"], &lines[2]["received"]), (&"hello".into(), &5.into(), &5.into()));
    let ways = bench.gatepost("socket resolve 127.0.0.1:https --json").output().unwrap();
    let ways: Value = serde_json::from_slice(&ways.stdout).unwrap();
    assert_eq!(ways, serde_json::json!([{ "remote": "127.0.0.1:443", "local": "127.0.0.1" }]));
}

#[test]
fn what_is_bound_is_shown_and_clients_can_be_asked_who_they_are() {
    let bench = bench();
    let made = bench.gatepost("cert bind localhost:0 --cert cert.pem --key key.pem").output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let bound = Listening::start(&bench, "--tls --echo");
    let place = format!("localhost:{} --ca cert.pem", bound.port);
    assert_eq!(connect(&bench, &place, "bound\n").1, "bound\n");

    let client = rcgen::generate_simple_self_signed(["ada".to_owned()]).unwrap();
    bench.write("ada.pem", &(client.cert.pem() + &client.signing_key.serialize_pem()));
    let asks = Listening::start(&bench, "--cert cert.pem --key key.pem --client-ca ada.pem --echo");
    let place = format!("localhost:{} --ca cert.pem", asks.port);
    assert_eq!(connect(&bench, &format!("{place} --client-cert ada.pem"), "it is ada\n").1, "it is ada\n");
    // It is for the server that was named, whatever was dialled.
    let named = format!("127.0.0.1:{} --ca cert.pem --server-name localhost --client-cert ada.pem", asks.port);
    assert_eq!(connect(&bench, &named, "it is ada\n").1, "it is ada\n");
    let (code, stdout, _) = connect(&bench, &place, "nobody\n");
    assert_eq!((code == Some(0), stdout.as_str()), (false, ""));
}
