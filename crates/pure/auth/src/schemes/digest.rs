//! Digest: a proof of the password that does not carry it, good for one request (RFC 7616).
//!
//! The server keeps neither nonces nor counts of its own: a nonce is judged by its key, and each use of it is recorded
//! as a first use after the proof was found right. So no count is taken twice, whichever node it comes to, and uses
//! that overtake each other are no matter. The proof covers the method and the target, and the body where `auth-int`
//! is agreed on; it does not hide anything, and whoever reads along can guess at the password.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_model::credential::Credential;
use gatepost_model::head::Party;
use gatepost_model::principal::Principal;
use gatepost_model::secret::same;
use http::HeaderMap;

use crate::challenge::Challenge;
use crate::credentials::Credentials;
use crate::digest::algorithm::Algorithm;
use crate::digest::answer::{Answer, Count};
use crate::digest::claim::Claim;
use crate::digest::computed::{self, hex};
use crate::digest::info::{self, Info};
use crate::digest::offer::Offer;
use crate::digest::qop::Qop;
use crate::digest::terms::{Terms, answered};
use crate::error::AuthError;
use crate::hash::Hash;
use crate::need::Need;
use crate::record::Kind;
use crate::scheme::{Confirmation, Confirmed, Proof, Scheme, Step, Strength, Turn};
use crate::verdict::{Refusal, Verdict};

/// How many random octets a client's nonce has.
const CNONCE_OCTETS: usize = 18;

const NAME: &str = "Digest";

/// The `Digest` scheme.
#[derive(Debug, Clone, Copy)]
pub struct Digest;

impl Scheme for Digest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn strength(&self) -> Strength {
        Strength::Digest
    }

    fn is_usual(&self) -> bool {
        false
    }

    fn rank(&self, challenge: &Challenge) -> u8 {
        let offer = Offer::parse(challenge).ok();
        offer.and_then(|offer| offer.algorithm).map_or(0, Algorithm::rank)
    }

    fn is_stale(&self, challenge: &Challenge) -> bool {
        Offer::parse(challenge).is_ok_and(|offer| offer.stale)
    }

    /// One leg, and none without a challenge: that holds the server's nonce. It may be one from before.
    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        let Some(challenge) = turn.challenge else {
            return Ok(Step::Decline("Digest needs a challenge before it can prove anything".into()));
        };
        let offer = Offer::parse(challenge)?;
        let terms = match Terms::of(&offer, &turn.settings.digest) {
            Ok(terms) => terms,
            Err(reason) => return Ok(Step::Decline(reason.into())),
        };
        let login = match turn.answers.login_for(NAME) {
            Ok(login) => login,
            Err(step) => return Ok(step),
        };
        check(login)?;
        let mut body: &[u8] = &[];
        if terms.qop == Some(Qop::AuthInt) {
            body = match &turn.answers.body_digest {
                None => return Ok(Step::Need(Need::BodyDigest { hash: terms.algorithm.hash })),
                Some(None) => return Err(unsuitable("auth-int covers the body, and this one can be read but once")),
                Some(Some(body)) => body,
            };
        }
        let mut count = None;
        if let Some(qop) = terms.qop {
            let Some(number) = turn.answers.count else {
                return Ok(Step::Need(Need::Count { key: count_key(&offer.nonce) }));
            };
            let number = u32::try_from(number).map_err(|_| unsuitable("the nonce has been used too often"))?;
            let cnonce = turn.entropy.get(..CNONCE_OCTETS).unwrap_or(turn.entropy);
            count = Some(Count::new(qop, URL_SAFE_NO_PAD.encode(cnonce), number));
        }
        let answer = answered(turn, &offer, terms.algorithm, login, count, body);
        let field = (turn.request.party.answer_field(), answer.to_header_value()?);
        Ok(Step::Send { fields: vec![field], memory: Vec::new(), preliminary: false })
    }

    /// Judges the server's own proof, and takes the nonce that it wants next. A proof that covers the answer's content
    /// (`auth-int`) is not looked at: the content is delivered while it comes.
    fn confirm(&self, turn: &Turn<'_>, proof: &Proof, fields: &HeaderMap) -> Result<Confirmed, AuthError> {
        let party = turn.request.party;
        let sent = proof.iter().find(|(name, _)| *name == party.answer_field());
        let (Some(challenge), Some((_, sent))) = (turn.challenge, sent) else {
            return Ok(Confirmed::Done(Confirmation::default()));
        };
        // What we cannot read proves nothing, and is no reason to lose the answer.
        let info = Info::of(fields, party).unwrap_or_default();
        // RFC 7616 §3.3: `domain` has no meaning for proxies.
        let offer = Offer::parse(challenge).ok().filter(|_| party == Party::Server);
        let confirmation = Confirmation {
            mutual: false,
            challenge: Some(next(challenge, info.nextnonce.as_deref())),
            space: offer.map(|offer| offer.domain).unwrap_or_default(),
        };
        let covers_content = info.qop.as_deref().is_some_and(|qop| Qop::by_name(qop) != Some(Qop::Auth));
        let Some(rspauth) = info.rspauth.as_deref().filter(|_| !covers_content) else {
            return Ok(Confirmed::Done(confirmation));
        };
        let login = match turn.answers.login_for(NAME) {
            Ok(login) => login,
            Err(Step::Need(need)) => return Ok(Confirmed::Need(need)),
            Err(_) => return Ok(Confirmed::Done(confirmation)),
        };
        let sent = Answer::parse(&Credentials::parse(sent.as_bytes(), NAME)?)?;
        if !is_confirmed(&sent, &info, rspauth, login) {
            return Err(AuthError::Unconfirmed { scheme: NAME });
        }
        Ok(Confirmed::Done(Confirmation { mutual: true, ..confirmation }))
    }

    fn challenge(&self, turn: &Turn<'_>, refusal: Option<&Refusal>) -> Option<Challenge> {
        self.challenges(turn, refusal).into_iter().next()
    }

    /// One challenge for each algorithm, with one nonce for all: a client answers one of them (RFC 7616 §3.7).
    fn challenges(&self, turn: &Turn<'_>, refusal: Option<&Refusal>) -> Vec<Challenge> {
        let settings = &turn.settings.digest;
        let Some(key) = &settings.nonce_key else { return Vec::new() };
        let realm = &turn.settings.realm;
        let offer = |algorithm: &Algorithm| Offer {
            realm: realm.clone(),
            nonce: key.make(realm, turn.now + settings.nonce_lifetime, turn.entropy),
            opaque: Some(key.opaque(realm)),
            algorithm: Some(*algorithm),
            spelling: Some(algorithm.name().to_owned()),
            qop: Some(settings.qop.clone()),
            stale: matches!(refusal, Some(Refusal::Stale | Refusal::Replayed)),
            userhash: settings.userhash,
            utf8: true,
            domain: settings.domain.clone(),
        };
        settings.algorithms.iter().map(|algorithm| offer(algorithm).to_challenge()).collect()
    }

    /// Grammar, terms, target, nonce, user, proof, and only then the record of the use: a stranger cannot burn
    /// somebody else's counts.
    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let credentials = match Credentials::of(&turn.request, NAME) {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return Ok(Verdict::Absent),
            Err(error) => return Ok(Verdict::Reject(error.into())),
        };
        let key = turn.settings.digest.nonce_key.as_ref().ok_or_else(no_key)?;
        let claim =
            match Answer::parse(&credentials).map_err(Refusal::from).and_then(|answer| Claim::of(turn, key, answer)) {
                Ok(claim) => claim,
                Err(refusal) => return Ok(Verdict::Reject(refusal)),
            };
        let user = match claim.user(turn) {
            Ok(user) => user,
            Err(need) => return Ok(Verdict::Need(need)),
        };
        let hash = claim.algorithm.hash;
        let Some(record) = &turn.answers.record else {
            let kind = Kind::DigestHa1 { hash, realm: claim.answer.realm };
            return Ok(Verdict::Need(Need::Record { user: user.unwrap_or_default(), kind }));
        };
        let Some(body) = claim.body(turn) else { return Ok(Verdict::Need(Need::BodyDigest { hash })) };
        let ha1 = record.clone().unwrap_or_else(|| computed::nobody(hash));
        let is_right = claim.answer.is_of(&ha1, turn.request.method.as_str(), body);
        let (Some(user), Some(_), true) = (user, record, is_right) else {
            return Ok(Verdict::Reject(Refusal::WrongSecret));
        };
        Ok(match turn.answers.first_use {
            None => Verdict::Need(Need::FirstUse { key: claim.use_key(&user), until: claim.end }),
            Some(false) => Verdict::Reject(Refusal::Replayed),
            Some(true) => {
                let value = claim.info(turn, key, &ha1).to_header_value();
                let fields = value.map(|value| (info::field(turn.request.party), value)).into_iter().collect();
                Verdict::Accept { principal: Principal::new(user, NAME), fields }
            }
        })
    }
}

/// Whether the server's proof is made with this login, for what was sent.
fn is_confirmed(sent: &Answer, info: &Info, rspauth: &str, login: &Credential) -> bool {
    let Some(algorithm) = sent.algorithm else { return false };
    let ha1 = computed::ha1(algorithm.hash, &login.user, &sent.realm, &login.secret);
    let mut answered = sent.clone();
    if let Some(count) = &mut answered.count {
        let is_ours = |said: &Option<String>, ours: &str| said.as_deref().is_none_or(|said| said == ours);
        if !is_ours(&info.cnonce, &count.cnonce) || !is_ours(&info.nc, &count.nc) {
            return false;
        }
        count.qop = Some(Qop::Auth);
    }
    let expected = answered.covered("", &[]).map(|covered| covered.rspauth(&ha1));
    expected.is_some_and(|expected| same(expected.as_bytes(), rspauth.to_ascii_lowercase().as_bytes()))
}

/// The challenge to prove ahead with next time: with the nonce that the server wants then, and not stale any more.
fn next(challenge: &Challenge, nonce: Option<&str>) -> Challenge {
    let mut next = challenge.clone();
    next.params.retain(|(name, _)| name != "stale");
    if let Some(nonce) = nonce.filter(|nonce| !nonce.is_empty()) {
        let known = next.params.iter_mut().filter(|(name, _)| name == "nonce");
        known.for_each(|(_, value)| nonce.clone_into(value));
    }
    next
}

/// RFC 7616 forbids no colon, but with one in it a user and a password can be read as another pair.
fn check(login: &Credential) -> Result<(), AuthError> {
    if login.secret.is_empty() {
        return Err(unsuitable("an empty secret proves nothing"));
    }
    if login.user.contains(':') {
        return Err(unsuitable("a colon in the user name"));
    }
    Ok(())
}

/// What is counted: the uses of this nonce.
fn count_key(nonce: &str) -> String {
    format!("digest:{}", hex(&Hash::Sha256.digest(&[nonce.as_bytes()])))
}

fn unsuitable(detail: &str) -> AuthError {
    AuthError::Unsuitable { scheme: NAME, detail: detail.into() }
}

fn no_key() -> AuthError {
    AuthError::Setting { what: "the key of Digest's nonces".into(), detail: "there is none".into() }
}
