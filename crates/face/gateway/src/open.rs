//! Listeners at work.

use std::sync::Arc;

use gatepost::net::workers::Workers;
use gatepost::server::serve::Running;
use gatepost::tls::server::ServerTls;

use crate::config::listener::{Listener, Protection};

/// A listener at work.
pub(crate) struct Open {
    pub(crate) listener: Listener,
    pub(crate) tls: Option<Arc<ServerTls>>,
    pub(crate) running: Running,
}

impl Open {
    /// The port that it has.
    pub(crate) fn port(&self) -> u16 {
        self.running.addresses().first().map_or(self.listener.address.port(), |address| address.port())
    }

    /// Whether somebody who wants this host can be asked for a certificate here.
    pub(crate) fn may_ask(&self, host: Option<&str>) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.bindings().current().may_ask(self.port(), host))
    }
}

/// Whether two listeners are one, so that it stays open: where they were written does not matter, nor
/// which certificates they show.
pub(crate) fn same(left: &Listener, right: &Listener) -> bool {
    let plain = |listener: &Listener| listener.protection == Protection::Plain;
    left.address == right.address && plain(left) == plain(right) && left.announcers == right.announcers
}

/// Takes no more connections and lets those at work finish.
pub(crate) async fn drain(listeners: Vec<Open>, workers: Workers) {
    let mut draining = tokio::task::JoinSet::new();
    for open in listeners {
        draining.spawn(open.running.drain());
    }
    while draining.join_next().await.is_some() {}
    workers.end().await;
}
