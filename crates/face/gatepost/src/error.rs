//! The library's error: opaque, with predicates; its text may change, its code may not.

use std::fmt;

use gatepost_auth::error::AuthError;
use gatepost_kerberos::error::KerberosError;
use gatepost_model::fault::{Blame, Fault, Retry};
use gatepost_model::url::UrlError;
use gatepost_net::error::NetError;
use gatepost_store::error::StoreError;
use gatepost_tls::error::TlsError;
use gatepost_ws::error::WsError;

use crate::client::websocket::refusal::Refusal;

/// What went wrong in a call to Gatepost.
///
/// Ask [`blame`](Fault::blame) who has to act, [`code`](Fault::code) for a stable name, and the
/// predicates for what a program may react to.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    cause: Box<Cause>,
    context: Option<String>,
}

/// The causes, each one with the crate that knows about it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    Url(UrlError),
    Net(NetError),
    Tls(TlsError),
    Auth(AuthError),
    Store(StoreError),
    Ws(WsError),
    Kerberos(KerberosError),
    /// The server answered, and opened no WebSocket.
    NoWebSocket(Refusal),
    /// A policy said no.
    Denied(String),
    /// The server refused us and there is nothing more to try.
    Refused(String),
    /// The body cannot be sent a second time.
    Spent(String),
    /// Something that the caller asked for cannot be.
    Usage(String),
    /// A setting is wrong.
    Config(String),
    /// The machine.
    Environment(String),
}

impl Error {
    /// A setting is wrong.
    #[must_use]
    pub fn config(detail: impl Into<String>) -> Self {
        Cause::Config(detail.into()).into()
    }

    /// The machine is at fault: a file that cannot be read, no randomness.
    #[must_use]
    pub fn environment(detail: impl Into<String>) -> Self {
        Cause::Environment(detail.into()).into()
    }

    /// The caller asked for something that cannot be.
    #[must_use]
    pub fn usage(detail: impl Into<String>) -> Self {
        Cause::Usage(detail.into()).into()
    }

    /// A policy said no, and why.
    #[must_use]
    pub fn denied(reason: impl Into<String>) -> Self {
        Cause::Denied(reason.into()).into()
    }

    /// The peer refused our proof, and why we stop.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Cause::Refused(reason.into()).into()
    }

    /// The body was needed again and cannot be had again.
    #[must_use]
    pub fn spent(reason: impl Into<String>) -> Self {
        Cause::Spent(reason.into()).into()
    }

    /// Says what was being done.
    #[must_use]
    pub fn while_doing(mut self, what: impl Into<String>) -> Self {
        self.context = Some(what.into());
        self
    }

    /// The peer refused who we said we are, or we had nothing to say.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        match &*self.cause {
            Cause::Refused(_) | Cause::Auth(_) => true,
            Cause::NoWebSocket(refusal) => refusal.is_auth(),
            _ => false,
        }
    }

    /// The answer of a server that was asked for a WebSocket and opened none.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match &*self.cause {
            Cause::NoWebSocket(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The error of the WebSocket's handshake, if that is what it is.
    #[must_use]
    pub fn websocket(&self) -> Option<&WsError> {
        match &*self.cause {
            Cause::Ws(error) => Some(error),
            _ => None,
        }
    }

    /// A rule of ours forbade it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(*self.cause, Cause::Denied(_))
    }

    /// A row that was asked for is not in the store.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(*self.cause, Cause::Store(StoreError::Missing { .. }))
    }

    /// A row that was to be added is there already.
    #[must_use]
    pub fn is_existing(&self) -> bool {
        matches!(*self.cause, Cause::Store(StoreError::Exists { .. }))
    }

    /// A row that was to be replaced is not what it was expected to be.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        matches!(*self.cause, Cause::Store(StoreError::Changed { .. }))
    }

    /// The error of the network layer, if that is where it comes from.
    #[must_use]
    pub fn net(&self) -> Option<&NetError> {
        match &*self.cause {
            Cause::Net(error) => Some(error),
            _ => None,
        }
    }

    fn fault(&self) -> Option<&dyn Fault> {
        match &*self.cause {
            Cause::Url(error) => Some(error),
            Cause::Net(error) => Some(error),
            Cause::Tls(error) => Some(error),
            Cause::Auth(error) => Some(error),
            Cause::Store(error) => Some(error),
            Cause::Ws(error) => Some(error),
            Cause::Kerberos(error) => Some(error),
            Cause::Denied(_)
            | Cause::Refused(_)
            | Cause::NoWebSocket(_)
            | Cause::Spent(_)
            | Cause::Usage(_)
            | Cause::Config(_)
            | Cause::Environment(_) => None,
        }
    }
}

impl Fault for Error {
    fn blame(&self) -> Blame {
        match &*self.cause {
            Cause::Refused(_) | Cause::NoWebSocket(_) => Blame::Peer,
            Cause::Denied(_) | Cause::Spent(_) | Cause::Usage(_) => Blame::Caller,
            Cause::Config(_) => Blame::Config,
            Cause::Environment(_) => Blame::Environment,
            _ => self.fault().map_or(Blame::Bug, Fault::blame),
        }
    }

    fn code(&self) -> &'static str {
        match &*self.cause {
            Cause::Denied(_) => "GP-CORE-001",
            Cause::Refused(_) => "GP-CORE-002",
            Cause::Spent(_) => "GP-CORE-003",
            Cause::Usage(_) => "GP-CORE-004",
            Cause::Config(_) => "GP-CORE-005",
            Cause::Environment(_) => "GP-CORE-006",
            Cause::NoWebSocket(_) => "GP-CORE-007",
            _ => self.fault().map_or("GP-CORE-000", Fault::code),
        }
    }

    fn retry(&self) -> Retry {
        match &*self.cause {
            Cause::NoWebSocket(refusal) => refusal.retry(),
            _ => self.fault().map_or(Retry::Never, Fault::retry),
        }
    }

    fn hint(&self) -> Option<String> {
        match &*self.cause {
            Cause::Spent(_) => Some("give the body as bytes or as a file, so that it can be sent again".into()),
            Cause::NoWebSocket(refusal) => refusal.hint(),
            _ => self.fault().and_then(Fault::hint),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(f, "{context}: ")?;
        }
        match &*self.cause {
            Cause::Denied(text)
            | Cause::Refused(text)
            | Cause::Spent(text)
            | Cause::Usage(text)
            | Cause::Config(text)
            | Cause::Environment(text) => f.write_str(text),
            Cause::Url(error) => write!(f, "{error}"),
            Cause::Net(error) => write!(f, "{error}"),
            Cause::Tls(error) => write!(f, "{error}"),
            Cause::Auth(error) => write!(f, "{error}"),
            Cause::Store(error) => write!(f, "{error}"),
            Cause::Ws(error) => write!(f, "{error}"),
            Cause::Kerberos(error) => write!(f, "{error}"),
            Cause::NoWebSocket(refusal) => write!(f, "{refusal}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {self}", self.code())
    }
}

impl std::error::Error for Error {}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self { cause: Box::new(cause), context: None }
    }
}

macro_rules! from_causes {
    ($($variant:ident($error:ty)),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Cause::$variant(error).into()
            }
        }
    )*};
}

from_causes!(
    Url(UrlError),
    Net(NetError),
    Tls(TlsError),
    Auth(AuthError),
    Store(StoreError),
    Ws(WsError),
    Kerberos(KerberosError),
    NoWebSocket(Refusal)
);
