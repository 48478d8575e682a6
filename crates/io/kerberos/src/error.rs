//! What can go wrong with Kerberos, as plain data that knows no other module.

use std::time::Duration;

use gatepost_model::fault::{Blame, Fault, Retry};
use thiserror::Error;

/// An error of the library, of the machine's set-up, or of the other end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KerberosError {
    /// The library is not installed, or cannot be loaded.
    #[error("Kerberos needs the system's GSSAPI library, and none was found (looked for {names}): {detail}")]
    Missing {
        /// What was looked for.
        names: String,
        /// What the loader says.
        detail: String,
    },
    /// Gatepost does not know the library of this operating system.
    #[error("Kerberos is not supported on {0}")]
    Unsupported(&'static str),
    /// The library lacks a function that this needs.
    #[error("the GSSAPI library lacks the function {0}")]
    Symbol(&'static str),
    /// The library refused a call, for a reason that has no name of its own here (RFC 2744 §3.9.1).
    #[error("{call} failed: {detail} (major status {major:#010x}, minor status {minor})")]
    Status {
        /// The function.
        call: &'static str,
        /// The major status: calling, routine and supplementary part.
        major: u32,
        /// The mechanism's own number.
        minor: u32,
        /// What the library says to it.
        detail: String,
    },
    /// No KDC answers.
    #[error("no KDC can be reached: {0}")]
    Unreachable(String),
    /// The KDC refuses who we say we are: a wrong password or key, or an account that has ended.
    #[error("the KDC refuses the client: {0}")]
    Refused(String),
    /// The KDC does not know who we say we are, in this realm at least.
    #[error("the KDC knows no such client: {0}")]
    NoSuchClient(String),
    /// The KDC knows no such service.
    #[error("the KDC knows no such service: {0}")]
    NoSuchService(String),
    /// There is no usable ticket, and nothing to get one with.
    #[error("there is no ticket to prove with: {0}")]
    NoTicket(String),
    /// The two clocks are too far apart.
    #[error("a clock is wrong: {0}")]
    Clock(String),
    /// A keytab cannot be read, or has no key for what was asked.
    #[error("the keytab has no key that fits: {0}")]
    NoKey(String),
    /// The library's own configuration is wrong: no realm, no cipher, a file that cannot be read.
    #[error("the Kerberos configuration of this machine does not do: {0}")]
    Setup(String),
    /// Replays cannot be told apart, so nobody is let in.
    #[error("the record of used tickets cannot be kept: {0}")]
    ReplayRecord(String),
    /// The other end's token has been used before.
    #[error("the token was used before")]
    Replayed,
    /// The other end's ticket is past its end, or not valid yet.
    #[error("the ticket is not valid now: {0}")]
    Expired(String),
    /// The other end's token cannot be read, or is for somebody else.
    #[error("the token is not acceptable: {0}")]
    Token(String),
    /// The token was made for another TLS channel.
    #[error("the token is bound to another channel")]
    OtherChannel,
    /// The token is bound to no channel, and had to be.
    #[error("the token is bound to no channel")]
    Unbound,
    /// The service did not prove itself, and had to.
    #[error("the service has not proved itself")]
    NotMutual,
    /// The client does not say who it is.
    #[error("the client is anonymous, or its name cannot be read")]
    Nameless,
    /// What was given as a service or a principal is none.
    #[error("`{0}` is no name of a service or principal")]
    Name(String),
    /// More Kerberos steps are under way or waiting than the bounds allow.
    #[error("too many Kerberos steps are under way")]
    Busy,
    /// A step took longer than its deadline: mostly a KDC that does not answer.
    #[error("a Kerberos step took longer than {0:?}")]
    TooSlow(Duration),
    /// The context has ended: it stood, or a step failed.
    #[error("the security context takes no more tokens")]
    Ended,
}

impl Fault for KerberosError {
    fn blame(&self) -> Blame {
        match self {
            Self::Missing { .. }
            | Self::Unsupported(_)
            | Self::Symbol(_)
            | Self::Status { .. }
            | Self::Unreachable(_)
            | Self::Clock(_)
            | Self::ReplayRecord(_)
            | Self::Busy
            | Self::TooSlow(_) => Blame::Environment,
            Self::Refused(_) | Self::NoSuchClient(_) | Self::NoSuchService(_) | Self::NoTicket(_) | Self::Name(_) => {
                Blame::Caller
            }
            Self::NoKey(_) | Self::Setup(_) => Blame::Config,
            Self::Replayed
            | Self::Expired(_)
            | Self::Token(_)
            | Self::OtherChannel
            | Self::Unbound
            | Self::NotMutual
            | Self::Nameless => Blame::Peer,
            Self::Ended => Blame::Bug,
        }
    }

    fn code(&self) -> &'static str {
        // 005 was an object identifier that could not be read; nobody asks for those any more.
        match self {
            Self::Missing { .. } => "GP-KERBEROS-001",
            Self::Unsupported(_) => "GP-KERBEROS-002",
            Self::Symbol(_) => "GP-KERBEROS-003",
            Self::Status { .. } => "GP-KERBEROS-004",
            Self::Unreachable(_) => "GP-KERBEROS-006",
            Self::Refused(_) => "GP-KERBEROS-007",
            Self::NoSuchService(_) => "GP-KERBEROS-008",
            Self::NoTicket(_) => "GP-KERBEROS-009",
            Self::Clock(_) => "GP-KERBEROS-010",
            Self::NoKey(_) => "GP-KERBEROS-011",
            Self::Setup(_) => "GP-KERBEROS-012",
            Self::ReplayRecord(_) => "GP-KERBEROS-013",
            Self::Replayed => "GP-KERBEROS-014",
            Self::Expired(_) => "GP-KERBEROS-015",
            Self::Token(_) => "GP-KERBEROS-016",
            Self::OtherChannel => "GP-KERBEROS-017",
            Self::Unbound => "GP-KERBEROS-018",
            Self::NotMutual => "GP-KERBEROS-019",
            Self::Nameless => "GP-KERBEROS-020",
            Self::Name(_) => "GP-KERBEROS-021",
            Self::Busy => "GP-KERBEROS-022",
            Self::TooSlow(_) => "GP-KERBEROS-023",
            Self::Ended => "GP-KERBEROS-024",
            Self::NoSuchClient(_) => "GP-KERBEROS-025",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) | Self::Busy | Self::TooSlow(_) => Retry::After(Duration::from_secs(1)),
            Self::Replayed => Retry::Fresh,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Missing { .. } => "install it; on Debian: `apt install libgssapi-krb5-2`",
            Self::Symbol(_) => "use MIT krb5, 1.11 or newer",
            Self::Unreachable(_) | Self::TooSlow(_) => "look at the realm's `kdc` in krb5.conf, and whether it answers",
            Self::Refused(_) => "look at the principal and its password or keytab, and whether they have expired",
            Self::NoSuchClient(_) => "write the principal with its realm, as in `user@EXAMPLE.COM`",
            Self::NoSuchService(_) => "use the host name that the service is registered under in the realm",
            Self::NoTicket(_) => "get one with `kinit`, or name a keytab or a password",
            Self::Clock(_) => "set both clocks by NTP: Kerberos allows five minutes between them",
            Self::NoKey(_) => "look at it with `klist -k FILE`, and whether this process may read it",
            Self::Setup(_) => "look at krb5.conf, or at the file that KRB5_CONFIG names",
            Self::ReplayRecord(_) => "let this process write to the folder that KRB5RCACHEDIR names, or /var/tmp",
            Self::Name(_) => "write a service as `HTTP/host.example.com`, a principal as `user@REALM`",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_one_sentence_and_a_hint() {
        let detail = "libx.so: cannot open shared object file".to_owned();
        let error = KerberosError::Missing { names: "libx.so".to_owned(), detail };
        let expected = "Kerberos needs the system's GSSAPI library, and none was found (looked for libx.so): libx.so: \
                        cannot open shared object file";
        assert_eq!(error.to_string(), expected);
        assert_eq!((error.blame(), error.code()), (Blame::Environment, "GP-KERBEROS-001"));
        assert_eq!(error.hint().unwrap(), "install it; on Debian: `apt install libgssapi-krb5-2`");
    }
}
