//! The contract of a scheme: what it is given, what it asks for, what it answers.

use std::fmt::Debug;
use std::time::Duration;

use gatepost_model::credential::Credential;
use gatepost_model::head::RequestHead;
use gatepost_model::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::challenge::Challenge;
use crate::error::AuthError;
use crate::need::{Answers, Need};
use crate::settings::Settings;
use crate::verdict::{Refusal, Verdict};

/// How much a scheme protects: the strongest on offer is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Strength {
    /// The secret itself goes over the wire at each request.
    Clear,
    /// A digest that an eavesdropper can guess against.
    Digest,
    /// A bounded token: whoever has it is the bearer until it ends.
    Token,
    /// A proof made with a key that never leaves its owner.
    Key,
}

/// One way of proving who is speaking, told from both ends of the wire.
///
/// A scheme is a pure function of its [`Turn`]. What it lacks it asks for with [`Need`]; the caller
/// fetches it, adds it to the turn's [`Answers`] and calls again. Calling twice with one turn gives
/// one result.
pub trait Scheme: Debug + Send + Sync {
    /// The registered name, such as `Basic`. Names compare without case.
    fn name(&self) -> &'static str;

    /// How much it protects.
    fn strength(&self) -> Strength;

    /// The header fields that hold its credentials: what a gateway strips before it forwards.
    fn fields(&self) -> &'static [&'static str] {
        &["authorization"]
    }

    /// Whether its proofs are for a connection and not for a request: the legs of one proof go over one HTTP/1.1
    /// connection, which then speaks for whoever proved, and for nobody else (RFC 4559 §6). Default no.
    fn binds_connection(&self) -> bool {
        false
    }

    /// Server: whether it is offered where nobody said which schemes are. Default yes. What needs something kept of each
    /// user that not every user has says no: a client that answers the strongest would never get in.
    fn is_usual(&self) -> bool {
        true
    }

    /// Server: whether a proof that was accepted may be taken again without being judged anew. Default: never.
    fn reuse(&self) -> Reuse {
        Reuse::Never
    }

    /// Client: makes the proof. With no challenge in the turn this is pre-authentication.
    ///
    /// # Errors
    /// [`AuthError`] if the challenge is malformed or the credential cannot be used.
    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError>;

    /// Client: of several challenges for this scheme, the one with the highest rank is answered. Default: all are one.
    fn rank(&self, challenge: &Challenge) -> u8 {
        let _ = challenge;
        0
    }

    /// Client: whether this challenge refuses nothing but the age of the last proof, so that a new one may be made with
    /// the same login, once (RFC 7616 §3.3, `stale`). Default no.
    fn is_stale(&self, challenge: &Challenge) -> bool {
        let _ = challenge;
        false
    }

    /// Client: judges what the server says of itself in an answer that took the proof. `fields` are the answer's,
    /// `proof` is what was sent; the turn has the challenge and the memory of that proof. Default: nothing was said,
    /// and nothing is remembered.
    ///
    /// # Errors
    /// [`AuthError`] if the server claims to know the secret and does not: the answer is not delivered.
    fn confirm(&self, turn: &Turn<'_>, proof: &Proof, fields: &HeaderMap) -> Result<Confirmed, AuthError> {
        let _ = (turn, proof, fields);
        Ok(Confirmed::Done(Confirmation::default()))
    }

    /// Server: the challenge that offers this scheme, or `None` if it is not challenged for.
    /// `refusal` is why the credentials that came were refused, if some came.
    fn challenge(&self, turn: &Turn<'_>, refusal: Option<&Refusal>) -> Option<Challenge>;

    /// Server: all challenges that offer this scheme, for one that can be offered in several ways. Default: the one.
    fn challenges(&self, turn: &Turn<'_>, refusal: Option<&Refusal>) -> Vec<Challenge> {
        self.challenge(turn, refusal).into_iter().collect()
    }

    /// Server: judges the request's credentials. Whether there are any, it may tell by its
    /// [`fields`](Self::fields) alone.
    ///
    /// # Errors
    /// [`AuthError::Setting`] if a configured key or hash is unusable. Everything that a peer can
    /// cause is a [`Verdict`].
    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError>;
}

/// How long an accepted proof stands for its repetition, octet for octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// It does not: each one is judged, because it is good for once or covers more than its own fields.
    Never,
    /// For this long, and never past the end of the principal. A scheme that says so promises that its verdict
    /// comes from its fields, the settings, the users, the keys and the time, and from nothing else of the request;
    /// and that it only changes with users, keys, or the principal's end.
    For(Duration),
}

/// Everything that a scheme may look at.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// The request that carries, or is to carry, the proof.
    pub request: RequestHead<'a>,
    /// Client: the challenge to answer; `None` when pre-authenticating.
    pub challenge: Option<&'a Challenge>,
    /// What was asked for so far.
    pub answers: &'a Answers,
    /// How the schemes are set up here.
    pub settings: &'a Settings,
    /// The time, read once per exchange.
    pub now: Timestamp,
    /// Random octets, drawn once per exchange, so that a second call gives the same result.
    pub entropy: &'a [u8; 32],
    /// What this scheme asked to remember at the last leg; empty at the first. Server: on this connection.
    pub memory: &'a [u8],
}

/// The header fields that carry a proof; values are marked sensitive.
pub type Proof = Vec<(HeaderName, HeaderValue)>;

/// What a client makes of what an answer says beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// Fetch this and call again.
    Need(Need),
    /// Read.
    Done(Confirmation),
}

/// What an answer said to the client beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// The server has proved that it knows the secret, or is who it says.
    pub mutual: bool,
    /// What to prove ahead with at the next request, in the place of the challenge that was answered.
    pub challenge: Option<Challenge>,
    /// Where else the same proof is wanted: references against the request's address, unchecked. Empty where the server
    /// named no such place.
    pub space: Vec<String>,
}

/// The client's next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Fetch this and call again.
    Need(Need),
    /// Send the request with these header fields, each replacing what the request has of its name.
    Send {
        /// The fields.
        fields: Proof,
        /// What to hand back at the next leg; empty if this was the last.
        memory: Vec<u8>,
        /// The server has to ask once more whatever it is: the request's body stays at home.
        preliminary: bool,
    },
    /// This scheme has nothing to say here, and why.
    Decline(String),
}

impl Answers {
    /// Client: the login for the scheme of this name.
    ///
    /// # Errors
    /// The step to take if there is none: ask for one, or decline if what was found is none or is
    /// kept for another scheme.
    pub fn login_for(&self, scheme: &str) -> Result<&Credential, Step> {
        match &self.login {
            None => Err(Step::Need(Need::Login { user: None })),
            Some(None) => Err(Step::Decline("no login for this address".into())),
            Some(Some(login)) if login.serves(scheme) => Ok(login),
            Some(Some(_)) => Err(Step::Decline("the login is kept for another scheme".into())),
        }
    }
}
