//! A world small enough to see whole: it answers the needs of both ends from memory.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::context::ContextStep;
use gatepost_auth::digest::computed;
use gatepost_auth::digest::nonce::NonceKey;
use gatepost_auth::error::AuthError;
use gatepost_auth::hash::Hash;
use gatepost_auth::jose::algorithm::Algorithm;
use gatepost_auth::jose::jwk::KeySet;
use gatepost_auth::jose::jwt::{self, Claims};
use gatepost_auth::jose::signing::SigningKey;
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::record::Kind;
use gatepost_auth::scheme::{Confirmation, Confirmed, Scheme, Step, Turn};
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::channel::Channel;
use gatepost_model::credential::Credential;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;
use gatepost_model::url::Url;
use http::{HeaderMap, Method};

/// What the server's tokens are signed with.
const SECRET: &str = "the issuer's secret, open sesame, 32 octets or more";

/// A token for this user, made by whoever knows `secret`; good for five minutes.
pub(crate) fn token(user: &str, now: Timestamp, secret: &str) -> Token {
    jwt::issue(&key(secret), &Claims::new(user, now, Duration::from_secs(300))).unwrap()
}

fn key(secret: &str) -> SigningKey {
    SigningKey::from_secret(Algorithm::Hs256, None, &Secret::from(secret)).unwrap()
}

/// Both ends' knowledge. The client knows `login` and `token`; the server `users`, `keys`, `used`.
pub(crate) struct World {
    pub(crate) login: Option<Credential>,
    pub(crate) token: Option<Token>,
    pub(crate) users: HashMap<String, Credential>,
    pub(crate) keys: Arc<KeySet>,
    pub(crate) used: HashSet<String>,
    /// The client's, by what is counted.
    pub(crate) counts: HashMap<String, u64>,
    /// The request's; `None` is one that can be read but once.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) entropy: [u8; 32],
    pub(crate) party: Party,
    pub(crate) method: Method,
    pub(crate) url: String,
    /// What either end asked for, in order.
    pub(crate) asked: Vec<Need>,
    /// What the two ends know of the connection between them.
    pub(crate) channel: Arc<Channel>,
    /// What each end remembers of a proof of several legs: of the client's, and of the server's.
    pub(crate) legs: [Vec<u8>; 2],
}

impl World {
    /// A server that knows `alice` and a client that is her.
    pub(crate) fn of_alice() -> Self {
        let alice = Credential::login("alice", "open: sesame £");
        let now = Timestamp::parse_rfc3339("2026-11-23T00:00:00Z").unwrap();
        let mut settings = Settings::default();
        settings.digest.nonce_key = Some(NonceKey::new([0x6b; 32]));
        Self {
            login: Some(alice.clone()),
            token: Some(token("alice", now, SECRET)),
            users: HashMap::from([("alice".to_owned(), alice)]),
            keys: Arc::new(KeySet::new(vec![key(SECRET).verification_key().clone()])),
            used: HashSet::new(),
            counts: HashMap::new(),
            body: Some(Vec::new()),
            settings,
            now,
            entropy: [0x5a; 32],
            party: Party::Server,
            method: Method::GET,
            url: "https://example.com/a".into(),
            asked: Vec::new(),
            channel: Arc::new(Channel::default()),
            legs: Default::default(),
        }
    }

    /// The client's header fields. Ahead of any challenge, a scheme that cannot do without one has one from before.
    pub(crate) fn prove(&mut self, scheme: &dyn Scheme, challenge: Option<&Challenge>) -> Result<Step, AuthError> {
        let step = self.prove_with(scheme, challenge)?;
        match (step, challenge, self.challenge(scheme)) {
            (Step::Decline(_), None, Some(remembered)) => self.prove_with(scheme, Some(&remembered)),
            (step, ..) => Ok(step),
        }
    }

    fn prove_with(&mut self, scheme: &dyn Scheme, challenge: Option<&Challenge>) -> Result<Step, AuthError> {
        let mut answers = Answers::default();
        let memory = self.legs[0].clone();
        for _ in 0..8 {
            let prove = |turn: &Turn<'_>| scheme.prove(&Turn { memory: &memory, ..*turn });
            match self.turn(&HeaderMap::new(), challenge, &answers, prove)? {
                Step::Need(need) => self.fill_client(need, &mut answers),
                step => return Ok(step),
            }
        }
        panic!("{} asks without end", scheme.name());
    }

    /// The header fields of a proof that must come about: of the last leg, if it has several.
    pub(crate) fn proof(&mut self, scheme: &dyn Scheme, challenge: Option<&Challenge>) -> HeaderMap {
        self.legs = Default::default();
        let mut challenge = challenge.cloned();
        for _ in 0..4 {
            let Step::Send { fields, memory, preliminary } = self.prove(scheme, challenge.as_ref()).unwrap() else {
                panic!("{}", scheme.name());
            };
            let headers = fields.into_iter().collect();
            self.legs[0] = memory;
            if !preliminary {
                return headers;
            }
            match self.verify(scheme, &headers) {
                Verdict::Continue { challenge: next, memory } => (challenge, self.legs[1]) = (Some(next), memory),
                other => panic!("{}: {other:?}", scheme.name()),
            }
        }
        panic!("{} goes on without end", scheme.name());
    }

    /// The server's judgement of a request with these fields.
    pub(crate) fn verify(&mut self, scheme: &dyn Scheme, headers: &HeaderMap) -> Verdict {
        let mut answers = Answers { channel: Some(Arc::clone(&self.channel)), ..Answers::default() };
        let memory = self.legs[1].clone();
        for _ in 0..8 {
            let verify = |turn: &Turn<'_>| scheme.verify(&Turn { memory: &memory, ..*turn });
            match self.turn(headers, None, &answers, verify).unwrap() {
                Verdict::Need(need) => self.fill_server(need, &mut answers),
                verdict => return verdict,
            }
        }
        panic!("{} asks without end", scheme.name());
    }

    /// All the server's challenges for this scheme, as they follow this refusal.
    pub(crate) fn challenges(&self, scheme: &dyn Scheme, refusal: Option<&Refusal>) -> Vec<Challenge> {
        self.turn(&HeaderMap::new(), None, &Answers::default(), |turn| scheme.challenges(turn, refusal))
    }

    /// What the client makes of an answer with these fields to this proof.
    pub(crate) fn confirm(
        &mut self,
        scheme: &dyn Scheme,
        challenge: &Challenge,
        proof: &HeaderMap,
        fields: &HeaderMap,
    ) -> Result<Confirmation, AuthError> {
        let proof = proof.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut answers = Answers::default();
        for _ in 0..8 {
            let judge = |turn: &Turn<'_>| scheme.confirm(turn, &proof, fields);
            match self.turn(&HeaderMap::new(), Some(challenge), &answers, judge)? {
                Confirmed::Need(need) => self.fill_client(need, &mut answers),
                Confirmed::Done(confirmation) => return Ok(confirmation),
            }
        }
        panic!("{} asks without end", scheme.name());
    }

    /// The server's challenge.
    pub(crate) fn challenge(&self, scheme: &dyn Scheme) -> Option<Challenge> {
        self.turn(&HeaderMap::new(), None, &Answers::default(), |turn| scheme.challenge(turn, None))
    }

    fn turn<T>(
        &self,
        headers: &HeaderMap,
        challenge: Option<&Challenge>,
        answers: &Answers,
        run: impl FnOnce(&Turn<'_>) -> T,
    ) -> T {
        let url = Url::parse(&self.url).unwrap();
        let target = url.request_target();
        run(&Turn {
            request: RequestHead { method: &self.method, url: &url, target: &target, headers, party: self.party },
            challenge,
            answers,
            settings: &self.settings,
            now: self.now,
            entropy: &self.entropy,
            memory: &[],
        })
    }

    pub(crate) fn fill_client(&mut self, need: Need, answers: &mut Answers) {
        match &need {
            Need::Login { user: None } => answers.login = Some(self.login.clone()),
            Need::Token { .. } => answers.token = Some(self.token.clone()),
            Need::Channel => answers.channel = Some(Arc::clone(&self.channel)),
            Need::Context(_) => answers.context = Some(ContextStep::Unavailable("no Kerberos here".into())),
            Need::Count { key } => {
                let count = self.counts.entry(key.clone()).or_default();
                *count += 1;
                answers.count = Some(*count);
            }
            Need::BodyDigest { hash } => answers.body_digest = Some(self.body_digest(*hash)),
            other => panic!("not a client's need: {other:?}"),
        }
        self.asked.push(need);
    }

    fn body_digest(&self, hash: Hash) -> Option<Vec<u8>> {
        self.body.as_ref().map(|body| hash.digest(&[body]))
    }

    fn fill_server(&mut self, need: Need, answers: &mut Answers) {
        match &need {
            Need::Login { user: Some(user) } => answers.login = Some(self.users.get(user).cloned()),
            Need::Password { user, password } => {
                answers.password = Some(self.users.get(user).is_some_and(|known| known.secret == *password));
            }
            Need::FirstUse { key, until } => {
                assert!(*until >= self.now, "remembered too briefly");
                answers.first_use = Some(self.used.insert(key.clone()));
            }
            Need::Keys { .. } => answers.keys = Some(Arc::clone(&self.keys)),
            Need::Record { user, kind } => {
                answers.record = Some(self.users.get(user).and_then(|user| kind.compute(&user.user, &user.secret)))
            }
            Need::UserHashed { digits, kind: Kind::DigestHa1 { hash, realm } } => {
                let mut users = self.users.values();
                let user = users.find(|user| computed::userhash(*hash, &user.user, realm) == *digits);
                answers.user = Some(user.map(|user| user.user.clone()));
            }
            Need::BodyDigest { hash } => answers.body_digest = Some(self.body_digest(*hash)),
            Need::Context(_) => answers.context = Some(ContextStep::Unavailable("no Kerberos here".into())),
            other => panic!("not a server's need: {other:?}"),
        }
        self.asked.push(need);
    }
}
