//! What can go wrong with certificates, keys and handshakes, in words a person can act on.

use gatepost_model::fault::{Blame, Fault, Retry};
use gatepost_model::time::Timestamp;
use thiserror::Error;

use crate::unfit::Unfit;
use crate::verify::flaw::Flaw;
use crate::verify::judgement::Judgement;

/// An error of TLS. Comparable plain data; holds no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// What was found about the peer's certificates does not let it pass.
    #[error("{0}")]
    Certificate(Box<Judgement>),
    /// The peer's certificate is past its end.
    #[error("the certificate expired{}", at(.not_after, " at "))]
    Expired {
        /// Its end, where known.
        not_after: Option<Timestamp>,
    },
    /// The peer's certificate has not begun yet.
    #[error("the certificate is not valid yet{}", at(.not_before, ", only from "))]
    NotYetValid {
        /// Its beginning, where known.
        not_before: Option<Timestamp>,
    },
    /// No trusted authority stands behind the peer's certificate.
    #[error("the certificate was issued by an authority that is not trusted here")]
    UnknownIssuer,
    /// A signature in the handshake or the chain does not fit.
    ///
    /// Mostly the certificate was issued by an authority that has the name of a trusted one, but another key.
    #[error("a signature does not fit: the certificate comes from another authority of the same name, or was altered")]
    BadSignature,
    /// The peer's certificate is for other names.
    #[error("the certificate is not valid for {expected}; it is valid for {}", list(.presented))]
    WrongName {
        /// The name or address that was asked for.
        expected: String,
        /// The names and addresses in the certificate.
        presented: Vec<String>,
    },
    /// Anything else that is wrong with the peer's certificate.
    #[error("the certificate is not acceptable: {detail}")]
    Unacceptable {
        /// What.
        detail: String,
    },
    /// The peer ended the handshake with an alert (RFC 8446 §6).
    #[error("the other end refused the handshake: {alert}")]
    Refused {
        /// The alert, in the words of the RFC.
        alert: String,
    },
    /// The peer does not speak TLS as we do, or not at all.
    #[error("the TLS handshake failed: {detail}")]
    Handshake {
        /// What happened.
        detail: String,
    },
    /// A client asked for a name that no certificate is bound to. Seen by the server only.
    #[error("no certificate is bound to the name or address that the client asked for")]
    NotBound,
    /// A binding rejects connections to that name or address. Seen by the server only.
    #[error("a binding rejects connections to the name or address that the client asked for")]
    Rejected,
    /// A certificate that is not fit to be bound.
    #[error("the certificate is not fit to be bound: {0}")]
    Unfit(Unfit),
    /// PEM or DER that cannot be read.
    #[error("{what} cannot be read: {detail}")]
    Malformed {
        /// `certificate`, `certificate chain` or `private key`.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// The private key belongs to another certificate.
    #[error("the private key does not belong to the certificate of {subject}")]
    KeyMismatch {
        /// Whose certificate.
        subject: String,
    },
    /// A certificate cannot be issued for this name, or at all.
    #[error("no certificate can be issued for {name}: {detail}")]
    Issue {
        /// The name.
        name: String,
        /// Why.
        detail: String,
    },
    /// A setting contradicts itself.
    #[error("the TLS settings do not fit together: {detail}")]
    Setting {
        /// How.
        detail: String,
    },
}

impl Fault for TlsError {
    fn blame(&self) -> Blame {
        match self {
            Self::Certificate(_)
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::UnknownIssuer
            | Self::BadSignature
            | Self::WrongName { .. }
            | Self::Unacceptable { .. }
            | Self::Refused { .. }
            | Self::NotBound
            | Self::Rejected
            | Self::Handshake { .. } => Blame::Peer,
            Self::Malformed { .. } | Self::Unfit(_) | Self::KeyMismatch { .. } | Self::Setting { .. } => Blame::Config,
            Self::Issue { .. } => Blame::Caller,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Certificate(judgement) => flaw_code(judgement.gravest()),
            Self::Expired { .. } => "GP-TLS-001",
            Self::NotYetValid { .. } => "GP-TLS-002",
            Self::UnknownIssuer => "GP-TLS-003",
            Self::WrongName { .. } => "GP-TLS-004",
            Self::Unacceptable { .. } => "GP-TLS-005",
            Self::Refused { .. } => "GP-TLS-006",
            Self::Handshake { .. } => "GP-TLS-007",
            Self::Malformed { .. } => "GP-TLS-008",
            Self::KeyMismatch { .. } => "GP-TLS-009",
            Self::Issue { .. } => "GP-TLS-010",
            Self::Setting { .. } => "GP-TLS-011",
            Self::BadSignature => "GP-TLS-012",
            Self::NotBound => "GP-TLS-013",
            Self::Rejected => "GP-TLS-017",
            Self::Unfit(_) => "GP-TLS-018",
        }
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Certificate(judgement) => flaw_hint(judgement.gravest())?,
            Self::Expired { .. } => "renew the certificate on the other end, and check the clock of this machine",
            Self::NotYetValid { .. } => "check the clocks of both machines",
            Self::UnknownIssuer => "if you trust that authority, name its certificate with `--ca FILE`",
            Self::BadSignature => "name the authority of that very installation with `--ca FILE`",
            Self::WrongName { .. } => "use one of the names in the certificate, or have it issued for this name",
            Self::Handshake { .. } => "check that the other end speaks TLS 1.2 or 1.3 on this port",
            Self::NotBound => "if clients should reach you by that name, bind a certificate to it",
            Self::Refused { .. } | Self::Rejected | Self::Unacceptable { .. } => return None,
            Self::Unfit(unfit) => unfit.cause.hint()?,
            Self::Malformed { .. } => {
                "give PEM: `-----BEGIN CERTIFICATE-----` or an unencrypted `-----BEGIN PRIVATE KEY-----`"
            }
            Self::KeyMismatch { .. } => "give the key that the certificate was requested with",
            Self::Issue { .. } => "names are DNS names or IP addresses, without scheme and port",
            Self::Setting { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn flaw_code(flaw: Option<Flaw>) -> &'static str {
    match flaw {
        Some(Flaw::Expired) => "GP-TLS-001",
        Some(Flaw::NotYetValid) => "GP-TLS-002",
        Some(Flaw::Untrusted | Flaw::IncompleteChain) => "GP-TLS-003",
        Some(Flaw::WrongName) => "GP-TLS-004",
        Some(Flaw::BadSignature) => "GP-TLS-012",
        Some(Flaw::Pin) => "GP-TLS-014",
        Some(Flaw::Revoked) => "GP-TLS-015",
        Some(Flaw::RevocationUnknown | Flaw::RevocationFailed | Flaw::MustStaple) => "GP-TLS-016",
        _ => "GP-TLS-005",
    }
}

fn flaw_hint(flaw: Option<Flaw>) -> Option<&'static str> {
    Some(match flaw? {
        Flaw::Expired => "renew the certificate on the other end, and check the clock of this machine",
        Flaw::NotYetValid => "check the clocks of both machines",
        Flaw::Untrusted | Flaw::IncompleteChain => "if you trust that authority, name its certificate with `--ca FILE`",
        Flaw::BadSignature => "name the authority of that very installation with `--ca FILE`",
        Flaw::WrongName => "use one of the names in the certificate, or have it issued for this name",
        Flaw::Pin => "if the other end has new keys, change the pins of this endpoint; if not, somebody is in between",
        Flaw::Revoked => "its authority says that the key is lost: have a new one issued on the other end",
        Flaw::RevocationUnknown | Flaw::RevocationFailed => {
            "give a current revocation list of its authority, or have the other end staple a current OCSP response"
        }
        Flaw::MustStaple => "have the other end staple a current OCSP response of its authority",
        Flaw::WeakKey | Flaw::WeakSignature => "have a new certificate issued on the other end",
        _ => return None,
    })
}

fn at(moment: &Option<Timestamp>, before: &str) -> String {
    moment.map(|moment| format!("{before}{moment}")).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") }
}
