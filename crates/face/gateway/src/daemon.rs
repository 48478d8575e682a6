//! The daemon: starts a gateway, reloads it, and ends it in good order.

use std::path::PathBuf;
use std::sync::Arc;

use gatepost::Server;
use gatepost::auth::settings::ChannelBinding;
use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::model::fault::Fault;
use gatepost::net::admission::Admission;
use gatepost::net::announced::Announcers;
use gatepost::net::descriptors;
use gatepost::net::workers::Workers;
use gatepost::store::store::Store;
use gatepost::tls::bindings::{BindingTable, Bindings};
use gatepost::tls::server::{ServerRules, ServerTls};

use crate::acme::fetch::House;
use crate::acme::proofs::Proofs;
use crate::acme::renewal::Renewals;
use crate::acme::stand::Ground;
use crate::certificates::Shelf;
use crate::clients;
use crate::config::acme;
use crate::config::compose::{Config, Flags, compose};
use crate::config::document::Document;
use crate::config::listener::{Listener, Protection};
use crate::config::routes::Guard;
use crate::error::GatewayError;
use crate::first_run;
use crate::gate::Gate;
use crate::kept;
use crate::ledger::Ledger;
use crate::open::{Open, drain, same};
use crate::plan::Plan;
use crate::ready::Ready;
use crate::reload::{EVERY, Stamps, waiting};
use crate::signals::Signals;
use crate::state::State;

/// Looks an environment variable up, for as long as the daemon lives.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the daemon was started with.
#[derive(Clone)]
pub struct Orders {
    /// The state directory.
    pub state: State,
    /// The configuration file; the demo or one upstream if `None`.
    pub document: Option<PathBuf>,
    /// What the command line says.
    pub flags: Flags,
    /// The environment.
    pub environment: Environment,
    /// Where events go.
    pub events: Events,
}

/// A gateway at work: connections on its workers; signals, reloads and the first start where it was started.
pub struct Daemon {
    orders: Orders,
    workers: Workers,
    /// The bounds of the process, for every listener that is opened.
    admission: Arc<Admission>,
    store: Arc<dyn Store>,
    shelf: Shelf,
    gate: Gate,
    /// What it was started with: some of that stays until it is started again.
    started: Config,
    listeners: Vec<Open>,
    stamps: Stamps,
    /// Why the certificates that are bound by now are not shown.
    unbound: Option<String>,
    renewals: Renewals,
    ready: Ready,
    signals: Signals,
    ledger: Option<Ledger>,
}

impl Orders {
    /// Reads the configuration: what the daemon would run with now.
    ///
    /// # Errors
    /// What is wrong with it, with the place.
    pub fn config(&self) -> Result<Config, GatewayError> {
        let document = self.document.as_deref().map(Document::read).transpose()?;
        compose(document.as_ref(), &|name| (self.environment)(name), &self.flags)
    }
}

impl Daemon {
    /// Starts everything, or nothing: when this returns an error, no listener is open.
    ///
    /// # Errors
    /// What has to be put right first, with its place; or that the system does not let us hear signals.
    pub async fn start(mut orders: Orders) -> Result<Self, GatewayError> {
        let stamps = Stamps::of(orders.document.as_deref());
        let config = orders.config()?;
        let stamps = stamps.and_those_of(&config);
        let lookup = |name: &str| (orders.environment)(name);
        let store = kept::open(&orders.state, config.store.as_deref(), &config.sealing, &lookup)?;
        let keep = |size| Ledger::start(&orders.state.decisions(), size);
        let ledger = config.decision_bytes.map(keep).transpose()?;
        if let Some(ledger) = &ledger {
            orders.events = orders.events.with_ledger(ledger.inlet());
        }
        let ready = first_run::furnish(&orders.state, &config, orders.document.is_some(), store.as_ref()).await?;
        warn(&config, &orders.events);
        let charges = acme::charges(&config.acme, &lookup)?;
        let proofs = Proofs::default();
        let gate = Gate::new(Plan::new(&config, &store, &lookup, orders.events.clone()).await?).proving(proofs.clone());
        let workers = Workers::start(config.workers).map_err(|error| GatewayError::engine(&error))?;
        // Where it cannot be raised, the bounds follow from what there is.
        let _ = descriptors::raise();
        let admission = Admission::new(&config.limits);
        let (started, listeners, signals) = (config.clone(), Vec::new(), Signals::hear()?);
        let shelf = Shelf::new(Arc::clone(&store));
        let ground =
            Ground { workers: workers.clone(), admission: Arc::clone(&admission), limits: config.limits.clone() };
        let house = House { store: Arc::clone(&store), proofs, ground, events: orders.events.clone() };
        let renewals = Renewals::new(house);
        let mut daemon = Self {
            orders,
            workers,
            admission,
            store,
            shelf,
            gate,
            started,
            listeners,
            stamps,
            unbound: None,
            renewals,
            ready,
            signals,
            ledger,
        };
        for listener in &config.listeners {
            let open = daemon.open(listener, &config).await?;
            daemon.listeners.push(open);
        }
        daemon.complain();
        daemon.gate.check(|host| daemon.listeners.iter().any(|open| open.may_ask(host)))?;
        daemon.ready.url = daemon.url();
        // The listeners are open: whoever asks for a proof finds it.
        daemon.renewals.follow(charges);
        Ok(daemon)
    }

    /// What one has to know to use it.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Works until SIGTERM or SIGINT, then drains; a second one ends it at once. SIGHUP or a changed
    /// file reloads. What came since it was started counts.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = self.signals.hangup.recv() => self.reload().await,
                _ = ticks.tick() => self.look().await,
                _ = self.signals.terminate.recv() => break,
                _ = self.signals.interrupt.recv() => break,
            }
        }
        let Self { listeners, workers, renewals, mut signals, ledger, .. } = self;
        // What is under way there is begun anew at the next start; it has a hold on the workers as well.
        drop(renewals);
        tokio::select! {
            () = drain(listeners, workers) => {}
            _ = signals.terminate.recv() => {}
            _ = signals.interrupt.recv() => {}
        }
        if let Some(ledger) = ledger {
            ledger.flush();
        }
    }

    /// Looks at the files of the configuration, at the bindings and at the directories of certificates.
    async fn look(&mut self) {
        if self.stamps.changed() {
            return self.reload().await;
        }
        let news = self.shelf.has_news().await;
        self.complain();
        if news {
            self.rebind().await;
        }
    }

    /// Shows the certificates that are bound by now, at the next handshake. Connections that stand go on.
    async fn rebind(&mut self) {
        for open in &self.listeners {
            let Some(tls) = open.tls.as_ref().filter(|_| open.listener.protection == Protection::Bindings) else {
                continue;
            };
            match self.shelf.table(&open.listener.protection).await {
                Ok(Some(table)) => tls.bindings().replace(table),
                Ok(None) => {}
                Err(error) => {
                    self.shelf.unsettle();
                    let detail = format!("the certificates stay as they are: {error} [{}]", error.code());
                    // It is tried again at each look, and said once.
                    if self.unbound.as_ref() != Some(&detail) {
                        self.unbound = Some(detail.clone());
                        self.orders.events.emit(&Event::Reloaded { applied: false, detail });
                    }
                    return;
                }
            }
        }
        self.shelf.settled();
        self.unbound = None;
        self.complain();
        if let Err(error) = self.gate.check(|host| self.listeners.iter().any(|open| open.may_ask(host))) {
            // Nothing can be refused any more: whoever comes to that route is.
            let (blame, code, detail) = (error.blame(), error.code(), error.to_string());
            self.orders.events.emit(&Event::Failed { blame, code, detail });
        }
        let detail = "certificates as they are bound now".to_owned();
        self.orders.events.emit(&Event::Reloaded { applied: true, detail });
    }

    /// Says what is wrong with certificate files.
    fn complain(&mut self) {
        for detail in self.shelf.take_wrong() {
            let (blame, code) = (gatepost::model::fault::Blame::Config, "GP-GATE-005");
            self.orders.events.emit(&Event::Failed { blame, code, detail });
        }
    }

    /// Builds all new and swaps; if anything is wrong, nothing changes and the event says where.
    pub async fn reload(&mut self) {
        let event = match self.renew().await {
            Ok(detail) => Event::Reloaded { applied: true, detail },
            Err(error) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                Event::Reloaded { applied: false, detail: format!("{error} [{}]{hint}", error.code()) }
            }
        };
        self.orders.events.emit(&event);
    }

    async fn renew(&mut self) -> Result<String, GatewayError> {
        // Before anything is read, and kept whatever comes of it: what is judged now is said once, what
        // changes from now on is noticed, and so is a certificate that a refused configuration names.
        self.stamps.changed();
        let stamps = Stamps::of(self.orders.document.as_deref());
        let config = self.orders.config()?;
        self.stamps = stamps.and_those_of(&config);
        // Everything that can fail comes first.
        let lookup = |name: &str| (self.orders.environment)(name);
        let plan = Plan::new(&config, &self.store, &lookup, self.orders.events.clone()).await?;
        let charges = acme::charges(&config.acme, &lookup)?;
        let renewed = self.renewed_tables(&config).await.inspect_err(|_| self.shelf.unsettle())?;
        let stays = |open: &Open| config.listeners.iter().any(|listener| same(listener, &open.listener));
        let (kept, mut gone): (Vec<Open>, Vec<Open>) = self.listeners.drain(..).partition(stays);
        self.listeners = kept;
        let mut opened = Vec::new();
        for listener in &config.listeners {
            if self.listeners.iter().any(|open| same(&open.listener, listener)) {
                continue;
            }
            match self.open(listener, &config).await {
                Ok(open) => opened.push(open),
                Err(error) => {
                    self.listeners.append(&mut gone);
                    self.shelf.unsettle();
                    return Err(error);
                }
            }
        }
        let kept = renewed.iter().map(|(listener, table)| (self.port(listener), table));
        let kept: Vec<_> = kept.collect();
        let asks = |host: Option<&str>| {
            kept.iter().any(|(port, table)| table.may_ask(*port, host)) || opened.iter().any(|open| open.may_ask(host))
        };
        if let Err(error) = clients::consistent(&config.routes, asks) {
            self.listeners.append(&mut gone);
            return Err(error);
        }
        for (listener, table) in renewed {
            let open = self.listeners.iter_mut().find(|open| same(&open.listener, &listener));
            if let Some((open, tls)) = open.and_then(|open| open.tls.clone().map(|tls| (open, tls))) {
                tls.bindings().replace(table);
                open.listener = listener;
            }
        }
        self.shelf.settled();
        self.gate.replace(plan);
        warn(&config, &self.orders.events);
        let counts =
            format!("{} routes, {} listeners opened, {} closed", config.routes.len(), opened.len(), gone.len());
        let detail = counts + waiting(&self.started, &config);
        self.listeners.append(&mut opened);
        self.renewals.follow(charges);
        for open in gone {
            tokio::spawn(open.running.drain());
        }
        Ok(detail)
    }

    /// The port of a listener that is open.
    fn port(&self, listener: &Listener) -> u16 {
        let open = self.listeners.iter().find(|open| same(&open.listener, listener));
        open.map_or(listener.address.port(), Open::port)
    }

    /// The certificates that the open TLS listeners are to show from now on.
    async fn renewed_tables(&mut self, config: &Config) -> Result<Vec<(Listener, BindingTable)>, GatewayError> {
        let mut renewed = Vec::new();
        for listener in &config.listeners {
            if !self.listeners.iter().any(|open| same(&open.listener, listener)) {
                continue;
            }
            if let Some(table) = self.shelf.table(&listener.protection).await? {
                renewed.push((listener.clone(), table));
            }
        }
        Ok(renewed)
    }

    /// Opens one listener, on all workers.
    async fn open(&mut self, listener: &Listener, config: &Config) -> Result<Open, GatewayError> {
        let tls = match self.shelf.table(&listener.protection).await? {
            None => None,
            Some(table) => {
                let challenges = Arc::clone(self.renewals.proofs().challenges());
                let bindings = Arc::new(Bindings::new(table));
                let tls = ServerTls::answering(&ServerRules::default(), bindings, challenges);
                Some(Arc::new(tls.map_err(|error| GatewayError::engine(&error))?))
            }
        };
        let gate = tls.as_ref().map_or_else(|| self.gate.clone(), |tls| self.gate.behind(Arc::clone(tls.bindings())));
        let server = Server::new(gate).on(&self.workers).limits(config.limits.clone());
        let server = server.admission(Arc::clone(&self.admission)).grace(config.drain_time);
        let server = server.events(self.orders.events.clone());
        let server = match &tls {
            Some(tls) => server.listen(listener.address, Arc::clone(tls)),
            None => server.danger_listen_plain(listener.address),
        };
        let server = match &listener.announcers {
            Some(networks) => server.announced_by(Announcers::new(networks.clone())),
            None => server,
        };
        let running = server.start().map_err(|error| GatewayError::engine(&error))?;
        Ok(Open { listener: listener.clone(), tls, running })
    }

    /// The first listener as one would type it. `localhost` where the certificate says so.
    fn url(&self) -> String {
        let Some(first) = self.listeners.first() else { return String::new() };
        let address = first.running.addresses().first().copied().unwrap_or(first.listener.address);
        let scheme = if first.tls.is_some() { "https" } else { "http" };
        let host = if address.ip().is_loopback() || address.ip().is_unspecified() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        };
        format!("{scheme}://{host}/")
    }
}

/// Says aloud which protections are off.
fn warn(config: &Config, events: &Events) {
    let open = config.routes.iter().filter(|route| route.guard == Guard::Open);
    for route in open {
        let host = route.host.as_deref().unwrap_or("any host");
        events.emit(&Event::Danger { what: format!("authentication of `{}` at {host}", route.prefix) });
    }
    if config.danger.digest_rfc2069 {
        events.emit(&Event::Danger { what: "the count and the client's nonce of Digest (RFC 2069)".into() });
    }
    if config.danger.plain_credentials {
        events.emit(&Event::Danger { what: "TLS for proofs of ours to upstreams on other machines".into() });
    }
    if config.auth.channel_binding == ChannelBinding::DangerIgnored {
        events.emit(&Event::Danger { what: "channel bindings of NTLM and Negotiate".into() });
    }
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("url", &self.ready.url).finish_non_exhaustive()
    }
}
