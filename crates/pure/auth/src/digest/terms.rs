//! The client's part: what it agrees to of an offer, and the credentials that come of it.

use gatepost_model::credential::Credential;

use crate::digest::algorithm::Algorithm;
use crate::digest::answer::{Answer, Count, User};
use crate::digest::computed;
use crate::digest::offer::Offer;
use crate::digest::qop::Qop;
use crate::scheme::Turn;
use crate::settings;

/// What a client agrees to of an offer.
pub(crate) struct Terms {
    pub(crate) algorithm: Algorithm,
    /// `None` is RFC 2069's form.
    pub(crate) qop: Option<Qop>,
}

impl Terms {
    pub(crate) fn of(offer: &Offer, settings: &settings::Digest) -> Result<Self, &'static str> {
        let algorithm = offer.algorithm.ok_or("an algorithm that we do not know")?;
        if !settings.answered.contains(&algorithm) {
            return Err("an algorithm that is not answered here");
        }
        let qop = match &offer.qop {
            None if !settings.danger_rfc2069 => return Err("no qop: the form of RFC 2069 is not allowed here"),
            // A session's key is made with the client's nonce, which that form has not.
            None if algorithm.session => return Err("a session without qop"),
            None => None,
            Some(offered) => {
                let preferred = settings.qop.iter().find(|qop| offered.contains(qop));
                Some(*preferred.or_else(|| offered.first()).ok_or("no qop that we know")?)
            }
        };
        Ok(Self { algorithm, qop })
    }
}

/// The client's credentials in answer to `offer`.
pub(crate) fn answered(
    turn: &Turn<'_>,
    offer: &Offer,
    algorithm: Algorithm,
    login: &Credential,
    count: Option<Count>,
    body: &[u8],
) -> Answer {
    let (hash, user) = (algorithm.hash, &login.user);
    let mut answer = Answer {
        user: match (offer.userhash, offer.utf8 && !user.is_ascii()) {
            (true, _) => User::Hashed(computed::userhash(hash, user, &offer.realm)),
            (false, true) => User::Extended(user.clone()),
            (false, false) => User::Plain(user.clone()),
        },
        realm: offer.realm.clone(),
        nonce: offer.nonce.clone(),
        uri: turn.request.target.to_owned(),
        algorithm: Some(algorithm),
        spelling: offer.spelling.clone(),
        response: String::new(),
        opaque: offer.opaque.clone(),
        count,
    };
    let ha1 = computed::ha1(hash, user, &offer.realm, &login.secret);
    let response = answer.covered(turn.request.method.as_str(), body).map(|covered| covered.response(&ha1));
    answer.response = response.unwrap_or_default();
    answer
}
