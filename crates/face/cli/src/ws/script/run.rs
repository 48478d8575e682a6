//! Does what a script says, one step after the other, until its end or the first step that fails.

use std::path::Path;
use std::time::Duration;

use gatepost::model::event::one_line;
use tokio::time::Instant;

use crate::bounded::read_bounded;
use crate::error::CliError;
use crate::ws::hex;
use crate::ws::said::{Goodbye, NORMAL, Said};
use crate::ws::script::difference::difference;
use crate::ws::script::place::{Place, Wrong};
use crate::ws::script::step::{Action, Expectation, Payload, Step, Test};
use crate::ws::script::talk::{Kind, Missed, Talk};
use crate::ws::script::template::{Template, Variables};
use crate::ws::script::test;
use crate::ws::wire::{Dial, Dialed, Refused, Target};

/// How long an expectation waits unless the script says otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The most octets of a file that is sent.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed(Wrong),
    /// An earlier one failed.
    Skipped,
}

/// A step's end, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// Runs the steps. Files are looked for in `folder`. Gives one entry a step.
pub(crate) async fn run<D: Dial>(steps: &[Step], dial: &mut D, folder: &Path, variables: Variables) -> Vec<Done> {
    let mut run = Run { dial, folder, variables, patience: PATIENCE, talk: None, answer: None, last: None };
    let mut done = Vec::with_capacity(steps.len());
    let mut failed = false;
    for step in steps {
        let started = Instant::now();
        let outcome = match failed {
            true => Outcome::Skipped,
            false => run.step(step).await.map_or_else(Outcome::Failed, |()| Outcome::Passed),
        };
        failed |= matches!(outcome, Outcome::Failed(_));
        done.push(Done { outcome, took: started.elapsed() });
    }
    run.hang_up().await;
    done
}

struct Run<'a, D: Dial> {
    dial: &'a mut D,
    folder: &'a Path,
    variables: Variables,
    patience: Duration,
    talk: Option<Talk<D::Mouth, D::Ear>>,
    /// The answer to the last `connect`.
    answer: Option<Refused>,
    /// The message that came last.
    last: Option<Said>,
}

impl<D: Dial> Run<'_, D> {
    async fn step(&mut self, step: &Step) -> Result<(), Wrong> {
        let place = step.place;
        match &step.action {
            Action::Set { name, value } => {
                let value = value.fill(&self.variables)?;
                self.variables.insert(name.clone(), value);
            }
            Action::Timeout(patience) => self.patience = *patience,
            Action::Wait(time) => tokio::time::sleep(*time).await,
            Action::Connect { url, fields } => {
                let url = url.fill(&self.variables)?;
                let fill = |(name, value): &(String, Template)| Ok((name.clone(), value.fill(&self.variables)?));
                let fields = fields.iter().map(fill).collect::<Result<_, Wrong>>()?;
                self.connect(Target { url, fields }, place).await?;
            }
            Action::Send(payload) => {
                let said = self.payload(payload, place)?;
                self.say(said, place).await?;
            }
            Action::Ping(payload) => {
                let payload = payload.fill(&self.variables)?.into_bytes();
                self.say(Said::Ping(payload), place).await?;
            }
            Action::Pong(payload) => {
                let payload = payload.fill(&self.variables)?.into_bytes();
                self.say(Said::Pong(payload), place).await?;
            }
            Action::Close { code, reason } => {
                let reason = reason.fill(&self.variables)?;
                self.say(Said::close(*code, reason), place).await?;
            }
            Action::Expect(expectation) => self.expect(expectation, place).await?,
            Action::Also(test) => {
                let Some(said) = &self.last else { return Err(wrong(place, "no message came yet")) };
                test::pass(test, said, place, &mut self.variables)?;
            }
        }
        Ok(())
    }

    async fn connect(&mut self, target: Target, place: Place) -> Result<(), Wrong> {
        self.hang_up().await;
        (self.answer, self.last) = (None, None);
        let patience = self.patience.max(PATIENCE);
        let dialed = tokio::time::timeout(patience, self.dial.dial(&target)).await;
        match dialed.map_err(|_| wrong(place, "no answer in time"))?.map_err(|error| failed(place, &error))? {
            Dialed::Open(opened, mouth, ear) => {
                let (status, fields) = (opened.status, opened.response);
                self.answer = Some(Refused { status, fields, ..Refused::default() });
                self.talk = Some(Talk::new(mouth, ear));
            }
            Dialed::Refused(refused) => self.answer = Some(refused),
        }
        Ok(())
    }

    /// Ends a connection that is still there, politely; what the other end makes of it is nobody's test.
    async fn hang_up(&mut self) {
        let Some(mut talk) = self.talk.take() else { return };
        let said = talk.say(&Said::close(NORMAL, "")).await;
        if said.is_ok() {
            let _ = talk.next(Kind::Close, self.patience).await;
        }
    }

    fn talk(&mut self, place: Place) -> Result<&mut Talk<D::Mouth, D::Ear>, Wrong> {
        let refused = self.answer.as_ref().map(|answer| format!("the server answered {}", answer.status));
        let detail = refused.unwrap_or_else(|| "nothing is connected yet: `connect URL` comes first".into());
        self.talk.as_mut().ok_or(Wrong { place, detail })
    }

    async fn say(&mut self, said: Said, place: Place) -> Result<(), Wrong> {
        let patience = self.patience;
        let sent = tokio::time::timeout(patience, self.talk(place)?.say(&said)).await;
        sent.map_err(|_| wrong(place, "the other end takes nothing"))?.map_err(|error| failed(place, &error))
    }

    fn payload(&self, payload: &Payload, place: Place) -> Result<Said, Wrong> {
        Ok(match payload {
            Payload::Text(text) => Said::Text(text.fill(&self.variables)?),
            Payload::Octets(octets) => Said::Binary(octets.clone()),
            Payload::OctetsFile(name) => Said::Binary(self.file(&name.fill(&self.variables)?, place)?),
            Payload::TextFile(name) => {
                let name = name.fill(&self.variables)?;
                let text = String::from_utf8(self.file(&name, place)?);
                Said::Text(text.map_err(|_| wrong(place, format!("{name} is not UTF-8: send it with `>b @{name}`")))?)
            }
        })
    }

    fn file(&self, name: &str, place: Place) -> Result<Vec<u8>, Wrong> {
        let path = self.folder.join(name);
        let told = |error: std::io::Error| wrong(place, format!("{name}: {error}"));
        let octets = read_bounded(&path, LARGEST_FILE).map_err(told)?;
        octets.ok_or_else(|| wrong(place, format!("{name} is larger than 64 MiB")))
    }

    async fn expect(&mut self, expectation: &Expectation, place: Place) -> Result<(), Wrong> {
        let patience = self.patience;
        match expectation {
            Expectation::Next(test) => {
                let said = self.message(patience, place).await?;
                let passed = test::pass(test, &said, place, &mut self.variables);
                self.last = Some(said);
                passed
            }
            Expectation::Some(test) => self.find(test, place).await,
            Expectation::Ping(payload) => self.control(Kind::Ping, payload.as_ref(), place).await,
            Expectation::Pong(payload) => self.control(Kind::Pong, payload.as_ref(), place).await,
            Expectation::Close { code, reason } => {
                let reason = reason.as_ref().map(|reason| reason.fill(&self.variables)).transpose()?;
                let came = self.talk(place)?.next(Kind::Close, patience).await;
                let goodbye = match came.map_err(|missed| missing("a close", &missed, patience, place))? {
                    Said::Close(goodbye) => goodbye,
                    _ => None,
                };
                closed_as(*code, reason.as_deref(), goodbye.as_ref(), place)
            }
            Expectation::Silence(time) => match self.talk(place)?.next(Kind::Message, *time).await {
                Ok(said) => Err(wrong(place, format!("a message came: {}", test::told(&said)))),
                Err(Missed::Late) => Ok(()),
                Err(missed) => Err(missing("silence", &missed, *time, place)),
            },
            Expectation::Status(status) => {
                let answer = self.answer.as_ref().ok_or_else(|| wrong(place, "nothing was asked for yet"))?;
                // RFC 8441 §5: over HTTP/2 it is 200 that opens a WebSocket.
                let opened = self.talk.is_some() && *status == 101;
                if answer.status == *status || opened {
                    return Ok(());
                }
                Err(wrong(place, format!("the status is {}", answer.status)))
            }
            Expectation::Field { name, check } => {
                let answer = self.answer.as_ref().ok_or_else(|| wrong(place, "nothing was asked for yet"))?;
                let values = answer.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
                let all: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
                let value = (!all.is_empty()).then(|| serde_json::Value::from(all.join(", ")));
                check.ask(name, value.as_ref(), &mut self.variables)
            }
        }
    }

    async fn message(&mut self, patience: Duration, place: Place) -> Result<Said, Wrong> {
        let came = self.talk(place)?.next(Kind::Message, patience).await;
        came.map_err(|missed| missing("a message", &missed, patience, place))
    }

    /// Passes over messages until one passes the test.
    async fn find(&mut self, test: &Test, place: Place) -> Result<(), Wrong> {
        let deadline = Instant::now() + self.patience;
        let mut passed_over = 0_usize;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let came = self.talk(place)?.next(Kind::Message, left).await;
            let said = came.map_err(|missed| {
                let mut wrong = missing("a message that passes", &missed, self.patience, place);
                wrong.detail.push_str(&format!("; {passed_over} passed over"));
                wrong
            })?;
            // What a message that is passed over would have set is not kept.
            let mut variables = self.variables.clone();
            if test::pass(test, &said, place, &mut variables).is_ok() {
                (self.variables, self.last) = (variables, Some(said));
                return Ok(());
            }
            passed_over += 1;
        }
    }

    async fn control(&mut self, kind: Kind, payload: Option<&Template>, place: Place) -> Result<(), Wrong> {
        let expected = payload.map(|payload| payload.fill(&self.variables)).transpose()?;
        let patience = self.patience;
        let what = if kind == Kind::Ping { "a ping" } else { "a pong" };
        let came = self.talk(place)?.next(kind, patience).await;
        let octets = match came.map_err(|missed| missing(what, &missed, patience, place))? {
            Said::Ping(octets) | Said::Pong(octets) => octets,
            _ => Vec::new(),
        };
        match expected {
            Some(expected) if expected.as_bytes() != octets => {
                let received = String::from_utf8(octets).unwrap_or_else(|error| hex::pairs(error.as_bytes()));
                Err(wrong(place, format!("{what} with another payload came\n{}", difference(&expected, &received))))
            }
            _ => Ok(()),
        }
    }
}

fn closed_as(code: Option<u16>, reason: Option<&str>, came: Option<&Goodbye>, place: Place) -> Result<(), Wrong> {
    let fits_code = code.is_none_or(|code| came.is_some_and(|came| came.code == code));
    let fits_reason = reason.is_none_or(|reason| came.is_some_and(|came| came.reason == reason));
    if fits_code && fits_reason {
        return Ok(());
    }
    let expected = format!("{} {}", code.map_or_else(String::new, |code| code.to_string()), reason.unwrap_or_default());
    let expected = expected.trim();
    Err(wrong(place, format!("another close came\n  expected  {expected}\n  received  {}", named(came))))
}

fn named(goodbye: Option<&Goodbye>) -> String {
    let told = |goodbye: &Goodbye| format!("{} {}", goodbye.code, one_line(&goodbye.reason)).trim().to_owned();
    goodbye.map_or_else(|| "no code".into(), told)
}

fn missing(what: &str, missed: &Missed, patience: Duration, place: Place) -> Wrong {
    let why = match missed {
        Missed::Late => format!("none came within {patience:?}"),
        Missed::Closed(goodbye) => format!("the other end closed instead ({})", named(goodbye.as_ref())),
        Missed::Broken(detail) => format!("the connection is gone: {detail}"),
    };
    wrong(place, format!("expected {what}, and {why}"))
}

fn failed(place: Place, error: &CliError) -> Wrong {
    wrong(place, error.to_string())
}

fn wrong(place: Place, detail: impl Into<String>) -> Wrong {
    Wrong { place, detail: detail.into() }
}
