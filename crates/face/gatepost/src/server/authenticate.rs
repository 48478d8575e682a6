//! Finds out who speaks: asks each scheme of a route, meets its needs, and believes nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::need::Answers;
use gatepost_auth::scheme::{Reuse, Scheme, Turn};
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;
use gatepost_net::handler::Peer;
use http::header::VIA;

use crate::clock::{self, Moment};
use crate::error::Error;
use crate::events::Events;
use crate::needs::World;
use crate::server::asked::{Asked, Exchange, Outcome, channel, settle, whose};
use crate::server::authenticated::Authenticated;
use crate::server::content::Content;
use crate::server::damping::Try;
use crate::server::denied::Denied;
use crate::server::doorkeeper::Doorkeeper;
use crate::server::generations::Name;
use crate::server::minutes;
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
        match self.look(head, content, peer).await? {
            Ok(who) => Ok(who),
            Err(challenges) => Err(self.nobody(challenges, peer)),
        }
    }

    /// Nobody came where somebody has to.
    pub(crate) fn nobody(&self, challenges: Vec<Challenge>, peer: &Peer) -> Denied {
        let (reason, peer) = ("no credentials".into(), Some(peer.address));
        self.0.events.emit(&Event::Refused { scheme: None, reason, peer });
        self.unproved(challenges, true)
    }

    /// The same where nobody has to prove anything: without credentials it is nobody, and the challenges that a site
    /// behind may want to answer with. Whoever brings some is judged as ever.
    ///
    /// # Errors
    /// [`Denied`]: refused or malformed credentials, or a world that cannot answer.
    pub async fn look(
        &self,
        head: RequestHead<'_>,
        content: &mut Content,
        peer: &Peer,
    ) -> Result<Result<Authenticated, Vec<Challenge>>, Denied> {
        let Parts { events, .. } = &*self.0;
        let now = clock::moment();
        let entropy = clock::entropy().map_err(|error| self.failed(&error))?;
        let channel = Arc::new(channel(peer));
        let (memory, from) = (&peer.memory, peer.address.ip());
        let exchange = Exchange { request: head, now, entropy: &entropy, channel: &channel, memory, from };
        let peer_address = Some(peer.address);
        match self.ask_all(exchange, content).await {
            Ok(Outcome::Proved(principal, fields)) => {
                self.report(&principal, peer);
                events.record(|| minutes::proved(head, from, principal.scheme, &principal.name));
                Ok(Ok(Authenticated { principal, fields }))
            }
            Ok(Outcome::Unfinished(challenge)) => Err(Denied::Unauthenticated(vec![challenge])),
            Ok(Outcome::Refused(scheme, claimed, refusal)) => {
                let reason = refusal.reason();
                events.record(|| minutes::refused(head, from, scheme, claimed, reason.clone()));
                events.emit(&Event::Refused { scheme: Some(scheme), reason, peer: peer_address });
                if refusal.is_malformed() {
                    return Err(Denied::BadCredentials);
                }
                Err(self.unproved(self.challenges(exchange, Some((scheme, &refusal))), false))
            }
            Ok(Outcome::Damped(scheme, claimed, wait)) => {
                let reason = format!("too many failures before: not looked at for {} ms", wait.as_millis());
                events.record(|| minutes::damped(head, from, scheme, claimed, reason.clone()));
                events.emit(&Event::Refused { scheme: Some(scheme), reason, peer: peer_address });
                Err(Denied::TooMany(wait))
            }
            Ok(Outcome::Nobody) => Ok(Err(self.challenges(exchange, None))),
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
            let mut asked = Asked { answers: exchange.answers(), ..Asked::default() };
            let verdict = self.ask(*scheme, exchange, under_way, content, &mut asked).await?;
            let Asked { answers, claimed, damped } = asked;
            if let Some(wait) = damped {
                return Ok(Outcome::Damped(scheme.name(), claimed, wait));
            }
            match verdict {
                Verdict::Accept { principal, fields } => {
                    let principal = Arc::new(principal);
                    self.remember(*scheme, exchange, &principal, epoch, &answers);
                    return Ok(Outcome::Proved(principal, fields.into_iter().collect()));
                }
                Verdict::Continue { challenge, memory } => {
                    let (authenticator, scheme) = (self.0.number, scheme.name());
                    if exchange.channel.multiplexed {
                        let why = "a proof of several legs needs a connection of its own".to_owned();
                        return Ok(Outcome::Refused(scheme, claimed, Refusal::NotTaken(why)));
                    }
                    let until = exchange.now.wall + PATIENCE;
                    let legs = Legs { authenticator, scheme, memory: Secret::new(memory), until };
                    Remembered::with(exchange.memory, |remembered| remembered.legs = Some(legs));
                    return Ok(Outcome::Unfinished(challenge));
                }
                Verdict::Reject(refusal) => return Ok(Outcome::Refused(scheme.name(), claimed, refusal)),
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

    /// Asks one scheme until it has what it needs. Whose secret is to be compared is asked for its place first.
    async fn ask(
        &self,
        scheme: &dyn Scheme,
        exchange: Exchange<'_>,
        legs: Option<&Legs>,
        content: &mut Content,
        asked: &mut Asked,
    ) -> Result<Verdict, Error> {
        let memory = legs.map_or(&[][..], |legs| legs.memory.reveal());
        let (door, settings) = (&*self.0.door, &self.0.settings);
        let mut attempt: Option<Try<'_>> = None;
        for _ in 0..MAX_NEEDS {
            let need = match scheme.verify(&Turn { memory, ..exchange.turn(settings, &asked.answers) })? {
                Verdict::Need(need) => need,
                verdict => {
                    settle(attempt, &verdict);
                    return Ok(verdict);
                }
            };
            if let (None, Some(user)) = (&attempt, whose(&need)) {
                let admitted = door.damping.admit(user, exchange.from).await;
                asked.claimed = Some(user.to_owned());
                match admitted {
                    Ok(admitted) => attempt = Some(admitted),
                    Err(wait) => {
                        asked.damped = Some(wait);
                        return Ok(Verdict::Absent);
                    }
                }
            }
            let (memory, content, limit) = (exchange.memory, &mut *content, settings.digest.body_limit);
            let world = World::Server { door, memory, settings, content, limit };
            world.meet(need, &mut asked.answers, exchange.now.wall).await?;
        }
        Err(Error::usage("a scheme asked for too much"))
    }

    /// What is answered to somebody who has proved nothing. Where only certificates count there is nothing to ask for
    /// (RFC 9110 §15.5.2): it takes a new connection to show one.
    fn unproved(&self, challenges: Vec<Challenge>, is_nobody: bool) -> Denied {
        match is_nobody {
            _ if !challenges.is_empty() || !self.0.by_handshake => Denied::Unauthenticated(challenges),
            true => Denied::CertificateWanted,
            false => Denied::CertificateRefused,
        }
    }

    /// The challenges of all schemes; the scheme that refused may say why in its own words.
    fn challenges(&self, exchange: Exchange<'_>, refused: Option<(&'static str, &Refusal)>) -> Vec<Challenge> {
        let answers = exchange.answers();
        let turn = exchange.turn(&self.0.settings, &answers);
        let refusal_of = |scheme: &dyn Scheme| refused.filter(|(name, _)| *name == scheme.name()).map(|(_, why)| why);
        self.0.schemes.iter().flat_map(|scheme| scheme.challenges(&turn, refusal_of(*scheme))).collect()
    }
}
