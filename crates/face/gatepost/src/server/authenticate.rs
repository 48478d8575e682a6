//! Finds out who speaks: asks each scheme of a route, meets its needs, and believes nobody else.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_auth::scheme::{Answers, Refusal, Scheme, Turn, Verdict};
use gatepost_auth::settings::Settings;
use gatepost_model::event::Event;
use gatepost_model::head::RequestHead;
use gatepost_model::principal::Principal;
use gatepost_model::time::Timestamp;

use crate::clock;
use crate::error::Error;
use crate::events::Events;
use crate::needs::World;
use crate::server::denied::Denied;
use crate::server::doorkeeper::Doorkeeper;

/// How often one scheme may ask for something before we call it a bug.
const MAX_NEEDS: usize = 8;

/// The schemes that a route admits, set up and connected to the world.
#[derive(Debug, Clone)]
pub struct Authenticator {
    schemes: Arc<[&'static dyn Scheme]>,
    settings: Arc<Settings>,
    door: Arc<Doorkeeper>,
    events: Events,
}

/// What came of asking the schemes.
enum Outcome {
    Proved(Principal),
    Refused(&'static str, Refusal),
    /// No credentials of any scheme that the route admits.
    Nobody,
}

impl Authenticator {
    /// An authenticator over these schemes, tried and challenged for in this order.
    #[must_use]
    pub fn new(schemes: Vec<&'static dyn Scheme>, settings: Settings, door: Arc<Doorkeeper>, events: Events) -> Self {
        Self { schemes: schemes.into(), settings: Arc::new(settings), door, events }
    }

    /// The schemes, in order.
    #[must_use]
    pub fn schemes(&self) -> &[&'static dyn Scheme] {
        &self.schemes
    }

    /// Who sent this request.
    ///
    /// The first scheme that finds credentials of its own decides; a request with several kinds of
    /// credentials is not given several chances.
    ///
    /// # Errors
    /// [`Denied`]: no credentials, refused ones, malformed ones, or a world that cannot answer.
    pub async fn authenticate(&self, head: RequestHead<'_>, peer: Option<SocketAddr>) -> Result<Principal, Denied> {
        let now = clock::now();
        match self.ask_all(head, now).await {
            Ok(Outcome::Proved(principal)) => {
                let event = Event::Authenticated { principal: principal.name.clone(), scheme: principal.scheme, peer };
                self.events.emit(&event);
                Ok(principal)
            }
            Ok(Outcome::Refused(scheme, refusal)) => {
                self.events.emit(&Event::Refused { scheme: Some(scheme), reason: refusal.reason(), peer });
                if refusal.is_malformed() {
                    return Err(Denied::BadCredentials);
                }
                Err(Denied::Unauthenticated(self.challenges(head, now, Some((scheme, &refusal)))))
            }
            Ok(Outcome::Nobody) => {
                self.events.emit(&Event::Refused { scheme: None, reason: "no credentials".into(), peer });
                Err(Denied::Unauthenticated(self.challenges(head, now, None)))
            }
            Err(error) => {
                use gatepost_model::fault::Fault;
                let event = Event::Failed { blame: error.blame(), code: error.code(), detail: error.to_string() };
                self.events.emit(&event);
                Err(Denied::Unavailable)
            }
        }
    }

    async fn ask_all(&self, head: RequestHead<'_>, now: Timestamp) -> Result<Outcome, Error> {
        let entropy = clock::entropy()?;
        for scheme in self.schemes.iter() {
            match self.ask(*scheme, head, now, &entropy).await? {
                Verdict::Accept(principal) => return Ok(Outcome::Proved(principal)),
                Verdict::Reject(refusal) => return Ok(Outcome::Refused(scheme.name(), refusal)),
                Verdict::Absent => {}
                Verdict::Need(_) => return Err(Error::usage("a scheme never stops asking")),
            }
        }
        Ok(Outcome::Nobody)
    }

    /// Asks one scheme until it has what it needs.
    async fn ask(
        &self,
        scheme: &dyn Scheme,
        request: RequestHead<'_>,
        now: Timestamp,
        entropy: &[u8; 32],
    ) -> Result<Verdict, Error> {
        let mut answers = Answers::default();
        for _ in 0..MAX_NEEDS {
            let turn = Turn {
                request,
                challenge: None,
                answers: &answers,
                settings: &self.settings,
                now,
                entropy,
                memory: &[],
            };
            match scheme.verify(&turn)? {
                Verdict::Need(need) => World::Server(&self.door).meet(need, &mut answers, now).await?,
                verdict => return Ok(verdict),
            }
        }
        Err(Error::usage("a scheme asked for too much"))
    }

    /// One challenge per scheme; the scheme that refused may say why in its own words.
    fn challenges(
        &self,
        request: RequestHead<'_>,
        now: Timestamp,
        refused: Option<(&'static str, &Refusal)>,
    ) -> Vec<gatepost_auth::challenge::Challenge> {
        let answers = Answers::default();
        // A challenge with a nonce must be fresh: without randomness there is none to offer.
        let Ok(entropy) = clock::entropy() else {
            return Vec::new();
        };
        let turn = Turn {
            request,
            challenge: None,
            answers: &answers,
            settings: &self.settings,
            now,
            entropy: &entropy,
            memory: &[],
        };
        let refusal_of = |scheme: &dyn Scheme| refused.filter(|(name, _)| *name == scheme.name()).map(|(_, why)| why);
        self.schemes.iter().filter_map(|scheme| scheme.challenge(&turn, refusal_of(*scheme))).collect()
    }
}
