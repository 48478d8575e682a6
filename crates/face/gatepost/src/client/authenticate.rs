//! Proves who we are: chooses the credential, asks the policy, drives the exchange of one hop.

use std::sync::Arc;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::choose::{Order, Preference};
use gatepost_auth::context::ContextStep;
use gatepost_auth::exchange::{self, Exchange, Leg};
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::scheme::{Confirmation, Confirmed, Strength};
use gatepost_auth::schemes;
use gatepost_model::channel::Channel;
use gatepost_model::credential::{Credential, Means};
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use gatepost_net::failed::Failed;
use gatepost_policy::credentials::Ask;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Request, Response, StatusCode};

use crate::client::context::{Context, Preauthenticate};
use crate::client::contexts::{self, Contexts};
use crate::client::held::{self, Held};
use crate::client::lane::Lane;
use crate::client::outgoing::Outgoing;
use crate::client::pool::Identity;
use crate::client::spaces::Learned;
use crate::client::upstream::Destination;
use crate::clock;
use crate::error::Error;
use crate::needs::World;

/// What to do after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the request once more, with the new proof.
    Again,
    /// Deliver the answer.
    Done,
}

/// Which connection carries the requests of a hop.
#[derive(Debug)]
enum Carrier {
    /// Whichever is free.
    Pool,
    /// The caller's own, which says this of itself.
    Lane(Arc<Channel>),
    /// One that is held for a proof, or speaks for us already.
    Held(Held),
}

/// The turns that one hop takes: the first request and those that answer challenges.
pub(crate) struct Turns<'a> {
    cx: &'a Context,
    pub(crate) outgoing: &'a mut Outgoing,
    /// What the caller asked for, before any redirect.
    requested: &'a Url,
    redirected: bool,
    exchange: Exchange,
    answers: Answers,
    proof: HeaderMap,
    carrier: Carrier,
    contexts: Contexts,
    /// The time, and random octets, of the last leg.
    drawn: Option<(Timestamp, [u8; 32])>,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(cx: &'a Context, outgoing: &'a mut Outgoing, requested: &'a Url, redirected: bool) -> Self {
        let allowed = cx.schemes.iter().map(|scheme| scheme.name().to_owned()).collect();
        let order = if cx.schemes_are_listed { Order::AsListed } else { Order::Strongest };
        let credential = outgoing.credential.as_ref().and_then(|credential| credential.scheme.clone());
        let preference = Preference { allowed: Some(allowed), order, credential };
        let exchange = Exchange::new(Party::Server, preference);
        let (answers, proof) = (Answers::default(), HeaderMap::new());
        let (carrier, contexts) = (Carrier::Pool, Contexts::new(cx.kerberos.clone()));
        Self { cx, outgoing, requested, redirected, exchange, answers, proof, carrier, contexts, drawn: None }
    }

    /// The requests go over this connection of the caller's from now on.
    ///
    /// # Errors
    /// If a proof is under way on another.
    pub(crate) fn go_over(&mut self, lane: &Lane) -> Result<(), Error> {
        if self.exchange.is_under_way() {
            return Err(self.broken_off());
        }
        self.carrier = Carrier::Lane(Arc::new(held::channel(lane.facts())));
        self.answers.channel = None;
        Ok(())
    }

    /// Whether this answer offers a scheme whose proofs are for connections, and we could prove with it: not where
    /// requests share one.
    pub(crate) fn wants_connection(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let ours = |challenge: &Challenge| {
            let mut schemes = self.cx.schemes.iter();
            let known = schemes.find(|scheme| scheme.binds_connection() && challenge.is(scheme.name()));
            known.is_some_and(|scheme| self.has_credential_for(scheme.name()))
        };
        let fields = headers.get_all(WWW_AUTHENTICATE);
        status == StatusCode::UNAUTHORIZED && Challenge::parse_all(fields).challenges.iter().any(ours)
    }

    /// Sends a request over the connection that its proof is for, or over any.
    ///
    /// # Errors
    /// As [`Destination::send`]; and if the connection of a proof under way is gone.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let origin = self.outgoing.url.origin();
        let Carrier::Held(held) = &self.carrier else {
            return Ok(self.cx.upstream.send(&origin, request).await?);
        };
        match held.send(request).await {
            Ok(response) => Ok(response),
            // It went stale in its place: whoever asks there is asked who they are.
            Err(Failed { unsent: Some(request), .. }) if held.is_proved => {
                self.carrier = Carrier::Pool;
                Ok(self.cx.upstream.send(&origin, *request).await?)
            }
            Err(Failed { unsent: Some(_), .. }) => Err(self.broken_off()),
            Err(failed) => Err(failed.error.into()),
        }
    }

    /// Whether the server cannot accept what is sent next: the body stays at home.
    pub(crate) fn is_preliminary(&self) -> bool {
        !self.proof.is_empty() && self.exchange.is_preliminary()
    }

    /// The fields of the proof for the next sending; empty if there is none.
    pub(crate) fn proof(&self) -> &HeaderMap {
        &self.proof
    }

    /// The scheme of the proof for the next sending.
    pub(crate) fn scheme(&self) -> Option<&'static str> {
        if self.proof.is_empty() { None } else { self.exchange.proved_by() }
    }

    /// Proves before anybody asks, where that is wanted.
    ///
    /// # Errors
    /// If a setting of the scheme is unusable.
    pub(crate) async fn ahead(&mut self) -> Result<(), Error> {
        let learned = self.cx.spaces.learned_for(&self.outgoing.url);
        let wanted = match self.cx.preauthenticate {
            Preauthenticate::Never => None,
            Preauthenticate::Learned => learned,
            Preauthenticate::Always => self.strongest_with_credential().map(|scheme| {
                let same = learned.filter(|learned| learned.scheme == scheme);
                same.unwrap_or(Learned { scheme, challenge: None })
            }),
        };
        // What was learned with one credential says nothing about a request with another.
        let Some(Learned { scheme, challenge }) = wanted.filter(|wanted| self.has_credential_for(wanted.scheme)) else {
            return Ok(());
        };
        if let Some(held) = self.standing(scheme) {
            self.carrier = Carrier::Held(held);
            return Ok(());
        }
        self.exchange.ahead(scheme, challenge)?;
        self.step().await?;
        Ok(())
    }

    /// An idle connection on which this scheme has proved us before, if it is one whose proofs are for connections.
    fn standing(&self, scheme: &'static str) -> Option<Held> {
        let binds = schemes::by_name(scheme).is_some_and(|scheme| scheme.binds_connection());
        if !binds || matches!(self.carrier, Carrier::Lane(_)) {
            return None;
        }
        let credential = self.credential_for(scheme, &Need::Login { user: None })?;
        Held::idle(&self.destination(scheme, &credential))
    }

    /// The way to the origin for whoever has this credential.
    fn destination(&self, scheme: &str, credential: &Credential) -> Destination {
        let origin = self.outgoing.url.origin();
        let mut digest = self.cx.identities.begin();
        for part in [origin.to_string().as_bytes(), scheme.as_bytes(), credential.user.as_bytes()] {
            digest.add(part);
        }
        digest.add(credential.secret.reveal());
        for part in contexts::parts(&credential.means) {
            digest.add(part);
        }
        self.cx.upstream.bound(&origin, Identity(digest.finish()))
    }

    /// What the connection says of itself that is to carry the proof; it is held from now on.
    async fn hold(&mut self, scheme: &str) -> Result<Arc<Channel>, Error> {
        if let Carrier::Lane(channel) = &self.carrier {
            return Ok(Arc::clone(channel));
        }
        let Some(credential) = self.credential_for(scheme, &Need::Login { user: None }) else {
            // Nothing will be proved, so nothing has to be held.
            let tls = self.outgoing.url.is_secure();
            return Ok(Arc::new(Channel { tls, ..Channel::default() }));
        };
        let held = Held::open(&self.destination(scheme, &credential)).await?;
        let channel = Arc::clone(held.channel());
        self.carrier = Carrier::Held(held);
        Ok(channel)
    }

    fn broken_off(&self) -> Error {
        let scheme = self.exchange.proved_by().unwrap_or("a");
        Error::refused(format!("the server closed the connection in the middle of the {scheme} proof"))
    }

    /// Looks at the head of an answer: is it content, and if not, is there something to say?
    ///
    /// # Errors
    /// If a challenge or the credential is unusable and nothing else could be tried.
    pub(crate) async fn answer(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<Next, Error> {
        let refused = status == StatusCode::UNAUTHORIZED;
        let proved = self.scheme();
        self.exchange.receive(status, headers, &mut self.answers);
        if !refused {
            self.accepted(proved, headers).await?;
            return Ok(Next::Done);
        }
        if proved.is_none() && matches!(self.carrier, Carrier::Held(_)) {
            // It does not speak for us any more.
            self.carrier = Carrier::Pool;
        }
        if proved.is_some() {
            self.cx.spaces.forget(&self.outgoing.url);
        }
        let schemes = self.exchange.offered().to_vec();
        self.cx.events.emit(&Event::Challenged { url: self.outgoing.url.clone(), schemes });
        self.step().await
    }

    /// Reads what the answer says of the server, and remembers what was accepted.
    async fn accepted(&mut self, proved: Option<&'static str>, headers: &HeaderMap) -> Result<(), Error> {
        let mut mutual = matches!(&self.carrier, Carrier::Held(held) if held.is_proved);
        if let Some(scheme) = proved {
            let confirmation = self.confirm(scheme, headers).await?;
            mutual |= confirmation.mutual;
            let learned = Learned { scheme, challenge: confirmation.challenge };
            self.cx.spaces.learn(&self.outgoing.url, &confirmation.space, &learned);
        }
        if self.cx.demands_mutual && !mutual {
            return Err(Error::denied("the server has not proved that it knows the secret, which is demanded here"));
        }
        if let Carrier::Held(held) = std::mem::replace(&mut self.carrier, Carrier::Pool) {
            held.accept();
        }
        Ok(())
    }

    /// What the scheme makes of the answer's own words.
    async fn confirm(&mut self, scheme: &'static str, headers: &HeaderMap) -> Result<Confirmation, Error> {
        let Some((now, entropy)) = self.drawn else { return Ok(Confirmation::default()) };
        let target = self.outgoing.url.request_target();
        loop {
            let leg =
                Leg { request: head(self.outgoing, &target), settings: &self.cx.settings, now, entropy: &entropy };
            match self.exchange.confirm(&leg, headers, &self.answers)? {
                Confirmed::Done(confirmation) => return Ok(confirmation),
                Confirmed::Need(need) => self.meet(scheme, need, now).await?,
            }
        }
    }

    /// Fetches what a scheme lacks.
    async fn meet(&mut self, scheme: &'static str, need: Need, now: Timestamp) -> Result<(), Error> {
        if need == Need::Channel {
            self.answers.channel = Some(self.hold(scheme).await?);
            return Ok(());
        }
        let credential = self.credential_for(scheme, &need);
        let Self { cx, outgoing, contexts, answers, .. } = self;
        let (counts, payload) = (&cx.counts, &mut outgoing.payload);
        let is_context = matches!(need, Need::Context(_));
        World::Client { credential: credential.as_ref(), contexts, counts, payload }.meet(need, answers, now).await?;
        if let (true, Some(ContextStep::Unavailable(reason))) = (is_context, &answers.context) {
            // Something else may be tried now: say why.
            let (subject, reason) = ("Kerberos", reason.clone());
            cx.events.emit(&Event::Decided { subject, allowed: false, reason });
        }
        Ok(())
    }

    /// Steps the exchange until it says what to do.
    async fn step(&mut self) -> Result<Next, Error> {
        let (now, entropy) = (clock::now(), clock::entropy()?);
        self.drawn = Some((now, entropy));
        let target = self.outgoing.url.request_target();
        loop {
            let leg =
                Leg { request: head(self.outgoing, &target), settings: &self.cx.settings, now, entropy: &entropy };
            match self.exchange.step(&leg, &mut self.answers)? {
                exchange::Next::Need { scheme, need } => self.meet(scheme, need, now).await?,
                exchange::Next::Send { fields, .. } => {
                    self.proof = fields.into_iter().collect();
                    return Ok(Next::Again);
                }
                exchange::Next::Done { note } => return Ok(self.stop(note)),
                exchange::Next::GiveUp { reason } => return Ok(self.stop(Some(reason))),
                _ => return Ok(Next::Done),
            }
        }
    }

    /// Nothing more to say; tells why, if there is a reason.
    fn stop(&self, reason: Option<String>) -> Next {
        if let Some(reason) = reason {
            self.cx.events.emit(&Event::Decided { subject: "authentication", allowed: false, reason });
        }
        Next::Done
    }

    /// The credential for this scheme at this address, if the policy lets it go there.
    fn credential_for(&self, scheme: &str, need: &Need) -> Option<Credential> {
        let credential = self.candidates(scheme, need).next()?;
        let decision = self.cx.credential_rules.evaluate(&Ask {
            challenged: &self.outgoing.url,
            requested: self.requested,
            scheme,
            clear: schemes::by_name(scheme).is_none_or(|scheme| scheme.strength() == Strength::Clear),
            scope: credential.scope.as_ref(),
            party: Party::Server,
            redirected: self.redirected,
            ambient: credential.means == Means::Ambient,
        });
        let allowed = decision.allowed;
        self.cx.events.emit(&decision.into_event("credential"));
        allowed.then(|| credential.clone())
    }

    /// The credentials that fit, the best first: the one named for this request, then the session's
    /// by the length of the scope that covers the address.
    fn candidates(&self, scheme: &str, need: &Need) -> impl Iterator<Item = &Credential> {
        // A password must never go out as a token: tokens are for the scheme that they name.
        let fits = |credential: &&Credential| {
            credential.serves(scheme) && (credential.scheme.is_some() || !matches!(need, Need::Token { .. }))
        };
        let mut stored: Vec<(usize, &Credential)> = self
            .cx
            .credentials
            .iter()
            .filter(fits)
            .filter_map(|credential| match &credential.scope {
                Some(scope) => Some((scope.covers(&self.outgoing.url)?, credential)),
                None => Some((0, credential)),
            })
            .collect();
        stored.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        let named = self.outgoing.credential.iter().filter(fits);
        named.chain(stored.into_iter().map(|(_, credential)| credential)).collect::<Vec<_>>().into_iter()
    }

    /// The first of the session's schemes that there is a credential for.
    fn strongest_with_credential(&self) -> Option<&'static str> {
        self.cx.schemes.iter().map(|scheme| scheme.name()).find(|scheme| self.has_credential_for(scheme))
    }

    fn has_credential_for(&self, scheme: &str) -> bool {
        let takes_token = schemes::by_name(scheme).is_some_and(|scheme| scheme.strength() == Strength::Token);
        let need = if takes_token { Need::Token { refresh: false } } else { Need::Login { user: None } };
        // A credential named for the request speaks for it alone.
        match &self.outgoing.credential {
            Some(named) => named.serves(scheme) && self.candidates(scheme, &need).next().is_some(),
            None => self.candidates(scheme, &need).next().is_some(),
        }
    }
}

/// The head of the request as it goes on the wire.
fn head<'h>(outgoing: &'h Outgoing, target: &'h str) -> RequestHead<'h> {
    let Outgoing { method, url, headers, .. } = outgoing;
    RequestHead { method, url, target, headers, party: Party::Server }
}
