//! Finds out who speaks: asks each scheme of a route, meets its needs, and believes nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::need::Answers;
use gatepost_auth::scheme::{Reuse, Scheme, Turn};
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::channel::Channel;
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;
use gatepost_net::handler::{Memory, Peer};
use http::HeaderMap;
use http::header::VIA;

use crate::clock::{self, Moment};
use crate::error::Error;
use crate::events::Events;
use crate::needs::World;
use crate::server::content::Content;
use crate::server::denied::Denied;
use crate::server::doorkeeper::Doorkeeper;
use crate::server::generations::Name;
use crate::server::proved::Proof;
use crate::server::remembered::{Legs, Remembered, Standing};
use crate::server::said;

/// How long a client may take from one leg of a proof to the next.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Whether a connection can come to speak for somebody here.
    binds: bool,
    /// Whether a certificate that was shown in the handshake counts: then it is asked each time who that is.
    by_handshake: bool,
    /// Of all schemes, each once.
    fields: Vec<&'static str>,
    settings: Settings,
    door: Arc<Doorkeeper>,
    events: Events,
}

/// Who was found to have sent a request, and what the answer has to tell them.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What the scheme says in the answer, such as that we know the secret too. Mostly empty.
    pub fields: HeaderMap,
}

impl From<Arc<Principal>> for Authenticated {
    fn from(principal: Arc<Principal>) -> Self {
        Self { principal, fields: HeaderMap::new() }
    }
}

/// What came of asking the schemes.
enum Outcome {
    Proved(Authenticated),
    Refused(&'static str, Refusal),
    /// A scheme has more to ask on this connection.
    Unfinished(Challenge),
    /// No credentials of any scheme that the route admits.
    Nobody,
}

/// One exchange: what is read and drawn once, whatever the schemes ask for.
#[derive(Clone, Copy)]
struct Exchange<'a> {
    request: RequestHead<'a>,
    now: Moment,
    entropy: &'a [u8; 32],
    channel: &'a Arc<Channel>,
    memory: &'a Memory,
}

impl Authenticator {
    /// An authenticator over these schemes, tried and challenged for in this order.
    #[must_use]
    pub fn new(
        schemes: Vec<&'static dyn Scheme>,
        mut settings: Settings,
        door: Arc<Doorkeeper>,
        events: Events,
    ) -> Self {
        settings.digest.nonce_key.get_or_insert_with(|| door.nonce_key.clone());
        let mut fields: Vec<&'static str> = Vec::new();
        for field in schemes.iter().flat_map(|scheme| scheme.fields()) {
            if !fields.contains(field) {
                fields.push(field);
            }
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let binds = schemes.iter().any(|scheme| scheme.binds_connection());
        let by_handshake = schemes.iter().any(|scheme| scheme.fields().is_empty());
        Self(Arc::new(Parts { number, schemes, binds, by_handshake, fields, settings, door, events }))
    }

    /// The schemes, in order.
    #[must_use]
    pub fn schemes(&self) -> &[&'static dyn Scheme] {
        &self.0.schemes
    }

    /// Ends what was accepted so far.
    #[cfg(test)]
    pub(crate) fn forget_all(&self) {
        self.0.door.forget();
    }

    /// Who sent this request, if just these credentials were accepted a moment ago, or its connection speaks for
    /// somebody, and nothing has changed since.
    ///
    /// `values` gives the values of a field of the request, by its name in lower case, in their order. `None` says
    /// nothing about the request: [`authenticate`](Self::authenticate) it then.
    pub async fn recall<'a, V>(&self, values: impl Fn(&'static str) -> V, peer: &Peer) -> Option<Arc<Principal>>
    where
        V: Iterator<Item = &'a [u8]>,
    {
        let Parts { door, .. } = &*self.0;
        if self.is_shown(peer) {
            return None;
        }
        let now = clock::moment();
        let principal = match self.name(&values) {
            Some(name) => door.recall(&name, now).await?,
            None if self.may_stand(&values) && door.is_current(now).await => self.standing(peer, now)?,
            None => return None,
        };
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
        if self.is_shown(peer) {
            return None;
        }
        let now = clock::moment();
        let again = said::again(&peer.memory, *number, self.fields(&values));
        let Some(name) = again.or_else(|| door.proved.name(*number, self.fields(&values))) else {
            let stands = self.may_stand(&values) && door.is_fresh(now);
            let principal = if stands { self.standing(peer, now)? } else { return None };
            self.report(&principal, peer);
            return Some(principal);
        };
        let principal = door.recall_at_once(&name, now)?;
        if again.is_none() {
            said::remember(&peer.memory, *number, self.fields(&values), name);
        }
        self.report(&principal, peer);
        Some(principal)
    }

    /// Who sent this request, judged anew.
    ///
    /// The first scheme that finds credentials of its own decides; a request with several kinds of
    /// credentials is not given several chances.
    ///
    /// `content` is the request's body: where a proof covers it, it is read ahead before anybody believes the proof.
    ///
    /// # Errors
    /// [`Denied`]: no credentials, refused ones, malformed ones, a body that cannot be read ahead, or a world that
    /// cannot answer.
    pub async fn authenticate(
        &self,
        head: RequestHead<'_>,
        content: &mut Content,
        peer: &Peer,
    ) -> Result<Authenticated, Denied> {
        let Parts { events, .. } = &*self.0;
        let now = clock::moment();
        let entropy = clock::entropy().map_err(|error| self.failed(&error))?;
        let channel = Arc::new(channel(peer));
        let exchange = Exchange { request: head, now, entropy: &entropy, channel: &channel, memory: &peer.memory };
        let peer_address = Some(peer.address);
        match self.ask_all(exchange, content).await {
            Ok(Outcome::Proved(who)) => {
                self.report(&who.principal, peer);
                Ok(who)
            }
            Ok(Outcome::Unfinished(challenge)) => Err(Denied::Unauthenticated(vec![challenge])),
            Ok(Outcome::Refused(scheme, refusal)) => {
                events.emit(&Event::Refused { scheme: Some(scheme), reason: refusal.reason(), peer: peer_address });
                if refusal.is_malformed() {
                    return Err(Denied::BadCredentials);
                }
                Err(self.unproved(exchange, Some((scheme, &refusal))))
            }
            Ok(Outcome::Nobody) => {
                events.emit(&Event::Refused { scheme: None, reason: "no credentials".into(), peer: peer_address });
                Err(self.unproved(exchange, None))
            }
            Err(error) => Err(content.refused().unwrap_or_else(|| self.failed(&error))),
        }
    }

    fn name<'a, V: Iterator<Item = &'a [u8]>>(&self, values: &impl Fn(&'static str) -> V) -> Option<Name> {
        self.0.door.proved.name(self.0.number, self.fields(values))
    }

    /// Whether the peer has shown a certificate that counts here. It may come before what the fields of a request say, and it
    /// ends when it ends: nothing is recalled beside it.
    fn is_shown(&self, peer: &Peer) -> bool {
        self.0.by_handshake && peer.client.is_some()
    }

    /// Whether a request without credentials may be one of those that its connection speaks for.
    fn may_stand<'a, V: Iterator<Item = &'a [u8]>>(&self, values: &impl Fn(&'static str) -> V) -> bool {
        self.0.binds && values("via").next().is_none()
    }

    /// Whom the connection speaks for.
    fn standing(&self, peer: &Peer, now: Moment) -> Option<Arc<Principal>> {
        Standing::of(&peer.memory, self.0.number, self.0.door.epoch(), now)
    }

    /// The fields that the schemes read, as they stand in a request.
    fn fields<'a, V: Iterator<Item = &'a [u8]>>(
        &self,
        values: &impl Fn(&'static str) -> V,
    ) -> impl Iterator<Item = (&'static str, &'a [u8])> {
        self.0.fields.iter().flat_map(move |field| values(field).map(move |value| (*field, value)))
    }

    fn report(&self, principal: &Principal, peer: &Peer) {
        if self.0.events.are_heard() {
            let (principal, scheme) = (principal.name.clone(), principal.scheme);
            self.0.events.emit(&Event::Authenticated { principal, scheme, peer: Some(peer.address) });
        }
    }

    fn failed(&self, error: &Error) -> Denied {
        use gatepost_model::fault::Fault;
        let event = Event::Failed { blame: error.blame(), code: error.code(), detail: error.to_string() };
        self.0.events.emit(&event);
        Denied::Unavailable
    }

    async fn ask_all(&self, exchange: Exchange<'_>, content: &mut Content) -> Result<Outcome, Error> {
        // Before anybody looks at users and keys: what changes meanwhile ends what is held here.
        let epoch = self.0.door.epoch();
        // Each leg is taken up once: whatever comes of it, the same challenge is not answered again.
        let legs = self.0.binds.then(|| self.legs(exchange)).flatten();
        for scheme in &self.0.schemes {
            let under_way = legs.as_ref().filter(|legs| legs.scheme == scheme.name());
            let mut answers = Answers { channel: Some(Arc::clone(exchange.channel)), ..Answers::default() };
            match self.ask(*scheme, exchange, under_way, content, &mut answers).await? {
                Verdict::Accept { principal, fields } => {
                    let principal = Arc::new(principal);
                    self.remember(*scheme, exchange, &principal, epoch, &answers);
                    return Ok(Outcome::Proved(Authenticated { principal, fields: fields.into_iter().collect() }));
                }
                Verdict::Continue { challenge, memory } => {
                    let (authenticator, scheme) = (self.0.number, scheme.name());
                    if exchange.channel.multiplexed {
                        let why = "a proof of several legs needs a connection of its own".to_owned();
                        return Ok(Outcome::Refused(scheme, Refusal::NotTaken(why)));
                    }
                    let until = exchange.now.wall + PATIENCE;
                    let legs = Legs { authenticator, scheme, memory: Secret::new(memory), until };
                    Remembered::with(exchange.memory, |remembered| remembered.legs = Some(legs));
                    return Ok(Outcome::Unfinished(challenge));
                }
                Verdict::Reject(refusal) => return Ok(Outcome::Refused(scheme.name(), refusal)),
                Verdict::Absent => {}
                Verdict::Need(_) => return Err(Error::usage("a scheme never stops asking")),
            }
        }
        Ok(Outcome::Nobody)
    }

    /// The proof that is under way on this connection. Whoever proves anew speaks for nobody until that is judged.
    fn legs(&self, exchange: Exchange<'_>) -> Option<Legs> {
        Remembered::with(exchange.memory, |remembered| {
            remembered.standing = None;
            remembered.legs.take()
        })
        .filter(|legs| legs.authenticator == self.0.number && legs.until > exchange.now.wall)
    }

    /// Holds an accepted proof for its repetition, or for its connection.
    fn remember(
        &self,
        scheme: &dyn Scheme,
        exchange: Exchange<'_>,
        principal: &Arc<Principal>,
        epoch: u64,
        answers: &Answers,
    ) {
        let principal = Arc::clone(principal);
        if scheme.binds_connection() {
            if !exchange.channel.multiplexed && !exchange.request.headers.contains_key(VIA) {
                let standing = Standing { authenticator: self.0.number, principal, epoch };
                Remembered::with(exchange.memory, |remembered| remembered.standing = Some(standing));
            }
        } else if let (Reuse::For(span), None) = (scheme.reuse(), answers.first_use) {
            self.hold(exchange.request, Proof { principal, epoch, judged: exchange.now, span });
        }
    }

    /// Holds an accepted proof for its repetition.
    fn hold(&self, request: RequestHead<'_>, proof: Proof) {
        // Schemes name the fields that an origin server reads; a proxy is answered in another one.
        if request.party != Party::Server {
            return;
        }
        let values = |field| request.headers.get_all(field).iter().map(http::HeaderValue::as_bytes);
        if let Some(name) = self.name(&values) {
            self.0.door.proved.hold(name, proof);
        }
    }

    /// Asks one scheme until it has what it needs.
    async fn ask(
        &self,
        scheme: &dyn Scheme,
        exchange: Exchange<'_>,
        legs: Option<&Legs>,
        content: &mut Content,
        answers: &mut Answers,
    ) -> Result<Verdict, Error> {
        let memory = legs.map_or(&[][..], |legs| legs.memory.reveal());
        let (door, limit) = (&*self.0.door, self.0.settings.digest.body_limit);
        for _ in 0..MAX_NEEDS {
            match scheme.verify(&Turn { memory, ..self.turn(exchange, answers) })? {
                Verdict::Need(need) => {
                    let (memory, settings, content) = (exchange.memory, &self.0.settings, &mut *content);
                    let world = World::Server { door, memory, settings, content, limit };
                    world.meet(need, answers, exchange.now.wall).await?;
                }
                verdict => return Ok(verdict),
            }
        }
        Err(Error::usage("a scheme asked for too much"))
    }

    /// What is answered to somebody who has proved nothing. Where only certificates count there is nothing to ask for
    /// (RFC 9110 §15.5.2): it takes a new connection to show one.
    fn unproved(&self, exchange: Exchange<'_>, refused: Option<(&'static str, &Refusal)>) -> Denied {
        let challenges = self.challenges(exchange, refused);
        match refused {
            _ if !challenges.is_empty() || !self.0.by_handshake => Denied::Unauthenticated(challenges),
            None => Denied::CertificateWanted,
            Some(_) => Denied::CertificateRefused,
        }
    }

    /// The challenges of all schemes; the scheme that refused may say why in its own words.
    fn challenges(&self, exchange: Exchange<'_>, refused: Option<(&'static str, &Refusal)>) -> Vec<Challenge> {
        let answers = Answers { channel: Some(Arc::clone(exchange.channel)), ..Answers::default() };
        let turn = self.turn(exchange, &answers);
        let refusal_of = |scheme: &dyn Scheme| refused.filter(|(name, _)| *name == scheme.name()).map(|(_, why)| why);
        self.0.schemes.iter().flat_map(|scheme| scheme.challenges(&turn, refusal_of(*scheme))).collect()
    }

    fn turn<'a>(&'a self, exchange: Exchange<'a>, answers: &'a Answers) -> Turn<'a> {
        let Exchange { request, now, entropy, .. } = exchange;
        Turn { request, challenge: None, answers, settings: &self.0.settings, now: now.wall, entropy, memory: &[] }
    }
}

/// What the connection of this peer says of itself.
fn channel(peer: &Peer) -> Channel {
    let bindings = peer.binder.as_ref().map(|binder| binder.bindings().clone()).unwrap_or_default();
    let multiplexed = peer.protocol != "http/1.1";
    let client = peer.client.as_ref().map(|chain| Arc::clone(chain.presented()));
    Channel { tls: peer.tls.is_some(), multiplexed, bindings, client }
}
