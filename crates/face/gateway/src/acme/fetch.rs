//! A certificate, from the wish for it to names that are bound to it.

use std::sync::Arc;

use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::store::store::{Store, StoredCertificate};
use gatepost::tls::certificate::Certificate;

use crate::acme::authority::{Authority, External};
use crate::acme::conversation::{self, Ordered};
use crate::acme::keeping;
use crate::acme::proofs::Proofs;
use crate::acme::stand::{self, Ground};
use crate::acme::wanted::Wanted;
use crate::error::GatewayError;

/// What is needed to come by certificates.
#[derive(Debug, Clone)]
pub struct House {
    /// Where accounts and certificates are kept.
    pub store: Arc<dyn Store>,
    /// What listeners show to authorities.
    pub proofs: Proofs,
    /// Where a listener of its own works.
    pub ground: Ground,
    /// Where events go.
    pub events: Events,
}

/// A certificate that we are to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Which.
    pub wanted: Wanted,
    /// The account that there is at the authority by other means, if it wants one.
    pub external: Option<External>,
}

impl Charge {
    /// Whom it is asked of. The file is read each time: it may have been mended.
    ///
    /// # Errors
    /// If the file of authorities cannot be read.
    pub fn authority(&self) -> Result<Authority, GatewayError> {
        let Wanted { directory, ca_file, contact, .. } = &self.wanted;
        let roots = Authority::roots(ca_file.as_deref())?;
        let external = self.external.clone();
        Ok(Authority { directory: directory.clone(), roots, contact: contact.clone(), external })
    }
}

/// Orders a certificate, keeps it, and binds its names to it. With `replaces`, the authority is told which one it
/// replaces (RFC 9773 §5). When this fails, what was bound is bound still.
///
/// # Errors
/// Whatever goes wrong on the way: see [`GatewayError`].
pub async fn fetch(
    house: &House,
    charge: &Charge,
    replaces: Option<&(String, String)>,
) -> Result<Certificate, GatewayError> {
    let names = &charge.wanted.names;
    // Before anybody is asked: an order that nobody can use counts against us.
    keeping::make_sure(house.store.as_ref(), names).await?;
    let issued = order(house, charge, replaces).await?;
    let leaf = Certificate::parse(issued.chain.first().map_or(&[], Vec::as_slice));
    let leaf = leaf.map_err(|error| GatewayError::engine(&error))?;
    keeping::keep(house.store.as_ref(), issued, &charge.wanted).await?;
    bind(house, charge, &leaf).await?;
    Ok(leaf)
}

/// Binds the names to a certificate that is kept, and says so if they were not.
pub(super) async fn bind(house: &House, charge: &Charge, leaf: &Certificate) -> Result<(), GatewayError> {
    let names = &charge.wanted.names;
    if keeping::bind(house.store.as_ref(), names, leaf.fingerprint).await? > 0 {
        let detail = format!("good until {}", leaf.not_after);
        house.events.emit(&Event::Certificate { names: names.to_string(), step: "bound", detail });
    }
    Ok(())
}

async fn order(
    house: &House,
    charge: &Charge,
    replaces: Option<&(String, String)>,
) -> Result<StoredCertificate, GatewayError> {
    let House { store, proofs, ground, events } = house;
    let Wanted { names, challenge, listen, .. } = &charge.wanted;
    let authority = charge.authority()?;
    let own = listen.map(|address| stand::open(ground, address, *challenge, proofs, events)).transpose()?;
    let ordered = Ordered { names, challenge: *challenge, replaces };
    let issued = conversation::order(&authority, ordered, proofs, store.as_ref(), events).await;
    if let Some(own) = own {
        own.drain().await;
    }
    issued
}
