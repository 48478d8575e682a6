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

use crate::clock::{self, Moment};
use crate::error::Error;
use crate::events::Events;
use crate::needs::World;
use crate::server::denied::Denied;
use crate::server::doorkeeper::Doorkeeper;
use crate::server::generations::Name;
use crate::server::proved::Proof;

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
        let Parts { number, fields, door, .. } = &*self.0;
        let pairs = fields.iter().flat_map(|field| values(field).map(move |value| (*field, value)));
        door.proved.name(*number, pairs)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use gatepost_auth::challenge::Challenge;
    use gatepost_auth::error::AuthError;
    use gatepost_auth::scheme::{Need, Step, Strength};
    use gatepost_model::url::Url;
    use gatepost_store::memory::MemoryStore;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;
    use crate::server::keys::Keys;

    /// Believes whoever says `I am NAME`, and counts how often it was asked.
    #[derive(Debug)]
    struct Gullible {
        reuse: Reuse,
        /// Each proof is good once; the record of that never says no here.
        once: bool,
        judged: AtomicUsize,
    }

    impl Scheme for Gullible {
        fn name(&self) -> &'static str {
            "Gullible"
        }

        fn strength(&self) -> Strength {
            Strength::Clear
        }

        fn reuse(&self) -> Reuse {
            self.reuse
        }

        fn prove(&self, _turn: &Turn<'_>) -> Result<Step, AuthError> {
            Ok(Step::Decline(String::new()))
        }

        fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
            None
        }

        fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
            let field = turn.request.headers.get(turn.request.party.answer_field());
            let Some(field) = field.and_then(|value| value.to_str().ok()) else { return Ok(Verdict::Absent) };
            if self.once && turn.answers.first_use.is_none() {
                let key = self.judged.load(Ordering::Relaxed).to_string();
                return Ok(Verdict::Need(Need::FirstUse { key, until: turn.now }));
            }
            self.judged.fetch_add(1, Ordering::Relaxed);
            Ok(match field.strip_prefix("I am ") {
                Some(name) => Verdict::Accept(Principal::new(name, "Gullible")),
                None => Verdict::Reject(Refusal::WrongSecret),
            })
        }
    }

    fn gullible(reuse: Reuse, once: bool) -> &'static Gullible {
        Box::leak(Box::new(Gullible { reuse, once, judged: AtomicUsize::new(0) }))
    }

    fn door() -> Arc<Doorkeeper> {
        Arc::new(Doorkeeper::new(Arc::new(MemoryStore::new()), Keys::none()).unwrap())
    }

    fn before(scheme: &'static Gullible, door: &Arc<Doorkeeper>) -> Authenticator {
        Authenticator::new(vec![scheme], Settings::default(), Arc::clone(door), Events::default())
    }

    /// Comes with this field, as the pipeline does it; gives the name.
    async fn come(authenticator: &Authenticator, field: &'static str, party: Party) -> Option<Arc<Principal>> {
        let headers = HeaderMap::from_iter([(party.answer_field(), HeaderValue::from_static(field))]);
        let values = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
        if let Some(principal) = authenticator.recall(values, None).await {
            return Some(principal);
        }
        let url = Url::parse("https://example.com/").unwrap();
        let head = RequestHead { method: &Method::GET, url: &url, headers: &headers, party };
        authenticator.authenticate(head, None).await.ok()
    }

    #[tokio::test]
    async fn only_what_may_stand_for_its_repetition_does() {
        let minute = Reuse::For(Duration::from_secs(60));
        // The scheme, the field, whom it is for; then who it is, and how often five of them are judged.
        let table = [
            (minute, false, "I am ada", Party::Server, Some("ada"), 1),
            (minute, false, "I am ada", Party::Proxy, Some("ada"), 5),
            (minute, false, "who knows", Party::Server, None, 5),
            (minute, true, "I am ada", Party::Server, Some("ada"), 5),
            (Reuse::Never, false, "I am ada", Party::Server, Some("ada"), 5),
            (Reuse::For(Duration::ZERO), false, "I am ada", Party::Server, Some("ada"), 5),
        ];
        for (reuse, once, field, party, name, judged) in table {
            let (scheme, door) = (gullible(reuse, once), door());
            let authenticator = before(scheme, &door);
            for _ in 0..5 {
                let found = come(&authenticator, field, party).await;
                assert_eq!(found.map(|principal| principal.name.clone()).as_deref(), name, "{field} {party:?}");
            }
            assert_eq!(scheme.judged.load(Ordering::Relaxed), judged, "{reuse:?} {once} {field} {party:?}");
        }
    }

    #[tokio::test]
    async fn it_is_one_allocation_for_all_and_ends_with_what_it_rests_on() {
        let (scheme, door) = (gullible(Reuse::For(Duration::from_secs(60)), false), door());
        let authenticator = before(scheme, &door);
        let come = async || come(&authenticator, "I am ada", Party::Server).await.unwrap();
        let first = come().await;
        assert!(Arc::ptr_eq(&first, &come().await));
        door.forget();
        assert!(!Arc::ptr_eq(&first, &come().await));
        assert_eq!(scheme.judged.load(Ordering::Relaxed), 2);
        door.store.put_secret("any", "change".into()).await.unwrap();
        come().await;
        assert_eq!(scheme.judged.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn what_one_authenticator_believes_says_nothing_before_another() {
        let (scheme, door) = (gullible(Reuse::For(Duration::from_secs(60)), false), door());
        for (authenticator, judged) in [(before(scheme, &door), 1), (before(scheme, &door), 2)] {
            for again in [authenticator.clone(), authenticator] {
                come(&again, "I am ada", Party::Server).await.unwrap();
                assert_eq!(scheme.judged.load(Ordering::Relaxed), judged);
            }
        }
    }
}
