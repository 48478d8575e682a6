//! Who the gateway is to an upstream: `upstream_credential` of a route.

use std::fmt;
use std::path::PathBuf;

use gatepost::auth::schemes;
use gatepost::model::url::Url;
use toml::Spanned;

use crate::config::document::Document;
use crate::config::secret::SecretSource;
use crate::config::spec::CredentialSpec;
use crate::config::suggest;
use crate::error::GatewayError;

/// Who the gateway is to an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamCredential {
    /// One of `gatepost credential`, whose scope has to cover the upstream.
    Kept(String),
    /// A login for this upstream alone.
    Login {
        /// The one scheme that it is used with, by registered name; any if `None`.
        scheme: Option<&'static str>,
        /// The user; empty for a bare token.
        user: String,
        /// Where the secret lies.
        secret: SecretSource,
    },
    /// A Kerberos principal, by its key in this keytab.
    Keytab {
        /// `user@REALM`.
        user: String,
        /// The file.
        file: PathBuf,
    },
    /// Whoever the Kerberos tickets in this file are of.
    Tickets(PathBuf),
    /// Whoever runs the gateway, by their Kerberos tickets.
    Ambient,
}

impl fmt::Display for UpstreamCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(name) => write!(f, "credential {name}"),
            Self::Login { scheme, user, secret } => {
                write!(f, "{} {user} ({secret})", scheme.unwrap_or("any scheme"))
            }
            Self::Keytab { user, file } => write!(f, "Kerberos {user} ({})", file.display()),
            Self::Tickets(file) => write!(f, "Kerberos tickets ({})", file.display()),
            Self::Ambient => f.write_str("Kerberos tickets of whoever runs the gateway"),
        }
    }
}

/// Gives it its meaning. A secret goes to an upstream in the clear only on this machine, or where `[danger]` says so.
pub(crate) fn credential(
    spec: Spanned<CredentialSpec>,
    upstream: Option<&Url>,
    plain_allowed: bool,
    document: &Document,
) -> Result<UpstreamCredential, GatewayError> {
    let span = spec.span();
    let wrong = |problem: &str| document.wrong(&span, problem);
    let Some(upstream) = upstream else {
        return Err(wrong("a route without an `upstream` has nobody to prove itself to"));
    };
    if !upstream.is_secure() && !plain_allowed && !is_here(upstream) {
        return Err(GatewayError::Setting {
            place: document.source(&span).to_string(),
            problem: format!("a proof would go to {} in the clear", upstream.origin()),
            hint: Some("write the upstream with `https://`, or set `plain_credentials = true` in `[danger]`".into()),
        });
    }
    let CredentialSpec { name, scheme, user, secret, keytab, tickets, ambient } = spec.into_inner();
    match (name, secret, keytab, tickets, ambient) {
        (Some(name), None, None, None, false) if scheme.is_none() && user.is_none() => {
            Ok(UpstreamCredential::Kept(name))
        }
        (None, Some(secret), None, None, false) => Ok(UpstreamCredential::Login {
            scheme: scheme.map(|scheme| known(&scheme, document)).transpose()?,
            user: user.unwrap_or_default(),
            secret: SecretSource::read(secret, document)?,
        }),
        (None, None, Some(keytab), None, false) if scheme.is_none() => match user {
            Some(user) => Ok(UpstreamCredential::Keytab { user, file: document.beside(&keytab) }),
            None => Err(wrong("a keytab needs the `user` whose key is meant, as in `user = \"svc@EXAMPLE.COM\"`")),
        },
        (None, None, None, Some(tickets), false) if scheme.is_none() && user.is_none() => {
            Ok(UpstreamCredential::Tickets(document.beside(&tickets)))
        }
        (None, None, None, None, true) if scheme.is_none() && user.is_none() => Ok(UpstreamCredential::Ambient),
        _ => Err(wrong(
            "expected `{ name = \"…\" }`, `{ scheme = \"…\", user = \"…\", secret = { env = \"…\" } }`, \
             `{ user = \"…\", keytab = \"…\" }`, `{ tickets = \"…\" }` or `{ ambient = true }`",
        )),
    }
}

/// Whether it is this machine, by an address that nobody else can answer.
fn is_here(url: &Url) -> bool {
    let origin = url.origin();
    let host = origin.host().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn known(scheme: &Spanned<String>, document: &Document) -> Result<&'static str, GatewayError> {
    let found = schemes::by_name(scheme.get_ref()).map(|scheme| scheme.name());
    found.ok_or_else(|| GatewayError::Setting {
        place: document.source(&scheme.span()).to_string(),
        problem: format!("unknown scheme `{}`", scheme.get_ref()),
        hint: Some(suggest::hint(scheme.get_ref(), schemes::ALL.iter().map(|scheme| scheme.name()))),
    })
}
