//! The server's part: credentials whose terms are ours, what has to be fetched to judge them, and the answer to them.

use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;

use crate::digest::algorithm::Algorithm;
use crate::digest::answer::{Answer, Count, User};
use crate::digest::computed::hex;
use crate::digest::info::Info;
use crate::digest::nonce::{NonceKey, Standing};
use crate::digest::qop::Qop;
use crate::hash::Hash;
use crate::need::Need;
use crate::record::Kind;
use crate::scheme::Turn;
use crate::verdict::Refusal;

/// How often one nonce is taken at most: so many uses are remembered of it.
const MOST_USES: u32 = 1 << 16;

/// Credentials whose terms are ours, for this request, with a nonce of ours.
pub(crate) struct Claim {
    pub(crate) answer: Answer,
    pub(crate) algorithm: Algorithm,
    /// Until when the nonce is good.
    pub(crate) end: Timestamp,
}

impl Claim {
    pub(crate) fn of(turn: &Turn<'_>, key: &NonceKey, answer: Answer) -> Result<Self, Refusal> {
        let settings = &turn.settings.digest;
        let not_taken = |what: &str| Refusal::NotTaken(what.to_owned());
        let Some(algorithm) = answer.algorithm.filter(|algorithm| settings.algorithms.contains(algorithm)) else {
            return Err(not_taken("an algorithm that was not offered"));
        };
        match &answer.count {
            Some(Count { qop, .. }) if qop.is_some_and(|qop| settings.qop.contains(&qop)) => {}
            None if settings.danger_rfc2069 && !algorithm.session => {}
            _ => return Err(not_taken("a qop that was not offered")),
        }
        if answer.realm != turn.settings.realm {
            return Err(not_taken("another realm"));
        }
        // RFC 7616 §3.3: it comes back unchanged.
        if answer.opaque.as_deref() != Some(key.opaque(&answer.realm).as_str()) {
            return Err(not_taken("another opaque, or none"));
        }
        if matches!(answer.user, User::Hashed(_)) && !settings.userhash {
            return Err(not_taken("a hashed user name"));
        }
        // RFC 7616 §3.4.6: 400 if they name different resources. Equal octets is the one reading of "the same".
        if answer.uri != turn.request.target {
            return Err(Refusal::Malformed("the uri is not the request's target".into()));
        }
        // A nonce of before our key changed is as old as one that has aged: neither says anything about the secret.
        let standing = key.judge(&answer.nonce, &answer.realm, turn.now, settings.nonce_lifetime);
        let Standing::Good { end } = standing else { return Err(Refusal::Stale) };
        if answer.count.as_ref().is_some_and(|count| count.number > MOST_USES) {
            return Err(Refusal::Stale);
        }
        Ok(Self { answer, algorithm, end })
    }

    /// The name of who claims to prove; `None` if a hashed one is nobody's.
    pub(crate) fn user(&self, turn: &Turn<'_>) -> Result<Option<String>, Need> {
        match &self.answer.user {
            User::Plain(name) | User::Extended(name) => Ok(Some(name.clone())),
            User::Hashed(digits) => turn.answers.user.clone().ok_or_else(|| Need::UserHashed {
                digits: digits.clone(),
                kind: Kind::DigestHa1 { hash: self.algorithm.hash, realm: self.answer.realm.clone() },
            }),
        }
    }

    /// The digest of the body, as far as the proof covers it; `None` if it has to be fetched.
    pub(crate) fn body<'a>(&self, turn: &Turn<'a>) -> Option<&'a [u8]> {
        let covers = self.answer.count.as_ref().is_some_and(|count| count.qop == Some(Qop::AuthInt));
        if !covers {
            return Some(&[]);
        }
        turn.answers.body_digest.as_ref().map(|body| body.as_deref().unwrap_or_default())
    }

    /// One key for everything that one proof could be respelled as: of each user, one for each use of a nonce. In the
    /// form of RFC 2069 a nonce is good for one use.
    pub(crate) fn use_key(&self, user: &str) -> String {
        let user = Hash::Sha256.digest(&[user.as_bytes()]);
        let number = self.answer.count.as_ref().map_or(0, |count| count.number);
        let parts: [&[u8]; 3] = [&user, &number.to_be_bytes(), self.answer.nonce.as_bytes()];
        format!("digest:{}", hex(&Hash::Sha256.digest(&parts)))
    }

    /// What the answer says: that we know the secret too, and with which nonce to go on once this one is half gone.
    pub(crate) fn info(&self, turn: &Turn<'_>, key: &NonceKey, ha1: &Secret) -> Info {
        let lifetime = turn.settings.digest.nonce_lifetime;
        let used = self.answer.count.as_ref().map_or(MOST_USES, |count| count.number);
        let is_late = self.end.since(turn.now) < lifetime / 2 || used > MOST_USES / 2;
        let nextnonce = is_late.then(|| key.make(&self.answer.realm, turn.now + lifetime, turn.entropy));
        let Some(count) = &self.answer.count else { return Info { nextnonce, ..Info::default() } };
        // RFC 7616 §3.5: of what is proved the answer's qop tells. Its content is not known yet.
        let mut answered = self.answer.clone();
        answered.count = Some(Count { qop: Some(Qop::Auth), ..count.clone() });
        Info {
            nextnonce,
            rspauth: answered.covered("", &[]).map(|covered| covered.rspauth(ha1)),
            qop: Some(Qop::Auth.name().to_owned()),
            cnonce: Some(count.cnonce.clone()),
            nc: Some(count.nc.clone()),
        }
    }
}
