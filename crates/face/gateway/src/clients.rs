//! The certificates of clients: which a route takes, and whether any client can be asked for one.

use std::path::Path;
use std::sync::Arc;

use gatepost::clock;
use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::model::fault::Fault;
use gatepost::model::terms::{ClientCertificate, Revocation, Terms};
use gatepost::model::time::Timestamp;
use gatepost::net::handler::Peer;
use gatepost::server::denied::Denied;
use gatepost::tls::client_chain::ClientTrust;
use gatepost::tls::lists::RevocationLists;
use gatepost::tls::pem;

use crate::config::clients::Clients;
use crate::config::routes::Route;
use crate::error::GatewayError;
use crate::{revocation_file, small_file};

/// What a route demands of clients, ready to be asked.
#[derive(Debug)]
pub(crate) struct Demand {
    required: bool,
    trust: Option<Arc<ClientTrust>>,
}

impl Demand {
    /// What these clients are asked for; `None` if nothing.
    ///
    /// # Errors
    /// If a file cannot be read, or holds something else.
    pub(crate) fn of(clients: &Clients) -> Result<Option<Self>, GatewayError> {
        if !clients.are_asked() {
            return Ok(None);
        }
        let trust = match &clients.authorities {
            None => None,
            Some(file) => {
                let trust = ClientTrust::new(&authorities(file)?, lists(clients)?.as_der());
                Some(Arc::new(trust.map_err(|error| unfit(file, &error))?))
            }
        };
        Ok(Some(Self { required: clients.when == ClientCertificate::Require, trust }))
    }

    /// Lets this client pass, or says why not: to it little, to the events all.
    ///
    /// A certificate was judged in the handshake; here it is asked whether that still holds, and what the authorities of
    /// the route have to say.
    ///
    /// # Errors
    /// [`Denied`], which no proof and no other credentials can turn.
    pub(crate) fn meet(&self, peer: &Peer, events: &Events) -> Result<(), Denied> {
        let Some(chain) = &peer.client else {
            if !self.required {
                return Ok(());
            }
            refused(peer, events, "no certificate was shown".to_owned());
            return Err(Denied::CertificateWanted);
        };
        let now = clock::now();
        let judged = match &self.trust {
            _ if chain.until() < now => Err("its certificate ended while the connection stood".to_owned()),
            None => Ok(()),
            Some(trust) => chain.judge_by(trust, now).map_err(|judgement| judgement.to_string()),
        };
        judged.map_err(|reason| {
            refused(peer, events, reason);
            Denied::CertificateRefused
        })
    }
}

/// When what a client may do ends because its certificate does, where that counts.
pub(crate) fn until(clients: &Clients, peer: &Peer) -> Option<Timestamp> {
    peer.client.as_ref().filter(|_| clients.are_asked()).map(|chain| chain.until())
}

/// A certificate that does not fit into a header field: the upstream would decide without it.
pub(crate) fn too_long(peer: &Peer, events: &Events) -> Denied {
    refused(peer, events, "its certificates are too long to be forwarded".to_owned());
    Denied::CertificateRefused
}

/// The terms of a listener with a certificate of its own, and the lists that hold there.
///
/// # Errors
/// If a file cannot be read, or holds something else.
pub(crate) fn terms(clients: &Clients) -> Result<(Terms, RevocationLists), GatewayError> {
    let client_authorities = clients.authorities.as_deref().map(authorities).transpose()?.unwrap_or_default();
    let lists = lists(clients)?;
    let revocation = if lists.is_empty() { Revocation::Off } else { Revocation::On };
    let terms = Terms { client_certificate: clients.when, client_authorities, revocation, ..Terms::default() };
    Ok((terms, lists))
}

/// A route that asks for certificates where no listener does: rustls has no renegotiation (RFC 5746), and TLS 1.3 none at
/// all, so that nobody could ever pass.
///
/// `asks` says whether somebody who wants this host, or any, can be asked.
///
/// # Errors
/// What is wrong with such a route, and what to do.
pub(crate) fn consistent(routes: &[Route], asks: impl Fn(Option<&str>) -> bool) -> Result<(), GatewayError> {
    let unasked = routes.iter().find(|route| route.clients.are_asked() && !asks(route.host.as_deref()));
    let Some(route) = unasked else { return Ok(()) };
    let host = route.host.as_deref().unwrap_or("NAME");
    Err(GatewayError::Setting {
        place: route.source.to_string(),
        problem: "this route wants certificates of clients, and no listener asks any for one in the handshake".into(),
        hint: Some(format!(
            "bind it with `gatepost cert rebind {host}:PORT --client-cert request --client-ca FILE`, or give the listener \
             with a `certificate` of its own `client_certificate = \"request\"` and a `client_ca`"
        )),
    })
}

fn refused(peer: &Peer, events: &Events, reason: String) {
    events.emit(&Event::Refused { scheme: Some("client certificate"), reason, peer: Some(peer.address) });
}

fn authorities(file: &Path) -> Result<Vec<Vec<u8>>, GatewayError> {
    pem::parse_chain_pem(&read(file)?).map_err(|error| unfit(file, &error))
}

fn lists(clients: &Clients) -> Result<RevocationLists, GatewayError> {
    let Some(file) = &clients.revocation else { return Ok(RevocationLists::default()) };
    let unreadable = |detail: String| GatewayError::Unreadable { path: file.clone(), detail };
    RevocationLists::new(revocation_file::read(file).map_err(unreadable)?).map_err(|error| unfit(file, &error))
}

fn read(file: &Path) -> Result<Vec<u8>, GatewayError> {
    small_file::read(file, small_file::LONGEST_PEM)
        .map_err(|error| GatewayError::Unreadable { path: file.to_owned(), detail: error.to_string() })
}

fn unfit(file: &Path, error: &dyn Fault) -> GatewayError {
    GatewayError::Unreadable { path: file.to_owned(), detail: error.to_string() }
}
