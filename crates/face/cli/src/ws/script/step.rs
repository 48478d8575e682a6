//! What a script says, step by step, as `parse` reads it and `run` does it.

use std::time::Duration;

use crate::ws::script::check::Check;
use crate::ws::script::path::JsonPath;
use crate::ws::script::pattern::Pattern;
use crate::ws::script::place::Place;
use crate::ws::script::template::Template;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// Where it stands.
    pub(crate) place: Place,
    /// Its first line, as it was written.
    pub(crate) source: String,
    /// What.
    pub(crate) action: Action,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// `var name = value`
    Set { name: String, value: Template },
    /// `timeout 2s`: how long each expectation waits from here on.
    Timeout(Duration),
    /// `wait 100ms`
    Wait(Duration),
    /// `connect URL` and the fields below it.
    Connect { url: Template, fields: Vec<(String, Template)> },
    /// `> …`
    Send(Payload),
    /// `ping …`
    Ping(Template),
    /// `pong …`
    Pong(Template),
    /// `close 1000 why`
    Close { code: u16, reason: Template },
    /// `< …`
    Expect(Expectation),
    /// `& …`: more about the message that came last.
    Also(Test),
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload {
    /// `> text`
    Text(Template),
    /// `>b 00 ff`
    Octets(Vec<u8>),
    /// `> @file`
    TextFile(Template),
    /// `>b @file`
    OctetsFile(Template),
}

/// What is expected.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expectation {
    /// The next message passes the test.
    Next(Test),
    /// `<* …`: a message passes the test; those before it are passed over.
    Some(Test),
    /// `< ping`, perhaps with this payload.
    Ping(Option<Template>),
    /// `< pong`, perhaps with this payload.
    Pong(Option<Template>),
    /// `< close 1000 why`
    Close { code: Option<u16>, reason: Option<Template> },
    /// `< nothing 200ms`
    Silence(Duration),
    /// `< status 401`
    Status(u16),
    /// `< header Name …`
    Field { name: String, check: Check },
}

/// What is asked of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// `any`, perhaps `as name`.
    Any(Option<String>),
    /// Text, to the letter.
    Text(Template),
    /// Octets.
    Octets(Vec<u8>),
    /// `/regex/`; named groups become variables.
    Matches(Pattern),
    /// `json $.path …`
    Json { path: JsonPath, check: Check },
}
