//! Proves who we are: chooses the credential, asks the policy, drives the exchange of one hop.

use gatepost_auth::choose::{Order, Preference};
use gatepost_auth::exchange::{self, Exchange, Leg};
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::scheme::Strength;
use gatepost_auth::schemes;
use gatepost_model::credential::Credential;
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::url::Url;
use gatepost_policy::credentials::Ask;
use http::{HeaderMap, StatusCode};

use crate::client::context::{Context, Preauthenticate};
use crate::client::outgoing::Outgoing;
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
}

impl<'a> Turns<'a> {
    pub(crate) fn new(cx: &'a Context, outgoing: &'a mut Outgoing, requested: &'a Url, redirected: bool) -> Self {
        let allowed = cx.schemes.iter().map(|scheme| scheme.name().to_owned()).collect();
        let order = if cx.schemes_are_listed { Order::AsListed } else { Order::Strongest };
        let credential = outgoing.credential.as_ref().and_then(|credential| credential.scheme.clone());
        let preference = Preference { allowed: Some(allowed), order, credential };
        let exchange = Exchange::new(Party::Server, preference);
        Self { cx, outgoing, requested, redirected, exchange, answers: Answers::default(), proof: HeaderMap::new() }
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
        let scheme = match self.cx.preauthenticate {
            Preauthenticate::Never => None,
            Preauthenticate::Learned => self.cx.spaces.scheme_for(&self.outgoing.url),
            Preauthenticate::Always => self.strongest_with_credential(),
        };
        // What was learned with one credential says nothing about a request with another.
        let Some(scheme) = scheme.filter(|scheme| self.has_credential_for(scheme)) else {
            return Ok(());
        };
        self.exchange.ahead(scheme, None)?;
        self.step().await?;
        Ok(())
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
            if let Some(scheme) = proved {
                self.cx.spaces.learn(&self.outgoing.url, scheme);
            }
            return Ok(Next::Done);
        }
        if proved.is_some() {
            self.cx.spaces.forget(&self.outgoing.url);
        }
        let schemes = self.exchange.offered().to_vec();
        self.cx.events.emit(&Event::Challenged { url: self.outgoing.url.clone(), schemes });
        self.step().await
    }

    /// Steps the exchange until it says what to do.
    async fn step(&mut self) -> Result<Next, Error> {
        let (now, entropy) = (clock::now(), clock::entropy()?);
        loop {
            let request = RequestHead {
                method: &self.outgoing.method,
                url: &self.outgoing.url,
                headers: &self.outgoing.headers,
                party: Party::Server,
            };
            let leg = Leg { request, settings: &self.cx.settings, now, entropy: &entropy };
            match self.exchange.step(&leg, &mut self.answers)? {
                exchange::Next::Need { scheme, need } => {
                    let credential = self.credential_for(scheme, &need);
                    World::Client(credential.as_ref()).meet(need, &mut self.answers, now).await?;
                }
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
