//! What all requests of a session refer to.

use gatepost_auth::keyed::DigestKey;
use gatepost_auth::scheme::Scheme;
use gatepost_auth::settings::Settings;
use gatepost_kerberos::kerberos::Kerberos;
use gatepost_model::credential::Credential;
use gatepost_policy::credentials::CredentialRules;
use gatepost_policy::redirects::RedirectRules;
use gatepost_policy::transport::TransportRules;

use crate::client::counts::Counts;
use crate::client::spaces::Spaces;
use crate::client::upstream::Upstream;
use crate::client::websocket::turnstile::Turnstile;
use crate::events::Events;

/// Whether a proof is sent before anybody asked for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preauthenticate {
    /// Never.
    Never,
    /// Where a proof was accepted before in this session, and below. The default.
    #[default]
    Learned,
    /// Always, with the first allowed scheme that there is a credential for. Name the scheme then:
    /// after a proof sent ahead nothing weaker is tried.
    Always,
}

/// The shared part of a session.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) upstream: Upstream,
    pub(crate) transport: TransportRules,
    pub(crate) credential_rules: CredentialRules,
    pub(crate) redirects: RedirectRules,
    pub(crate) schemes: Vec<&'static dyn Scheme>,
    /// The caller listed the schemes: their order is the order of preference.
    pub(crate) schemes_are_listed: bool,
    pub(crate) settings: Settings,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) preauthenticate: Preauthenticate,
    pub(crate) spaces: Spaces,
    pub(crate) counts: Counts,
    /// Answers of servers that have not proved themselves are not delivered.
    pub(crate) demands_mutual: bool,
    /// Names the identities that connections speak for.
    pub(crate) identities: DigestKey,
    pub(crate) kerberos: Kerberos,
    pub(crate) turnstile: Turnstile,
    pub(crate) events: Events,
}
