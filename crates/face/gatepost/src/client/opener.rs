//! Opens connections, and tells of it.

use std::sync::Arc;

use gatepost_model::event::Event;
use gatepost_model::url::Origin;
use gatepost_net::connection::{Connection, ConnectionFacts};
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;
use gatepost_net::proxy::Way;
use gatepost_net::reach::Reached;
use gatepost_tls::verify::judgement::Judgement;

use crate::client::detour::Detour;
use crate::client::inspection::Inspection;
use crate::events::Events;

/// How a client comes to a new connection.
#[derive(Debug)]
pub(crate) struct Opener {
    pub(crate) dialer: Dialer,
    pub(crate) events: Events,
    pub(crate) inspection: Option<Inspection>,
    pub(crate) detour: Option<Arc<dyn Detour>>,
}

impl Opener {
    /// A new connection to `origin`.
    pub(crate) async fn open(&self, origin: &Origin) -> Result<Connection, NetError> {
        let connection = match self.detour(origin) {
            Some(detour) => self.dialer.connect_through(detour.open(&self.dialer, origin).await?, origin).await?,
            None => self.dialer.connect(origin).await?,
        };
        self.inspect(connection).await
    }

    /// A new connection to `origin` that speaks HTTP/1.1.
    pub(crate) async fn open_http1(&self, origin: &Origin) -> Result<Connection, NetError> {
        let connection = match self.detour(origin) {
            Some(detour) => self.dialer.connect_http1_through(detour.open(&self.dialer, origin).await?, origin).await?,
            None => self.dialer.connect_http1(origin).await?,
        };
        self.inspect(connection).await
    }

    /// A connection to `origin` with nothing on it yet.
    pub(crate) async fn reach(&self, origin: &Origin) -> Result<Way, NetError> {
        match self.detour(origin) {
            Some(detour) => detour.open(&self.dialer, origin).await,
            None => {
                let Reached { stream, local, remote } = self.dialer.reach(origin).await?;
                Ok(Way { stream: Box::new(stream), local, address: remote })
            }
        }
    }

    /// The same, straight to `origin`, which hears `header` first: whose connection this is.
    pub(crate) async fn open_http1_announced(&self, origin: &Origin, header: &[u8]) -> Result<Connection, NetError> {
        self.inspect(self.dialer.connect_http1_announced(origin, header).await?).await
    }

    /// The way round that has to be taken, if one has.
    pub(crate) fn detour(&self, origin: &Origin) -> Option<&dyn Detour> {
        self.detour.as_deref().filter(|detour| detour.leads_to(origin))
    }

    async fn inspect(&self, connection: Connection) -> Result<Connection, NetError> {
        self.judge(connection.facts()).await.map(|()| connection)
    }

    /// Tells of a connection, and asks the caller's own look whether it has something against it.
    pub(crate) async fn judge(&self, facts: &ConnectionFacts) -> Result<(), NetError> {
        self.tell(facts);
        let Some(inspection) = &self.inspection else { return Ok(()) };
        let verdict = inspection.allows(facts).await;
        if let Err(error) = &verdict {
            let (subject, reason) = ("connection", error.to_string());
            self.events.emit(&Event::Decided { subject, allowed: false, reason });
        }
        verdict
    }

    fn tell(&self, facts: &ConnectionFacts) {
        self.events.emit(&Event::Connected { address: facts.address, tls: facts.tls, protocol: facts.protocol });
        if let Some(judgement) = &facts.judgement {
            self.tell_of(judgement);
        }
    }

    /// What was let pass is never silent.
    fn tell_of(&self, judgement: &Judgement) {
        let decided = |subject, reason| self.events.emit(&Event::Decided { subject, allowed: true, reason });
        if !judgement.found.is_empty() {
            decided("certificate", format!("ignored as asked: {judgement}"));
        }
        if judgement.pins_missed {
            decided("pin", "no pin is in the path; pins only report here".to_owned());
        }
    }
}
