//! Whom we ask for certificates, and who we are to them.

use std::fmt;
use std::path::Path;

use gatepost::auth::jose::base64url;
use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::model::secret::Secret;
use gatepost::model::url::Url;
use gatepost::net::dial::Roots;
use gatepost::store::store::Store;
use gatepost::tls::pem;
use instant_acme::{Account, AccountCredentials, Error, ExternalAccountKey, NewAccount};
use serde::{Deserialize, Serialize};

use crate::acme::explain::explain;
use crate::acme::wire::Wire;
use crate::error::GatewayError;

/// What an account is for.
const EVERYTHING: &str = "all names";
/// The most that a file of certificates may hold.
const LONGEST: u64 = 1024 * 1024;

/// An ACME authority, and how we come to an account there.
#[derive(Clone)]
pub struct Authority {
    /// The address of its directory (RFC 8555 §7.1.1).
    pub directory: Url,
    /// Who vouches for its own server.
    pub roots: Roots,
    /// The mail addresses at which it may reach us.
    pub contact: Vec<String>,
    /// The account that we have there already by other means, if it wants one (RFC 8555 §7.3.4).
    pub external: Option<External>,
}

/// An account at an authority that was made by other means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Its key's identifier, as the authority gave it.
    pub id: String,
    /// Its key: base64url, as the authority gave it.
    pub key: Secret,
}

/// An account as it is kept: sealed, under the address of the directory.
#[derive(Serialize, Deserialize)]
struct Kept {
    contact: Vec<String>,
    credentials: AccountCredentials,
}

/// A conversation with an authority, under our account.
pub(super) struct Connected {
    pub(super) account: Account,
    pub(super) wire: Wire,
}

impl Authority {
    /// The authorities in a file of certificates (PEM); the system's without one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn roots(file: Option<&Path>) -> Result<Roots, GatewayError> {
        let Some(file) = file else { return Ok(Roots::System) };
        let unreadable = |detail: String| GatewayError::Unreadable { path: file.to_owned(), detail };
        let length = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
        if length > LONGEST {
            return Err(unreadable("more than 1 MiB is no certificate".into()));
        }
        let text = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
        pem::parse_chain_pem(&text).map(Roots::Only).map_err(|error| unreadable(error.to_string()))
    }

    /// Begins a conversation under the account that is kept, and makes one if there is none. Whoever calls this has
    /// the word of the operator that the terms of service are agreed to.
    pub(super) async fn connect(&self, store: &dyn Store, events: &Events) -> Result<Connected, GatewayError> {
        let wire = self.wire()?;
        let Some(kept) = self.kept(store).await? else { return self.register(store, events).await };
        let failed = |error: Error| explain(&error, &self.directory, wire.seen());
        let account = Account::builder_with_http(Box::new(wire.clone())).from_credentials(kept.credentials);
        let account = account.await.map_err(failed)?;
        let connected = Connected { account, wire };
        if kept.contact != self.contact {
            self.introduce(&connected, store, events).await?;
        }
        Ok(connected)
    }

    /// Tells the authority other addresses. That it does not take them is said, and keeps nobody from a certificate.
    async fn introduce(&self, connected: &Connected, store: &dyn Store, events: &Events) -> Result<(), GatewayError> {
        let contact = mailto(&self.contact);
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let detail = match connected.account.update_contacts(&contact).await {
            Ok(()) => "other addresses are known there".to_owned(),
            Err(error) => {
                let why = explain(&error, &self.directory, connected.wire.seen());
                format!("the addresses stay as they were: {why}")
            }
        };
        events.emit(&Event::Certificate { names: EVERYTHING.to_owned(), step: "account", detail });
        // What was read has gone into the account. Kept with the new addresses it is asked for once.
        match self.kept(store).await? {
            Some(kept) => self.keep(store, kept.credentials).await,
            None => Ok(()),
        }
    }

    /// Makes an account, and keeps it before it is used.
    pub(super) async fn register(&self, store: &dyn Store, events: &Events) -> Result<Connected, GatewayError> {
        let wire = self.wire()?;
        let contact = mailto(&self.contact);
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let external = self.external.as_ref().map(|external| external.key(&self.directory)).transpose()?;
        let made = Account::builder_with_http(Box::new(wire.clone()))
            .create(&wanted, self.directory.as_str().to_owned(), external.as_ref())
            .await;
        let (account, credentials) = made.map_err(|error| explain(&error, &self.directory, wire.seen()))?;
        self.keep(store, credentials).await?;
        let detail = format!("a new one at {}", self.directory);
        events.emit(&Event::Certificate { names: EVERYTHING.to_owned(), step: "account", detail });
        Ok(Connected { account, wire })
    }

    async fn kept(&self, store: &dyn Store) -> Result<Option<Kept>, GatewayError> {
        let failed = |error: gatepost::store::error::StoreError| GatewayError::engine(&error);
        let Some(text) = store.secret(&self.place()).await.map_err(failed)? else { return Ok(None) };
        // One that cannot be read is none: another is made, and nothing depends on the old one.
        Ok(serde_json::from_slice(text.reveal()).ok())
    }

    async fn keep(&self, store: &dyn Store, credentials: AccountCredentials) -> Result<(), GatewayError> {
        let kept = Kept { contact: self.contact.clone(), credentials };
        let text = serde_json::to_vec(&kept).map_err(|error| self.away(error.to_string()))?;
        store.put_secret(&self.place(), Secret::new(text)).await.map_err(|error| GatewayError::engine(&error))
    }

    fn wire(&self) -> Result<Wire, GatewayError> {
        Wire::new(self.roots.clone()).map_err(|error| GatewayError::engine(&error))
    }

    /// Under which name the account is kept.
    fn place(&self) -> String {
        format!("acme.account.{}", self.directory.as_str())
    }

    fn away(&self, detail: String) -> GatewayError {
        GatewayError::AuthorityAway { authority: self.directory.to_string(), detail, wait: None }
    }
}

impl External {
    fn key(&self, directory: &Url) -> Result<ExternalAccountKey, GatewayError> {
        // Some hand it out with padding, which base64url of JOSE has not.
        let text = self.key.reveal_text().map(|text| text.trim().trim_end_matches('='));
        let octets = text.and_then(base64url::decode).filter(|octets| !octets.is_empty()).map(Secret::new);
        let place = format!("the key of the external account at {directory}");
        let octets = octets.ok_or_else(|| GatewayError::Secret { place, detail: "it is not base64url".into() })?;
        Ok(ExternalAccountKey::new(self.id.clone(), octets.reveal()))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("directory", &self.directory).finish_non_exhaustive()
    }
}

fn mailto(contact: &[String]) -> Vec<String> {
    contact.iter().map(|address| format!("mailto:{address}")).collect()
}
