//! The contract of a scheme: what it is given, what it asks for, what it answers.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::credential::Credential;
use gatepost_model::head::RequestHead;
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;
use http::{HeaderName, HeaderValue};

use crate::challenge::Challenge;
use crate::error::AuthError;
use crate::jose::jwk::KeySet;
use crate::settings::Settings;

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

    /// Server: whether a proof that was accepted may be taken again without being judged anew. Default: never.
    fn reuse(&self) -> Reuse {
        Reuse::Never
    }

    /// Client: makes the proof. With no challenge in the turn this is pre-authentication.
    ///
    /// # Errors
    /// [`AuthError`] if the challenge is malformed or the credential cannot be used.
    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError>;

    /// Server: the challenge that offers this scheme, or `None` if it is not challenged for.
    /// `refusal` is why the credentials that came were refused, if some came.
    fn challenge(&self, turn: &Turn<'_>, refusal: Option<&Refusal>) -> Option<Challenge>;

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
    /// Client: what this scheme asked to remember at the last leg; empty at the first.
    pub memory: &'a [u8],
}

/// Something that a scheme lacks. Not `non_exhaustive`: a new need must make the engine's `needs.rs` fail to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Client: the login for this request. Server: the recoverable secret of this user, for
    /// schemes that compute with it.
    Login {
        /// Server: the user whose secret is wanted. `None` on the client: whichever fits.
        user: Option<String>,
    },
    /// Server: is this the user's password? Asked by schemes that carry it in the clear; the
    /// engine spends the same time on an unknown user.
    Password {
        /// The claimed user.
        user: String,
        /// The password that came.
        password: Secret,
    },
    /// Server: has this proof been used before? Asked only after the proof has verified; the
    /// engine records it in the same step.
    FirstUse {
        /// What may be used once, the scheme's name included.
        key: String,
        /// Until when it must be remembered.
        until: Timestamp,
    },
    /// Client: an access token.
    Token {
        /// The last one was refused: fetch a new one.
        refresh: bool,
    },
    /// Server: the keys that a token may be signed with.
    Keys {
        /// The key identifier that the token names, if any: an unknown one may cause one bounded refetch.
        id: Option<String>,
    },
}

/// What was fetched for the needs of one exchange. A field is `None` until asked for; an inner
/// `None` says that there is no such thing.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// For [`Need::Login`].
    pub login: Option<Option<Credential>>,
    /// For [`Need::Password`].
    pub password: Option<bool>,
    /// For [`Need::FirstUse`]: true if it was the first.
    pub first_use: Option<bool>,
    /// For [`Need::Token`].
    pub token: Option<Option<Token>>,
    /// For [`Need::Keys`].
    pub keys: Option<Arc<KeySet>>,
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

/// The client's next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Fetch this and call again.
    Need(Need),
    /// Send the request with these header fields, each replacing what the request has of its name.
    Send {
        /// The fields. Values are marked sensitive.
        fields: Vec<(HeaderName, HeaderValue)>,
        /// What to hand back at the next leg; empty if this was the last.
        memory: Vec<u8>,
    },
    /// This scheme has nothing to say here, and why.
    Decline(String),
}

/// The server's judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request carries no credentials of this scheme.
    Absent,
    /// Proved.
    Accept(Principal),
    /// Fetch this and call again.
    Need(Need),
    /// Refused.
    Reject(Refusal),
}

/// Why a proof was refused. The peer learns at most [`is_malformed`](Self::is_malformed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The credentials do not follow their grammar: answered with 400.
    Malformed(String),
    /// Unknown user or wrong secret; never told apart.
    WrongSecret,
    /// Used before.
    Replayed,
    /// Too old, or from the future.
    Stale,
    /// A token past its end.
    Expired,
    /// A token that is not acceptable, and why: for us, not for the peer.
    BadToken(String),
}

impl From<AuthError> for Refusal {
    /// What a peer's malformed credentials are refused as.
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Malformed { detail, .. } => Self::Malformed(detail),
            other => Self::Malformed(other.to_string()),
        }
    }
}

impl Refusal {
    /// Whether the credentials could not be read at all: 400 instead of 401.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::Malformed(_))
    }

    /// The reason for our own eyes.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Malformed(detail) => format!("malformed credentials: {detail}"),
            // The last of the three is a user without `--recoverable` who tries WSSE.
            Self::WrongSecret => "unknown user, wrong secret, or none kept that this scheme can use".into(),
            Self::Replayed => "proof used before".into(),
            Self::Stale => "proof too old or from the future".into(),
            Self::Expired => "token expired".into(),
            Self::BadToken(detail) => format!("token refused: {detail}"),
        }
    }
}
