//! A session of `gatepost ws` on a terminal: a pseudo-terminal that a script types on.

#[expect(dead_code, reason = "each test file uses its own part")]
mod bench;
mod peer;
mod running;

use std::fs::File;
use std::io::{Read, Write};

use bench::Bench;
use peer::Peer;
use running::Running;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// What switches bracketed paste on: the terminal is the editor's from here.
const PROMPT: &str = "\u{1b}[?2004h";

/// A session on a terminal of its own.
struct Session {
    running: Running,
    keyboard: File,
    /// What the terminal was set to at first.
    before: Termios,
    screen: String,
}

impl Session {
    fn start(bench: &Bench, arguments: &str) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let before = tcgetattr(&master).unwrap();
        let mut command = Running::command(bench, &format!("ws {arguments}"));
        command.env("TERM", "xterm").stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap());
        let running = Running::of(command.stderr(terminal));
        // With its own copies closed, the test sees when nobody has the terminal open any more.
        drop(command);
        Self { running, keyboard: File::from(master), before, screen: String::new() }
    }

    /// Reads the screen until this stands on it, behind what was waited for before.
    fn wait_for(&mut self, text: &str) {
        let mut octets = [0; 4096];
        loop {
            if let Some(at) = self.screen.find(text) {
                self.screen.drain(..at + text.len());
                return;
            }
            // Once nobody has the terminal open any more, reading it fails.
            let read = self.keyboard.read(&mut octets);
            let read = read.unwrap_or_else(|_| panic!("it ended before `{text}` came, with\n{}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&octets[..read]));
        }
    }

    fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\r").unwrap();
    }

    /// Waits for the end; gives the code.
    fn end(&mut self) -> Option<i32> {
        self.running.code()
    }
}

#[test]
fn a_session_shows_what_is_said_and_obeys_commands() {
    let (bench, peer) = (Bench::new(), Peer::start());
    let arguments = format!("{} --danger-plain-http --color never --subprotocol chat", peer.url("echo"));
    let mut session = Session::start(&bench, &arguments);
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
        let mut session = Session::start(&bench, &arguments);
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
    let mut session = Session::start(&bench, &arguments);
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
