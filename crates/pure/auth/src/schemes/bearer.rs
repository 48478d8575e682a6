//! Bearer: whoever holds the token is served (RFC 6750); at the server the token is a signed JWT.
//!
//! One carrier: the Authorization field (RFC 6750 §2.1). The form-encoded body (§2.2) and the query
//! (§2.3) are neither read nor written: URLs end up in logs, and RFC 9700 §4.3.2 forbids the latter. A
//! token that stands there is none for us, and the request is challenged.
//!
//! The client does not look into its token, which may be opaque.

use gatepost_model::principal::Principal;

use crate::challenge::Challenge;
use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::grammar;
use crate::jose::jws::Unverified;
use crate::jose::jwt;
use crate::jose::refused::Refused;
use crate::scheme::{Need, Refusal, Scheme, Step, Strength, Turn, Verdict};

const NAME: &str = "Bearer";

/// The `Bearer` scheme.
#[derive(Debug, Clone, Copy)]
pub struct Bearer;

impl Scheme for Bearer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn strength(&self) -> Strength {
        Strength::Token
    }

    /// One leg. A challenge with `error="invalid_token"` asks for a fresh token; that this happens
    /// once is the exchange's care.
    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        let error = turn.challenge.and_then(|challenge| challenge.param("error"));
        match error {
            // A new token would fail alike (RFC 6750 §3.1).
            Some("insufficient_scope") => return Ok(Step::Decline("the token does not grant enough".into())),
            Some("invalid_request") => return Ok(Step::Decline("the other end calls the request malformed".into())),
            _ => {}
        }
        let token = match &turn.answers.token {
            None => return Ok(Step::Need(Need::Token { refresh: error == Some("invalid_token") })),
            Some(None) => return Ok(Step::Decline("no token for this address".into())),
            Some(Some(token)) => token,
        };
        if !grammar::is_token68(token.value.reveal()) {
            return Err(AuthError::Unsuitable { scheme: NAME, detail: "the token is no b64token".into() });
        }
        let credentials = Credentials { scheme: NAME.into(), token68: Some(token.value.clone()), params: Vec::new() };
        let field = (turn.request.party.answer_field(), credentials.to_header_value(NAME)?);
        Ok(Step::Send { fields: vec![field], memory: Vec::new() })
    }

    /// Without `error` when the request brought no token (RFC 6750 §3.1). The descriptions are
    /// constants: nothing of the token and nothing of our reasons goes back.
    fn challenge(&self, turn: &Turn<'_>, refusal: Option<&Refusal>) -> Option<Challenge> {
        let challenge = Challenge::new(NAME).with("realm", turn.settings.realm.clone());
        let (error, description) = match refusal {
            Some(Refusal::Expired) => ("invalid_token", "The access token expired"),
            Some(Refusal::BadToken(_)) => ("invalid_token", "The access token is not acceptable"),
            // The refusal may be that of another scheme's credentials.
            Some(Refusal::Malformed(_)) if brings_token(turn) => ("invalid_request", "The credentials are malformed"),
            _ => return Some(challenge),
        };
        Some(challenge.with("error", error).with("error_description", description))
    }

    /// Grammar, header, key, signature, and only then the claims. What no key could mend is refused
    /// before keys are asked for.
    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let credentials = match Credentials::of(&turn.request, NAME) {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return Ok(Verdict::Absent),
            Err(error) => return Ok(Verdict::Reject(error.into())),
        };
        let Some(compact) = credentials.token68.as_ref().and_then(|token| token.reveal_text()) else {
            return Ok(Verdict::Reject(Refusal::Malformed("no b64token".into())));
        };
        let token = match Unverified::parse(compact) {
            Ok(token) => token,
            Err(why) => return Ok(reject(&why)),
        };
        let Some(keys) = &turn.answers.keys else {
            return Ok(Verdict::Need(Need::Keys { id: token.header().id.clone() }));
        };
        let claims = token.verify(keys).and_then(|token| jwt::judge(&token, &turn.settings.bearer, turn.now));
        Ok(match claims {
            // What the token opens ends with it: the leeway forgives clocks, it does not prolong.
            Ok(claims) => Verdict::Accept(Principal {
                name: claims.subject,
                scheme: NAME,
                expires: Some(claims.expires),
                scopes: claims.scopes,
            }),
            Err(why) => reject(&why),
        })
    }
}

/// Whether the request tries to: an unreadable field counts.
fn brings_token(turn: &Turn<'_>) -> bool {
    !matches!(Credentials::of(&turn.request, NAME), Ok(None))
}

fn reject(why: &Refused) -> Verdict {
    Verdict::Reject(match why {
        Refused::Expired => Refusal::Expired,
        other => Refusal::BadToken(other.to_string()),
    })
}

#[cfg(test)]
mod tests;
