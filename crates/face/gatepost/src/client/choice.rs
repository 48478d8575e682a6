//! Which credential is for whom, and whether the policy lets it go there. Nothing is sent here.

use gatepost_auth::scheme::{Scheme, Strength};
use gatepost_model::credential::{Credential, Means};
use gatepost_model::head::Party;
use gatepost_model::url::Url;
use gatepost_policy::credentials::Ask;

use crate::client::context::Context;

/// What a scheme wants of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A user and a secret to compute with.
    Login,
    /// A token to send. A password must never go out as one: tokens are for the scheme that they name.
    Token,
}

impl Wanted {
    /// By this scheme.
    pub(crate) fn by(scheme: &dyn Scheme) -> Self {
        if scheme.strength() == Strength::Token { Self::Token } else { Self::Login }
    }
}

/// The credentials that fit, the best first: the one named for this request, then the session's: by the length of the
/// scope that covers the address, then those kept for this one scheme, then in the order in which they were added.
pub(crate) fn candidates<'a>(
    cx: &'a Context,
    named: Option<&'a Credential>,
    url: &Url,
    scheme: &str,
    wanted: Wanted,
) -> Vec<&'a Credential> {
    let fits = |credential: &&Credential| {
        credential.serves(scheme) && (credential.scheme.is_some() || wanted == Wanted::Login)
    };
    let covering = |credential: &'a Credential| match &credential.scope {
        Some(scope) => Some((scope.covers(url)?, credential)),
        None => Some((0, credential)),
    };
    let mut kept: Vec<_> = cx.credentials.iter().filter(fits).filter_map(covering).collect();
    kept.sort_by_key(|(length, credential)| (std::cmp::Reverse(*length), credential.scheme.is_none()));
    named.into_iter().filter(fits).chain(kept.into_iter().map(|(_, credential)| credential)).collect()
}

/// The question to the policy: this credential, by this scheme, to a server.
pub(crate) fn question<'a>(
    cx: &Context,
    credential: &'a Credential,
    scheme: &'a str,
    challenged: &'a Url,
    (requested, redirected): (&'a Url, bool),
) -> Ask<'a> {
    Ask {
        challenged,
        requested,
        scheme,
        clear: cx.registry.by_name(scheme).is_none_or(|scheme| scheme.strength() == Strength::Clear),
        scope: credential.scope.as_ref(),
        party: Party::Server,
        redirected,
        ambient: credential.means == Means::Ambient,
    }
}
