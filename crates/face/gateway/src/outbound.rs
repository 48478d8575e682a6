//! Who the gateway is to an upstream: a session that proves it, for each route that says so.

use std::sync::Arc;

use gatepost::Session;
use gatepost::client::context::Preauthenticate;
use gatepost::events::Events;
use gatepost::model::credential::{Credential, Means};
use gatepost::model::event::Event;
use gatepost::model::limits::Limits;
use gatepost::model::scope::Scope;
use gatepost::model::url::Url;
use gatepost::policy::credentials::CredentialRules;
use gatepost::policy::hosts::HostRule;
use gatepost::policy::transport::TransportRules;
use gatepost::store::store::Store;

use crate::config::credential::UpstreamCredential;
use crate::config::layers::Lookup;
use crate::error::GatewayError;
use crate::kept;

/// What outbound sessions are made with.
pub(crate) struct Outbound<'a> {
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) environment: Lookup<'a>,
    pub(crate) limits: &'a Limits,
    pub(crate) events: &'a Events,
}

impl Outbound<'_> {
    /// A session that proves to the upstream at `url` who we are.
    ///
    /// # Errors
    /// If the credential or its secret is not there, or may not go to this upstream.
    pub(crate) async fn session(&self, credential: &UpstreamCredential, url: &Url) -> Result<Session, GatewayError> {
        let found = self.credential(credential, url).await?;
        let events = self.events.clone();
        // In the clear only where the configuration allowed it: on this machine, or by `[danger]`.
        let rules = if url.is_secure() { CredentialRules::default() } else { CredentialRules::danger_over_plain() };
        // This upstream was named for it, and no other.
        let ambient = (found.means == Means::Ambient).then(|| HostRule::of(&url.origin()));
        let rules = rules.ambient_for(ambient.into_iter().collect());
        let mut builder = Session::builder()
            .http1_only()
            .limits(self.limits.clone())
            .transport(TransportRules { allow_plain: true, ..TransportRules::default() })
            .credential_rules(rules)
            .on_event(Arc::new(move |event: &Event| events.emit(event)));
        // Where any scheme will do, the upstream is asked first which it takes.
        if let Some(scheme) = &found.scheme {
            builder = builder.scheme(scheme.clone()).preauthenticate(Preauthenticate::Always);
        }
        builder.credential(found).build().map_err(|error| GatewayError::engine(&error))
    }

    async fn credential(&self, credential: &UpstreamCredential, url: &Url) -> Result<Credential, GatewayError> {
        let wrong = |name: &str, detail: &str| GatewayError::Secret {
            place: format!("upstream_credential `{name}`"),
            detail: detail.to_owned(),
        };
        match credential {
            UpstreamCredential::Kept(name) => {
                let kept = self.store.credentials().await.map_err(|error| GatewayError::engine(&error))?;
                let found = kept.into_iter().find(|kept| kept.name == *name).map(|kept| kept.credential);
                let found =
                    found.ok_or_else(|| wrong(name, "there is none of this name: see `gatepost credential`"))?;
                let covers = found.scope.as_ref().is_none_or(|scope| scope.covers(url).is_some());
                if covers { Ok(found) } else { Err(wrong(name, "its scope does not cover the upstream")) }
            }
            UpstreamCredential::Keytab { user, file } => {
                Ok(Credential::keytab(user, file).within(Scope::of(url.origin())))
            }
            UpstreamCredential::Tickets(file) => Ok(Credential::tickets(file).within(Scope::of(url.origin()))),
            UpstreamCredential::Ambient => Ok(Credential::ambient().within(Scope::of(url.origin()))),
            UpstreamCredential::Login { scheme, user, secret } => Ok(Credential {
                user: user.clone(),
                secret: kept::secret(secret, self.environment)?,
                // A bare token is for Bearer, as everywhere.
                scheme: scheme.or_else(|| user.is_empty().then_some("Bearer")).map(str::to_owned),
                scope: Some(Scope::of(url.origin())),
                means: Means::Secret,
            }),
        }
    }
}
