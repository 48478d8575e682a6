//! A session of `gatepost ws` on a terminal: a pseudo-terminal that a script types on.

#[expect(dead_code, reason = "each test file uses its own part")]
mod bench;
mod peer;
mod running;
mod terminal;

use std::io::Write;

use bench::Bench;
use peer::Peer;
use rustix::termios::tcgetattr;
use terminal::Session;

/// What switches bracketed paste on: the terminal is the editor's from here.
const PROMPT: &str = "\u{1b}[?2004h";

fn start(bench: &Bench, arguments: &str) -> Session {
    Session::start(bench, &format!("ws {arguments}"))
}

#[test]
fn a_session_shows_what_is_said_and_obeys_commands() {
    let (bench, peer) = (Bench::new(), Peer::start());
    let arguments = format!("{} --danger-plain-http --color never --subprotocol chat", peer.url("echo"));
    let mut session = start(&bench, &arguments);
    session.wait_for("* connected to ws://127.0.0.1:");
    session.wait_for("no TLS, http/1.1, subprotocol chat");
    session.type_line("hello there");
    session.wait_for("< hello there");
    session.type_line("/ping anybody?");
    session.wait_for("> ping anybody?");
    session.wait_for("< pong anybody?");
    session.type_line("/binary 41 00");
    session.wait_for("< binary, 2 octets");
    session.wait_for("|A.|");
    session.type_line("/frame one ");
    session.type_line("/binary 00");
    session.wait_for("error: cannot be sent over a WebSocket");
    session.type_line("two");
    session.wait_for("< one two");
    session.type_line("/nonsense");
    session.wait_for("hint: there is no `/nonsense`");
    session.type_line("/binary 0");
    session.wait_for("hint: an octet is two hexadecimal digits");
    session.type_line("/send @none");
    session.wait_for("error: none: ");
    session.type_line("/headers");
    session.wait_for("< sec-websocket-protocol: chat");
    session.type_line("/auth");
    session.wait_for("secured by nothing: it is in the clear");
    session.type_line("/help");
    session.wait_for("/close [CODE [REASON]]");
    session.type_line("/save talk.ndjson");
    session.wait_for("moments are in talk.ndjson");
    session.type_line("/close 4000 that is all");
    session.wait_for("< close 4000 (of the application)");
    assert_eq!(session.end(), Some(0));
    let saved = std::fs::read_to_string(bench.path().join("talk.ndjson")).unwrap();
    assert!(saved.contains("\"data\":\"hello there\"") && saved.contains("\"event\":\"pong\""), "{saved}");
}

#[test]
fn the_terminal_is_as_it_was_whoever_ends_it() {
    let (bench, peer) = (Bench::new(), Peer::start());
    for (path, keys, last, code) in [
        ("echo", "\u{4}", "< close 1000 (normal)", 0),
        ("echo", "\u{3}", "< close 1000 (normal)", 0),
        ("three", "", "< three", 0),
        ("fails", "", "error: the other end closed with 1011 (internal error): out of order", 11),
        ("drop", "", "* the connection ended without a close", 13),
    ] {
        let arguments = format!("{} --danger-plain-http --color never", peer.url(path));
        let mut session = start(&bench, &arguments);
        if !keys.is_empty() {
            session.wait_for(PROMPT);
            session.keyboard.write_all(keys.as_bytes()).unwrap();
        }
        session.wait_for(last);
        assert_eq!(session.end(), Some(code), "{path}");
        let after = tcgetattr(&session.keyboard).unwrap();
        assert_eq!(
            (session.before.local_modes, session.before.input_modes),
            (after.local_modes, after.input_modes),
            "{path}"
        );
    }
}

#[test]
fn what_comes_while_something_is_typed_stands_above_it() {
    let (bench, peer) = (Bench::new(), Peer::start());
    let arguments = format!("{} --danger-plain-http --color never --history typed", peer.url("echo"));
    let mut session = start(&bench, &arguments);
    session.wait_for(PROMPT);
    // The answer comes while the next line has begun: it is drawn again behind it.
    session.type_line("first");
    session.keyboard.write_all(b"sec").unwrap();
    session.wait_for("< first");
    session.keyboard.write_all(b"ond\r").unwrap();
    session.wait_for("< second");
    // Up brings the line before.
    session.keyboard.write_all(b"\x1b[A\x1b[A\r").unwrap();
    session.wait_for("< first");
    session.type_line(" secret");
    session.wait_for("<  secret");
    session.type_line("/close");
    assert_eq!(session.end(), Some(0));
    let history = std::fs::read_to_string(bench.path().join("typed")).unwrap();
    assert!(history.contains("first") && history.contains("second") && !history.contains("secret"), "{history}");
}
