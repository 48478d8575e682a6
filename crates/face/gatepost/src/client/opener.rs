//! Opens connections, and tells of it.

use gatepost_model::event::Event;
use gatepost_model::url::Origin;
use gatepost_net::connection::Connection;
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;

use crate::events::Events;

/// How a client comes to a new connection.
#[derive(Debug)]
pub(crate) struct Opener {
    pub(crate) dialer: Dialer,
    pub(crate) events: Events,
}

impl Opener {
    /// A new connection to `origin`.
    pub(crate) async fn open(&self, origin: &Origin) -> Result<Connection, NetError> {
        let connection = self.dialer.connect(origin).await?;
        self.tell(&connection);
        Ok(connection)
    }

    /// A new connection to `origin` that speaks HTTP/1.1.
    pub(crate) async fn open_http1(&self, origin: &Origin) -> Result<Connection, NetError> {
        let connection = self.dialer.connect_http1(origin).await?;
        self.tell(&connection);
        Ok(connection)
    }

    fn tell(&self, connection: &Connection) {
        let facts = connection.facts();
        self.events.emit(&Event::Connected { address: facts.address, tls: facts.tls, protocol: facts.protocol });
    }
}
