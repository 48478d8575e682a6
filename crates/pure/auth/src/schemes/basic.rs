//! Basic: user name and password, readable to whoever reads the request (RFC 7617).
//!
//! Nothing here decides whether a connection is safe enough to carry them: that is the policy's part.
//! Text is UTF-8 at both ends. No Unicode normalisation is done: RFC 7617 §2.1 asks for NFC, which
//! is how keyboards produce text; two spellings of one character are two passwords here.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;

use crate::challenge::Challenge;
use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::need::Need;
use crate::scheme::{Reuse, Scheme, Step, Strength, Turn};
use crate::verdict::{Refusal, Verdict};

/// The most octets of base64 that a server reads.
const MOST_OCTETS: usize = 8 * 1024;

/// How long a right password stands for its repetition.
const REUSE: Duration = Duration::from_secs(60);

const NAME: &str = "Basic";

/// The `Basic` scheme.
#[derive(Debug, Clone, Copy)]
pub struct Basic;

impl Scheme for Basic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn strength(&self) -> Strength {
        Strength::Clear
    }

    fn reuse(&self) -> Reuse {
        Reuse::For(REUSE)
    }

    /// One leg. The challenge's realm has no part in the proof; its `charset` can only be UTF-8
    /// (RFC 7617 §2.1), so it is not looked at.
    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        let login = match turn.answers.login_for(NAME) {
            Ok(login) => login,
            Err(step) => return Ok(step),
        };
        if login.user.contains(':') {
            return Err(unsuitable("a colon in the user name"));
        }
        let password = login.secret.reveal_text().ok_or_else(|| unsuitable("the password is not UTF-8"))?;
        if holds_control(&login.user) || holds_control(password) {
            return Err(unsuitable("a control character in the user name or password"));
        }
        let pair = Secret::from(format!("{}:{password}", login.user));
        let credentials = Credentials {
            scheme: NAME.into(),
            token68: Some(Secret::from(STANDARD.encode(pair.reveal()))),
            params: Vec::new(),
        };
        let field = (turn.request.party.answer_field(), credentials.to_header_value(NAME)?);
        Ok(Step::Send { fields: vec![field], memory: Vec::new(), preliminary: false })
    }

    fn challenge(&self, turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        Some(Challenge::new(NAME).with("realm", turn.settings.realm.clone()).with("charset", "UTF-8"))
    }

    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let (user, password) = match read(turn) {
            Ok(Some(pair)) => pair,
            Ok(None) => return Ok(Verdict::Absent),
            Err(error) => return Ok(Verdict::Reject(error.into())),
        };
        Ok(match turn.answers.password {
            None => Verdict::Need(Need::Password { user, password }),
            Some(true) => Verdict::accept(Principal::new(user, NAME)),
            Some(false) => Verdict::Reject(Refusal::WrongSecret),
        })
    }
}

/// `user-pass` (RFC 7617 §2): the first colon ends the user name, the password may hold others.
fn read(turn: &Turn<'_>) -> Result<Option<(String, Secret)>, AuthError> {
    let Some(credentials) = Credentials::of(&turn.request, NAME)? else {
        return Ok(None);
    };
    let encoded = credentials.token68.ok_or_else(|| malformed("no base64"))?;
    if encoded.reveal().len() > MOST_OCTETS {
        return Err(malformed("too long"));
    }
    // Canonical base64 only: one user-pass has one spelling.
    let pair = STANDARD.decode(encoded.reveal()).map(Secret::new).map_err(|_| malformed("not base64"))?;
    let text = pair.reveal_text().ok_or_else(|| malformed("not UTF-8"))?;
    let (user, password) = text.split_once(':').ok_or_else(|| malformed("no colon"))?;
    if holds_control(text) {
        return Err(malformed("a control character"));
    }
    Ok(Some((user.to_owned(), Secret::from(password))))
}

/// "The user-id and password MUST NOT contain any control characters" (RFC 7617 §2), by which it
/// means those of ASCII.
fn holds_control(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_control())
}

fn unsuitable(detail: &str) -> AuthError {
    AuthError::Unsuitable { scheme: NAME, detail: detail.into() }
}

fn malformed(detail: &str) -> AuthError {
    AuthError::Malformed { scheme: NAME, what: "credentials", detail: detail.into() }
}
