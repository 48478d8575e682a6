//! Finds out who speaks: asks each scheme of a route, meets its needs, and believes nobody else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatepost_auth::scheme::{Answers, Refusal, Reuse, Scheme, Turn, Verdict};
use gatepost_auth::settings::Settings;
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::time::Timestamp;
use gatepost_net::handler::Peer;

use crate::clock::{self, Moment};
use crate::error::Error;
use crate::events::Events;
use crate::needs::World;
use crate::server::denied::Denied;
use crate::server::doorkeeper::Doorkeeper;
use crate::server::generations::Name;
use crate::server::proved::Proof;
use crate::server::said;

/// How often one scheme may ask for something before we call it a bug.
const MAX_NEEDS: usize = 8;

/// The number of the next authenticator of this process: what one accepted says nothing before another.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The schemes that a route admits, set up and connected to the world. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    number: u64,
    schemes: Vec<&'static dyn Scheme>,
    /// Of all schemes, each once.
    fields: Vec<&'static str>,
    settings: Settings,
    door: Arc<Doorkeeper>,
    events: Events,
}

/// What came of asking the schemes.
enum Outcome {
    Proved(Arc<Principal>),
    Refused(&'static str, Refusal),
    /// No credentials of any scheme that the route admits.
    Nobody,
}

/// One exchange: what is read and drawn once, whatever the schemes ask for.
#[derive(Clone, Copy)]
struct Exchange<'a> {
    request: RequestHead<'a>,
    now: Timestamp,
    entropy: &'a [u8; 32],
}

impl Authenticator {
    /// An authenticator over these schemes, tried and challenged for in this order.
    #[must_use]
    pub fn new(schemes: Vec<&'static dyn Scheme>, settings: Settings, door: Arc<Doorkeeper>, events: Events) -> Self {
        let mut fields: Vec<&'static str> = Vec::new();
        for field in schemes.iter().flat_map(|scheme| scheme.fields()) {
            if !fields.contains(field) {
                fields.push(field);
            }
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Parts { number, schemes, fields, settings, door, events }))
    }

    /// The schemes, in order.
    #[must_use]
    pub fn schemes(&self) -> &[&'static dyn Scheme] {
        &self.0.schemes
    }

    /// Who sent this request, if just these credentials were accepted a moment ago and nothing has changed since.
    ///
    /// `values` gives the values of a field of the request, by its name in lower case, in their order. `None` says
    /// nothing about the request: [`authenticate`](Self::authenticate) it then.
    pub async fn recall<'a, V>(
        &self,
        values: impl Fn(&'static str) -> V,
        peer: Option<SocketAddr>,
    ) -> Option<Arc<Principal>>
    where
        V: Iterator<Item = &'a [u8]>,
    {
        let name = self.name(values)?;
        let principal = self.0.door.recall(&name, clock::moment()).await?;
        self.report(&principal, peer);
        Some(principal)
    }

    /// The same without a wait, for a request that came from `peer`: `None` also where it is time to look what has
    /// changed. A connection that repeats itself is recognised by its own last words.
    pub(crate) fn recall_at_once<'a, V>(
        &self,
        values: impl Fn(&'static str) -> V,
        peer: &Peer,
    ) -> Option<Arc<Principal>>
    where
        V: Iterator<Item = &'a [u8]>,
    {
        let Parts { number, door, .. } = &*self.0;
        let now = clock::moment();
        let again = said::again(&peer.memory, *number, self.fields(&values));
        let name = again.or_else(|| door.proved.name(*number, self.fields(&values)))?;
        let principal = door.recall_at_once(&name, now)?;
        if again.is_none() {
            said::remember(&peer.memory, *number, self.fields(&values), name);
        }
        self.report(&principal, Some(peer.address));
        Some(principal)
    }

    /// Who sent this request, judged anew.
    ///
    /// The first scheme that finds credentials of its own decides; a request with several kinds of
    /// credentials is not given several chances.
    ///
    /// # Errors
    /// [`Denied`]: no credentials, refused ones, malformed ones, or a world that cannot answer.
    pub async fn authenticate(
        &self,
        head: RequestHead<'_>,
        peer: Option<SocketAddr>,
    ) -> Result<Arc<Principal>, Denied> {
        let Parts { events, .. } = &*self.0;
        let now = clock::moment();
        let entropy = clock::entropy().map_err(|error| self.failed(&error))?;
        let exchange = Exchange { request: head, now: now.wall, entropy: &entropy };
        match self.ask_all(exchange, now).await {
            Ok(Outcome::Proved(principal)) => {
                self.report(&principal, peer);
                Ok(principal)
            }
            Ok(Outcome::Refused(scheme, refusal)) => {
                events.emit(&Event::Refused { scheme: Some(scheme), reason: refusal.reason(), peer });
                if refusal.is_malformed() {
                    return Err(Denied::BadCredentials);
                }
                Err(Denied::Unauthenticated(self.challenges(exchange, Some((scheme, &refusal)))))
            }
            Ok(Outcome::Nobody) => {
                events.emit(&Event::Refused { scheme: None, reason: "no credentials".into(), peer });
                Err(Denied::Unauthenticated(self.challenges(exchange, None)))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn name<'a, V: Iterator<Item = &'a [u8]>>(&self, values: impl Fn(&'static str) -> V) -> Option<Name> {
        self.0.door.proved.name(self.0.number, self.fields(&values))
    }

    /// The fields that the schemes read, as they stand in a request.
    fn fields<'a, V: Iterator<Item = &'a [u8]>>(
        &self,
        values: &impl Fn(&'static str) -> V,
    ) -> impl Iterator<Item = (&'static str, &'a [u8])> {
        self.0.fields.iter().flat_map(move |field| values(field).map(move |value| (*field, value)))
    }

    fn report(&self, principal: &Principal, peer: Option<SocketAddr>) {
        if self.0.events.are_heard() {
            let (principal, scheme) = (principal.name.clone(), principal.scheme);
            self.0.events.emit(&Event::Authenticated { principal, scheme, peer });
        }
    }

    fn failed(&self, error: &Error) -> Denied {
        use gatepost_model::fault::Fault;
        let event = Event::Failed { blame: error.blame(), code: error.code(), detail: error.to_string() };
        self.0.events.emit(&event);
        Denied::Unavailable
    }

    async fn ask_all(&self, exchange: Exchange<'_>, now: Moment) -> Result<Outcome, Error> {
        // Before anybody looks at users and keys: what changes meanwhile ends what is held here.
        let epoch = self.0.door.epoch();
        for scheme in &self.0.schemes {
            let mut answers = Answers::default();
            match self.ask(*scheme, exchange, &mut answers).await? {
                Verdict::Accept(principal) => {
                    let principal = Arc::new(principal);
                    if let (Reuse::For(span), None) = (scheme.reuse(), answers.first_use) {
                        let proof = Proof { principal: Arc::clone(&principal), epoch, judged: now, span };
                        self.hold(exchange.request, proof);
                    }
                    return Ok(Outcome::Proved(principal));
                }
                Verdict::Reject(refusal) => return Ok(Outcome::Refused(scheme.name(), refusal)),
                Verdict::Absent => {}
                Verdict::Need(_) => return Err(Error::usage("a scheme never stops asking")),
            }
        }
        Ok(Outcome::Nobody)
    }

    /// Holds an accepted proof for its repetition.
    fn hold(&self, request: RequestHead<'_>, proof: Proof) {
        // Schemes name the fields that an origin server reads; a proxy is answered in another one.
        if request.party != Party::Server {
            return;
        }
        let values = |field| request.headers.get_all(field).iter().map(http::HeaderValue::as_bytes);
        if let Some(name) = self.name(values) {
            self.0.door.proved.hold(name, proof);
        }
    }

    /// Asks one scheme until it has what it needs.
    async fn ask(&self, scheme: &dyn Scheme, exchange: Exchange<'_>, answers: &mut Answers) -> Result<Verdict, Error> {
        for _ in 0..MAX_NEEDS {
            match scheme.verify(&self.turn(exchange, answers))? {
                Verdict::Need(need) => World::Server(&self.0.door).meet(need, answers, exchange.now).await?,
                verdict => return Ok(verdict),
            }
        }
        Err(Error::usage("a scheme asked for too much"))
    }

    /// One challenge per scheme; the scheme that refused may say why in its own words.
    fn challenges(
        &self,
        exchange: Exchange<'_>,
        refused: Option<(&'static str, &Refusal)>,
    ) -> Vec<gatepost_auth::challenge::Challenge> {
        let answers = Answers::default();
        let turn = self.turn(exchange, &answers);
        let refusal_of = |scheme: &dyn Scheme| refused.filter(|(name, _)| *name == scheme.name()).map(|(_, why)| why);
        self.0.schemes.iter().filter_map(|scheme| scheme.challenge(&turn, refusal_of(*scheme))).collect()
    }

    fn turn<'a>(&'a self, exchange: Exchange<'a>, answers: &'a Answers) -> Turn<'a> {
        let Exchange { request, now, entropy } = exchange;
        Turn { request, challenge: None, answers, settings: &self.0.settings, now, entropy, memory: &[] }
    }
}
