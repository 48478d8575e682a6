//! A small world on loopback: an authority, sites with certificates from it, and clients that trust it.

#![allow(dead_code, unreachable_pub)] // Each test file uses its part.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gatepost_model::limits::Limits;
use gatepost_model::time::Timestamp;
use gatepost_model::url::Origin;
use gatepost_net::dial::{ClientTls, Dialer, Roots};
use gatepost_net::drain::Drain;
use gatepost_net::handler::Handler;
use gatepost_net::listen::Listener;
use gatepost_net::serve::{ServeSummary, serve};
use gatepost_tls::bindings::{BindingTable, Bindings};
use gatepost_tls::issue::Authority;
use gatepost_tls::server::{ServerRules, ServerTls};
use gatepost_tls::server_certificate::ServerCertificate;
use tokio::task::JoinHandle;

pub const DAY: Duration = Duration::from_secs(86_400);

pub fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap())
}

pub fn authority() -> Authority {
    named_authority("Test authority")
}

pub fn named_authority(name: &str) -> Authority {
    Authority::create(name, now(), DAY).unwrap()
}

/// Bindings of `key` to a fresh certificate for `names`.
pub fn bindings(authority: &Authority, key: &str, names: &[&str]) -> BindingTable {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let issued = authority.issue_server(&names, now(), DAY).unwrap();
    let certificate = ServerCertificate::new(issued.chain, &issued.key).unwrap();
    BindingTable::new([(key.parse().unwrap(), Arc::new(certificate))])
}

/// A running server.
pub struct Site {
    pub address: SocketAddr,
    pub drain: Drain,
    pub summary: JoinHandle<ServeSummary>,
    secure: bool,
}

impl Site {
    pub fn origin(&self, host: &str) -> Origin {
        Origin::new(self.secure, host, self.address.port())
    }

    pub fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.origin("localhost"))
    }
}

pub fn plain_site(handler: impl Handler, limits: Limits) -> Site {
    start(None, handler, limits)
}

pub fn tls_site(rules: &ServerRules, bindings: Arc<Bindings>, handler: impl Handler, limits: Limits) -> Site {
    start(Some(Arc::new(ServerTls::new(rules, bindings).unwrap())), handler, limits)
}

/// A site with a certificate for `localhost`.
pub fn localhost(authority: &Authority, handler: impl Handler, limits: Limits) -> Site {
    let table = bindings(authority, "localhost:0", &["localhost"]);
    tls_site(&ServerRules::default(), Arc::new(Bindings::new(table)), handler, limits)
}

pub fn start(tls: Option<Arc<ServerTls>>, handler: impl Handler, limits: Limits) -> Site {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 128).unwrap();
    let (address, drain, secure) = (listener.local_addr(), Drain::default(), tls.is_some());
    let summary = tokio::spawn(serve(listener, tls, Arc::new(handler), Arc::new(limits), drain.clone()));
    Site { address, drain, summary, secure }
}

pub fn trusting(authority: &Authority) -> ClientTls {
    ClientTls { roots: Roots::Only(vec![authority.certificate_der().to_vec()]), ..ClientTls::default() }
}

pub fn dialer(tls: ClientTls) -> Dialer {
    Dialer::new(tls, Arc::new(Limits::default())).unwrap()
}
