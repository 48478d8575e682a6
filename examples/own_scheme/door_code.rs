//! A scheme of one's own: a code over the request, made with the user's secret, good once and for half a minute.
//!
//! It goes in a field of its own: `X-Door-Code: USER TIME CODE`, where CODE is HMAC-SHA-256, in hex, over method, path and
//! time, with a key that is made of the secret.

use std::time::Duration;

use gatepost::auth::challenge::Challenge;
use gatepost::auth::error::AuthError;
use gatepost::auth::keyed::keyed_digest;
use gatepost::auth::need::Need;
use gatepost::auth::scheme::{Scheme, Step, Strength, Turn};
use gatepost::auth::verdict::{Refusal, Verdict};
use gatepost::model::principal::Principal;
use gatepost::model::secret::Secret;
use gatepost::model::time::Timestamp;
use http::{HeaderName, HeaderValue};

const NAME: &str = "Door-Code";
const FIELD: &str = "x-door-code";
/// How far the clocks may be apart, and how long a code is remembered.
const WINDOW: Duration = Duration::from_secs(30);

/// The scheme.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DoorCode;

/// The one there is: a registry takes schemes that last as long as the program.
pub(crate) static DOOR_CODE: DoorCode = DoorCode;

impl Scheme for DoorCode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn strength(&self) -> Strength {
        Strength::Digest
    }

    /// What a gateway strips before it forwards, and what no redirect takes to another origin.
    fn fields(&self) -> &'static [&'static str] {
        &[FIELD]
    }

    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        let login = match turn.answers.login_for(NAME) {
            Ok(login) => login,
            Err(step) => return Ok(step),
        };
        let now = turn.now.as_secs();
        let text = format!("{} {now} {}", login.user, code(turn, now, &login.secret));
        let unfit = || AuthError::Unsuitable { scheme: NAME, detail: "a user name that no field can hold".into() };
        let mut value = HeaderValue::from_str(&text).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok(Step::Send { fields: vec![(HeaderName::from_static(FIELD), value)], memory: Vec::new(), preliminary: false })
    }

    fn challenge(&self, turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        Some(Challenge::new(NAME).with("realm", turn.settings.realm.clone()))
    }

    /// It asks for what it lacks, one thing after the other: the user's secret, then whether the code was used before.
    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let Some(value) = turn.request.headers.get(FIELD) else {
            return Ok(Verdict::Absent);
        };
        let Some((user, time, sent)) = value.to_str().ok().and_then(read) else {
            return Ok(Verdict::Reject(Refusal::Malformed("not USER TIME CODE".into())));
        };
        let Some(login) = &turn.answers.login else {
            return Ok(Verdict::Need(Need::Login { user: Some(user.into()) }));
        };
        // An unknown user costs what a known one does.
        let nobody = Secret::from("");
        let secret = login.as_ref().map_or(&nobody, |login| &login.secret);
        let right = Secret::from(code(turn, time, secret)).matches(sent.as_bytes());
        if !right || login.is_none() {
            return Ok(Verdict::Reject(Refusal::WrongSecret));
        }
        let made = Timestamp::from_secs(time);
        if made.since(turn.now) > WINDOW || turn.now.since(made) > WINDOW {
            return Ok(Verdict::Reject(Refusal::Stale));
        }
        Ok(match turn.answers.first_use {
            None => Verdict::Need(Need::FirstUse { key: format!("{NAME} {sent}"), until: made + WINDOW * 2 }),
            Some(true) => Verdict::accept(Principal::new(user, NAME)),
            Some(false) => Verdict::Reject(Refusal::Replayed),
        })
    }
}

fn code(turn: &Turn<'_>, time: i64, secret: &Secret) -> String {
    let key = keyed_digest(&[0; 32], &[b"door code", secret.reveal()]);
    let (method, path) = (turn.request.method.as_str(), turn.request.url.path());
    let code = keyed_digest(&key, &[method.as_bytes(), path.as_bytes(), time.to_string().as_bytes()]);
    code.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn read(text: &str) -> Option<(&str, i64, &str)> {
    let mut words = text.split(' ');
    let read = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    words.next().is_none().then_some(read)
}
