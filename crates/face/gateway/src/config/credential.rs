//! Who the gateway is to an upstream: `upstream_credential` of a route.

use std::fmt;

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
}

impl fmt::Display for UpstreamCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(name) => write!(f, "credential {name}"),
            Self::Login { scheme, user, secret } => {
                write!(f, "{} {user} ({secret})", scheme.unwrap_or("any scheme"))
            }
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
    match spec.into_inner() {
        CredentialSpec { name: Some(name), scheme: None, user: None, secret: None } => {
            Ok(UpstreamCredential::Kept(name))
        }
        CredentialSpec { name: None, scheme, user, secret: Some(secret) } => Ok(UpstreamCredential::Login {
            scheme: scheme.map(|scheme| known(&scheme, document)).transpose()?,
            user: user.unwrap_or_default(),
            secret: SecretSource::read(secret, document)?,
        }),
        _ => Err(wrong("expected `{ name = \"…\" }`, or `{ scheme = \"…\", user = \"…\", secret = { env = \"…\" } }`")),
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
