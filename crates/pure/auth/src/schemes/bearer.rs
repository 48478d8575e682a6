//! Bearer: whoever holds the token is served (RFC 6750); at the server the token is a signed JWT.
//!
//! One carrier: the Authorization field (RFC 6750 §2.1). The form-encoded body (§2.2) and the query
//! (§2.3) are neither read nor written: URLs end up in logs, and RFC 9700 §4.3.2 forbids the latter. A
//! token that stands there is none for us, and the request is challenged.
//!
//! The client does not look into its token, which may be opaque.

use std::time::Duration;

use gatepost_model::principal::Principal;

use crate::challenge::Challenge;
use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::grammar;
use crate::jose::jws::Unverified;
use crate::jose::jwt;
use crate::jose::refused::Refused;
use crate::need::Need;
use crate::scheme::{Reuse, Scheme, Step, Strength, Turn};
use crate::verdict::{Refusal, Verdict};

/// How long a verified token stands for its repetition.
const REUSE: Duration = Duration::from_secs(60);

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

    fn reuse(&self) -> Reuse {
        Reuse::For(REUSE)
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
        Ok(Step::Send { fields: vec![field], memory: Vec::new(), preliminary: false })
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
            Ok(claims) => Verdict::accept(Principal {
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
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use gatepost_model::head::{Party, RequestHead};
    use gatepost_model::secret::Secret;
    use gatepost_model::time::Timestamp;
    use gatepost_model::token::Token;
    use gatepost_model::url::Url;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;
    use crate::jose::algorithm::Algorithm;
    use crate::jose::jwk::KeySet;
    use crate::jose::jwt::Claims;
    use crate::jose::signing::SigningKey;
    use crate::need::Answers;
    use crate::settings::Settings;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn key() -> SigningKey {
        let secret = Secret::from("a secret of this test, 32 octets or more");
        SigningKey::from_secret(Algorithm::Hs256, Some("k1".into()), &secret).unwrap()
    }

    fn issued() -> String {
        let claims = Claims::new("ada", NOW, Duration::from_secs(300)).granting(["read", "write"]);
        let token = jwt::issue(&key(), &claims).unwrap();
        token.value.reveal_text().unwrap().to_owned()
    }

    fn with_turn<T>(
        fields: &[&str],
        challenge: Option<&Challenge>,
        answers: &Answers,
        use_it: impl FnOnce(&Turn<'_>) -> T,
    ) -> T {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append("authorization", HeaderValue::from_str(field).unwrap());
        }
        let url = Url::parse("https://example.com/?access_token=in-the-query").unwrap();
        let request =
            RequestHead { method: &Method::GET, url: &url, target: "/", headers: &headers, party: Party::Server };
        let settings = Settings { realm: "example".into(), ..Settings::default() };
        use_it(&Turn { request, challenge, answers, settings: &settings, now: NOW, entropy: &[0; 32], memory: &[] })
    }

    fn judged(fields: &[&str]) -> Verdict {
        let keys = Arc::new(KeySet::new(vec![key().verification_key().clone()]));
        let answers = Answers { keys: Some(keys), ..Answers::default() };
        with_turn(fields, None, &answers, |turn| Bearer.verify(turn).unwrap())
    }

    fn proved(error: Option<&str>, token: Option<Option<&str>>) -> Result<Step, AuthError> {
        let mut challenge = Challenge::new("Bearer").with("realm", "example");
        if let Some(error) = error {
            challenge = challenge.with("error", error);
        }
        let token = token.map(|token| token.map(|value| Token { value: value.into(), expires: None }));
        let answers = Answers { token, ..Answers::default() };
        with_turn(&[], Some(&challenge), &answers, |turn| Bearer.prove(turn))
    }

    #[test]
    fn the_client_asks_for_a_token_and_sends_it() {
        let need = |refresh| Ok(Step::Need(Need::Token { refresh }));
        assert_eq!(proved(None, None), need(false));
        assert_eq!(proved(Some("invalid_token"), None), need(true));
        assert!(matches!(proved(Some("insufficient_scope"), Some(Some("t"))), Ok(Step::Decline(_))));
        assert!(matches!(proved(None, Some(None)), Ok(Step::Decline(_))));

        let Ok(Step::Send { fields, memory, .. }) = proved(None, Some(Some("mF_9.B5f-4.1JqM"))) else {
            panic!("no proof")
        };
        assert_eq!(fields, [(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer mF_9.B5f-4.1JqM"))]);
        assert!(fields.iter().all(|(_, value)| value.is_sensitive()));
        assert!(memory.is_empty());
        for wrong in ["", "a b", "a,b", "a\r\nb", "a=b", "=", "ä"] {
            assert!(matches!(proved(None, Some(Some(wrong))), Err(AuthError::Unsuitable { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn the_server_accepts_a_good_token() {
        let end = NOW + Duration::from_secs(300);
        let ada = Principal {
            name: "ada".into(),
            scheme: "Bearer",
            expires: Some(end),
            scopes: vec!["read".into(), "write".into()],
        };
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(judged(&[&format!("{scheme} {}", issued())]), Verdict::accept(ada.clone()));
        }
    }

    #[test]
    fn the_server_tells_absent_malformed_and_bad_apart() {
        let good = format!("Bearer {}", issued());
        let table: [(&[&str], Verdict); 5] = [
            (&[], Verdict::Absent),
            (&["Basic dTpw"], Verdict::Absent),
            (&["Bearerx abc"], Verdict::Absent),
            (&["Bearer opaque"], Verdict::Reject(Refusal::BadToken(Refused::NotCompact.to_string()))),
            (&["Bearer e30.e30.AA"], Verdict::Reject(Refusal::BadToken(Refused::Algorithm.to_string()))),
        ];
        for (fields, verdict) in table {
            assert_eq!(judged(fields), verdict, "{fields:?}");
        }
        let two = format!("{good}, {good}");
        let malformed: [&[&str]; 6] =
            [&["Bearer"], &["Bearer a b"], &["Bearer token=\"x\""], &[&two], &[&good, &good], &[&good, "Basic dTpw"]];
        for fields in malformed {
            assert!(matches!(judged(fields), Verdict::Reject(Refusal::Malformed(_))), "{fields:?}");
        }
    }

    #[test]
    fn keys_are_asked_for_by_identifier_and_only_when_they_can_help() {
        let verify = |field: &str| with_turn(&[field], None, &Answers::default(), |turn| Bearer.verify(turn).unwrap());
        assert_eq!(verify(&format!("Bearer {}", issued())), Verdict::Need(Need::Keys { id: Some("k1".into()) }));
        assert!(matches!(verify("Bearer opaque"), Verdict::Reject(Refusal::BadToken(_))));
    }

    #[test]
    fn the_challenge_names_the_error_only_if_a_token_came() {
        let challenge = |fields: &[&str], refusal: Option<&Refusal>| {
            with_turn(fields, None, &Answers::default(), |turn| Bearer.challenge(turn, refusal).unwrap())
        };
        let plain = Challenge::new("Bearer").with("realm", "example");
        let says =
            |error: &str, description: &str| plain.clone().with("error", error).with("error_description", description);
        let malformed = Refusal::Malformed("x".into());
        assert_eq!(challenge(&[], None), plain);
        assert_eq!(challenge(&["Basic dTpw"], Some(&Refusal::WrongSecret)), plain);
        assert_eq!(challenge(&["Basic !"], Some(&malformed)), plain);
        assert_eq!(
            challenge(&["Bearer a b"], Some(&malformed)),
            says("invalid_request", "The credentials are malformed")
        );
        // RFC 6750 §3 prints this very challenge.
        let expired = challenge(&["Bearer x"], Some(&Refusal::Expired));
        assert_eq!(
            expired.to_string(),
            r#"Bearer realm="example", error="invalid_token", error_description="The access token expired""#
        );
        assert_eq!(
            challenge(&["Bearer x"], Some(&Refusal::BadToken("our reason".into()))),
            says("invalid_token", "The access token is not acceptable")
        );
    }
}
