//! Scripts against a peer that says what it was told to.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use crate::error::CliError;
use crate::ws::said::{Opened, Said};
use crate::ws::script::parse::parse;
use crate::ws::script::place::Place;
use crate::ws::script::run::{Outcome, run};
use crate::ws::script::template::Variables;
use crate::ws::wire::{Dial, Dialed, Ear, Mouth, Refused, Target};

/// A peer: what it says, in order, and who called.
#[derive(Debug, Default)]
struct Peer {
    says: VecDeque<Said>,
    dialed: Vec<Target>,
    refuses: Option<Refused>,
    breaks: bool,
}

impl Dial for Peer {
    type Mouth = Lips;
    type Ear = Rc<RefCell<Mind>>;

    async fn dial(&mut self, target: &Target) -> Result<Dialed<Lips, Self::Ear>, CliError> {
        self.dialed.push(target.clone());
        if let Some(refused) = self.refuses.take() {
            return Ok(Dialed::Refused(refused));
        }
        let opened = Opened { status: 101, response: vec![("Server".into(), "peer/1".into())], ..Opened::default() };
        let mind = Mind { says: std::mem::take(&mut self.says), echo: VecDeque::new(), breaks: self.breaks };
        let mind = Rc::new(RefCell::new(mind));
        Ok(Dialed::Open(Box::new(opened), Lips(Rc::clone(&mind)), mind))
    }
}

/// What the peer has to say; messages are echoed and pings answered behind that.
#[derive(Debug)]
struct Mind {
    says: VecDeque<Said>,
    echo: VecDeque<Said>,
    breaks: bool,
}

/// What speaks to the peer.
#[derive(Debug)]
struct Lips(Rc<RefCell<Mind>>);

impl Mouth for Lips {
    async fn say(&mut self, said: &Said) -> Result<(), CliError> {
        self.0.borrow_mut().echo.push_back(match said.clone() {
            Said::Ping(payload) => Said::Pong(payload),
            other => other,
        });
        Ok(())
    }
}

impl Ear for Rc<RefCell<Mind>> {
    async fn hear(&mut self) -> Result<Option<Said>, CliError> {
        let (next, breaks) = {
            let mut mind = self.borrow_mut();
            (mind.says.pop_front().or_else(|| mind.echo.pop_front()), mind.breaks)
        };
        match next {
            Some(said) => Ok(Some(said)),
            None if breaks => Err(CliError::Broken { detail: "the connection was reset".into() }),
            None => std::future::pending().await,
        }
    }
}

fn ran(text: &str, peer: &mut Peer) -> Vec<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let steps = parse(text).unwrap();
    let variables = Variables::from([("host".into(), "h.test".into())]);
    let done = runtime.block_on(run(&steps, peer, Path::new("."), variables));
    done.into_iter().map(|done| done.outcome).collect()
}

/// Where the first step that failed stands, and what it said.
fn failure(text: &str, mut peer: Peer) -> (Place, String) {
    let failed = ran(text, &mut peer).into_iter().find_map(|outcome| match outcome {
        Outcome::Failed(wrong) => Some((wrong.place, wrong.detail)),
        Outcome::Passed | Outcome::Skipped => None,
    });
    failed.unwrap()
}

fn peer(says: impl IntoIterator<Item = Said>) -> Peer {
    Peer { says: says.into_iter().collect(), ..Peer::default() }
}

fn text(text: &str) -> Said {
    Said::Text(text.into())
}

#[test]
fn a_whole_talk_passes() {
    let script = "\
var greeting = hello
connect wss://{{host}}/ws
  X-Greeting: {{greeting}}
< status 101
< header server matches /^peer/
< json $.type == \"welcome\"
& json $.id as id
> {{greeting}} {{id}}
ping are you there
< hello 7
< pong are you there
>b 00 ff
<b 00 ff
> id=42;
< /id=(?<n>\\d+)/
> {\"n\": {{n}}, \"a\": [1, 2]}
<* json $.n == {{n}}
& json $.a[-1] > 1
& {\"n\": 42, \"a\": [1, 2]}
< nothing 1s
close 1000 bye
< close 1000 bye
";
    let mut peer = peer([text("{\"type\":\"welcome\",\"id\":7}")]);
    let outcomes = ran(script, &mut peer);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Passed), "{outcomes:#?}");
    let fields = vec![("X-Greeting".to_owned(), "hello".to_owned())];
    assert_eq!(peer.dialed, [Target { url: "wss://h.test/ws".into(), fields }]);
}

#[test]
fn messages_are_passed_over_only_where_it_is_said() {
    let says = || [text("noise"), Said::Ping(b"x".to_vec()), text("signal 9"), text("rest")];
    let outcomes = ran("connect wss://h/\n<* /signal (?<n>.)/\n< rest\n> {{n}}\n< 9\n< ping x\n", &mut peer(says()));
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Passed), "{outcomes:#?}");
    let (place, detail) = failure("connect wss://h/\n< signal 9\n", peer(says()));
    assert_eq!((place.line, detail.as_str()), (2, "another text came\n  - signal 9\n  + noise\n    ^ character 1"));
}

#[test]
fn what_fails_says_what_came_instead() {
    let closing = || [Said::close(1011, "out of order")];
    let table = [
        ("> x", peer([]), 1, "nothing is connected yet"),
        ("connect wss://h/\n< x", peer([]), 2, "expected a message, and none came within 5s"),
        ("connect wss://h/\ntimeout 2s\n< x", peer([]), 3, "none came within 2s"),
        ("connect wss://h/\n< x", peer(closing()), 2, "the other end closed instead (1011 out of order)"),
        ("connect wss://h/\n< close 1000", peer(closing()), 2, "expected  1000\n  received  1011 out of order"),
        (
            "connect wss://h/\n< x",
            peer([Said::close(4000, "\u{202e}\n\u{1b}")]),
            2,
            "instead (4000 \\u{202e}\\u{a}\\u{1b})",
        ),
        ("connect wss://h/\n< json $ == 1", peer([text("\"\u{202e}\"")]), 2, "received  \"\\u{202e}\""),
        ("connect wss://h/\n< x", Peer { breaks: true, ..Peer::default() }, 2, "the connection was reset"),
        ("connect wss://h/\n< json $.a == 1", peer([text("{\"a\":2}")]), 2, "expected  == 1\n  received  2"),
        ("connect wss://h/\n< json $.b exists", peer([text("{\"a\":2}")]), 2, "there is no `$.b` in {\"a\":2}"),
        ("connect wss://h/\n< json $.a exists", peer([text("x")]), 2, "the message is not JSON: x"),
        ("connect wss://h/\n< {\"a\":1}", peer([text("{\"a\":2}")]), 2, "  -   \"a\": 1\n  +   \"a\": 2"),
        ("connect wss://h/\n<b 01 02", peer([Said::Binary(vec![1, 3])]), 2, "  - 01 02\n  + 01 03"),
        ("connect wss://h/\n< x", peer([Said::Binary(vec![1])]), 2, "expected a text, and this came: binary 01"),
        ("connect wss://h/\nping a\n< pong b", peer([]), 3, "a pong with another payload came"),
        ("connect wss://h/\n< nothing 1s", peer([text("x")]), 2, "a message came: x"),
        ("connect wss://h/\n& any", peer([]), 2, "no message came yet"),
        ("connect wss://h/\n> @no-such-file", peer([]), 2, "no-such-file: "),
        ("connect wss://h/\n< {{nope}}", peer([text("x")]), 2, "there is no variable `nope`"),
        ("connect wss://h/\n<* signal", peer([text("x"), text("y")]), 2, "2 passed over"),
    ];
    for (script, peer, line, expected) in table {
        let (place, detail) = failure(script, peer);
        assert!(place.line == line && detail.contains(expected), "{script}\n{place:?} {detail}");
    }
}

#[test]
fn a_refusal_can_be_what_is_expected() {
    let refused = || {
        let fields = vec![("WWW-Authenticate".into(), "Basic realm=\"x\"".into())];
        Peer { refuses: Some(Refused { status: 401, fields, ..Refused::default() }), ..Peer::default() }
    };
    let script = "connect wss://h/\n< status 401\n< header www-authenticate contains \"realm\"\n";
    assert_eq!(ran(script, &mut refused()), [Outcome::Passed, Outcome::Passed, Outcome::Passed]);
    assert_eq!(failure("connect wss://h/\n> x", refused()).1, "the server answered 401");
    assert_eq!(failure("connect wss://h/\n< status 101", refused()).1, "the status is 401");
}

#[test]
fn what_follows_a_failure_is_skipped_and_time_is_kept() {
    let mut peer = peer([]);
    let outcomes = ran("connect wss://h/\n< x\n> y\n", &mut peer);
    assert_eq!(outcomes.last(), Some(&Outcome::Skipped));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let steps = parse("wait 3s").unwrap();
    let done = runtime.block_on(run(&steps, &mut peer, Path::new("."), Variables::new()));
    assert_eq!(done[0].took, Duration::from_secs(3));
}
