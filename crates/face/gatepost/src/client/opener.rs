//! Opens connections, and tells of it.

use gatepost_model::event::Event;
use gatepost_model::url::Origin;
use gatepost_net::connection::Connection;
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;
use gatepost_tls::verify::judgement::Judgement;

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
        let facts = connection.facts();
        self.events.emit(&Event::Connected { address: facts.address, tls: facts.tls, protocol: facts.protocol });
        if let Some(judgement) = &facts.judgement {
            self.tell(judgement);
        }
        Ok(connection)
    }

    /// What was let pass is never silent.
    fn tell(&self, judgement: &Judgement) {
        let decided = |subject, reason| self.events.emit(&Event::Decided { subject, allowed: true, reason });
        if !judgement.found.is_empty() {
            decided("certificate", format!("ignored as asked: {judgement}"));
        }
        if judgement.pins_missed {
            decided("pin", "no pin is in the path; pins only report here".to_owned());
        }
    }
}
