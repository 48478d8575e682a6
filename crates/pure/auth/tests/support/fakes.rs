//! Schemes that exist in tests only: one with a token that can be renewed, one with two legs, one
//! that never stops asking.

use gatepost_auth::challenge::Challenge;
use gatepost_auth::error::AuthError;
use gatepost_auth::need::Need;
use gatepost_auth::scheme::{Scheme, Step, Strength, Turn};
use gatepost_auth::verdict::{Refusal, Verdict};
use http::HeaderValue;

pub(crate) static REGISTRY: &[&dyn Scheme] = &[
    &TwoLegs,
    &Renewable,
    &gatepost_auth::schemes::digest::Digest,
    &gatepost_auth::schemes::wsse::Wsse,
    &gatepost_auth::schemes::basic::Basic,
    &Endless,
];

/// Sends `Renewable <token>`.
#[derive(Debug)]
pub(crate) struct Renewable;

/// Sends `TwoLegs one`, then `TwoLegs two` in answer to a challenge with token68.
#[derive(Debug)]
pub(crate) struct TwoLegs;

/// Asks and asks.
#[derive(Debug)]
pub(crate) struct Endless;

fn send(turn: &Turn<'_>, value: &str, memory: &[u8]) -> Step {
    let field = (turn.request.party.answer_field(), HeaderValue::from_str(value).unwrap());
    Step::Send { fields: vec![field], memory: memory.to_vec(), preliminary: false }
}

impl Scheme for Renewable {
    fn name(&self) -> &'static str {
        "Renewable"
    }

    fn strength(&self) -> Strength {
        Strength::Token
    }

    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        Ok(match &turn.answers.token {
            None => Step::Need(Need::Token { refresh: false }),
            Some(None) => Step::Decline("no token".into()),
            Some(Some(token)) => send(turn, &format!("Renewable {}", token.value.reveal_text().unwrap()), &[]),
        })
    }

    fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        None
    }

    fn verify(&self, _turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        Ok(Verdict::Absent)
    }
}

impl Scheme for TwoLegs {
    fn name(&self) -> &'static str {
        "TwoLegs"
    }

    fn strength(&self) -> Strength {
        Strength::Key
    }

    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        Ok(match (turn.memory, turn.challenge.and_then(|challenge| challenge.token68.as_deref())) {
            ([], _) => send(turn, "TwoLegs one", b"secret state"),
            (b"secret state", Some("more")) => send(turn, "TwoLegs more", b"secret state"),
            (b"secret state", Some(_)) => send(turn, "TwoLegs two", &[]),
            _ => Step::Decline("out of step".into()),
        })
    }

    fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        None
    }

    fn verify(&self, _turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        Ok(Verdict::Absent)
    }
}

impl Scheme for Endless {
    fn name(&self) -> &'static str {
        "Endless"
    }

    fn strength(&self) -> Strength {
        Strength::Clear
    }

    fn prove(&self, _turn: &Turn<'_>) -> Result<Step, AuthError> {
        Ok(Step::Need(Need::Login { user: None }))
    }

    fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        None
    }

    fn verify(&self, _turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        Ok(Verdict::Absent)
    }
}
