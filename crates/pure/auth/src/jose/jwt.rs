//! JSON Web Tokens (RFC 7519, RFC 8725): claims judged, claims issued.

use std::time::Duration;

use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;
use serde_json::{Map, Value};

use crate::error::AuthError;
use crate::jose::json;
use crate::jose::jwk::KeySet;
use crate::jose::jws::{self, Unverified, Verified};
use crate::jose::refused::Refused;
use crate::jose::signing::SigningKey;
use crate::settings::Bearer;

/// The claims of one token.
///
/// ```
/// use std::time::Duration;
///
/// use gatepost_auth::jose::algorithm::Algorithm;
/// use gatepost_auth::jose::jwk::KeySet;
/// use gatepost_auth::jose::jwt::{self, Claims};
/// use gatepost_auth::jose::signing::SigningKey;
/// use gatepost_auth::settings::Bearer;
/// use gatepost_model::secret::Secret;
/// use gatepost_model::time::Timestamp;
///
/// let key = SigningKey::from_secret(Algorithm::Hs256, None, &Secret::from("32 octets or more for SHA-256 ..."))?;
/// let now = Timestamp::from_secs(1_300_000_000);
/// let token = jwt::issue(&key, &Claims::new("ada", now, Duration::from_secs(300)))?;
///
/// let keys = KeySet::new(vec![key.verification_key().clone()]);
/// let claims = jwt::verify(token.value.reveal_text().unwrap(), &keys, &Bearer::default(), now).unwrap();
/// assert_eq!(claims.subject, "ada");
/// # Ok::<(), gatepost_auth::error::AuthError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whom the token speaks for: `sub`, or the claim that the settings name instead. Never empty.
    pub subject: String,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`; a single one is a list of one.
    pub audience: Vec<String>,
    /// `exp`: required.
    pub expires: Timestamp,
    /// `iat`.
    pub issued: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `jti`.
    pub id: Option<String>,
    /// `scope` (RFC 8693 §4.2), or `scp` where an issuer writes that.
    pub scopes: Vec<String>,
}

impl Claims {
    /// Claims to issue: for a subject, from now for this long.
    #[must_use]
    pub fn new(subject: impl Into<String>, now: Timestamp, lifetime: Duration) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            audience: Vec::new(),
            expires: now + lifetime,
            issued: Some(now),
            not_before: None,
            id: None,
            scopes: Vec::new(),
        }
    }

    /// Names the issuer.
    #[must_use]
    pub fn issued_by(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Adds an audience.
    #[must_use]
    pub fn meant_for(mut self, audience: impl Into<String>) -> Self {
        self.audience.push(audience.into());
        self
    }

    /// Gives the token an identifier, which the issuer never uses again.
    #[must_use]
    pub fn identified(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Grants scopes: words without white space (RFC 6749 §3.3).
    #[must_use]
    pub fn granting<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }
}

/// Issues a token of type `JWT`. Times are written in whole seconds, the end rounded down.
///
/// # Errors
/// [`AuthError::Setting`] if the subject or a scope is one that [`judge`] would refuse, or the key
/// cannot sign.
pub fn issue(key: &SigningKey, claims: &Claims) -> Result<Token, AuthError> {
    let wrong = |detail: &str| AuthError::Setting { what: "token".into(), detail: detail.into() };
    if !is_name(&claims.subject) {
        return Err(wrong("the subject is empty or holds a control character"));
    }
    if !claims.scopes.iter().all(|scope| is_scope(scope)) {
        return Err(wrong("a scope is empty or holds a space, a quote, a backslash or no ASCII text"));
    }
    let texts = [("iss", &claims.issuer), ("jti", &claims.id)];
    let times = [("exp", Some(claims.expires)), ("iat", claims.issued), ("nbf", claims.not_before)];
    let mut members = Map::new();
    members.insert("sub".into(), claims.subject.as_str().into());
    for (name, value) in texts {
        if let Some(text) = value {
            members.insert(name.into(), text.as_str().into());
        }
    }
    for (name, value) in times {
        if let Some(at) = value {
            members.insert(name.into(), at.as_secs().into());
        }
    }
    match claims.audience.as_slice() {
        [] => {}
        [one] => drop(members.insert("aud".into(), one.as_str().into())),
        many => drop(members.insert("aud".into(), many.into())),
    }
    if !claims.scopes.is_empty() {
        members.insert("scope".into(), claims.scopes.join(" ").into());
    }
    let value = jws::sign(key, Some("JWT"), Value::Object(members).to_string().as_bytes())?;
    Ok(Token { value: Secret::from(value), expires: Some(Timestamp::from_secs(claims.expires.as_secs())) })
}

/// Verifies a token: form, key, signature, then claims.
///
/// # Errors
/// [`Refused`] with the first reason.
pub fn verify(compact: &str, keys: &KeySet, rules: &Bearer, now: Timestamp) -> Result<Claims, Refused> {
    judge(&Unverified::parse(compact)?.verify(keys)?, rules, now)
}

/// Judges the claims of a token whose signature is right.
///
/// `exp` is required: a token without end would never end what it opened. `iss` and `aud` are
/// required when configured (RFC 8725 §3.8, §3.9). `rules.leeway` is forgiven at each time. A token
/// that is bound to a key by `cnf` (RFC 7800) is no bearer token.
///
/// # Errors
/// [`Refused`] with the first reason.
pub fn judge(token: &Verified, rules: &Bearer, now: Timestamp) -> Result<Claims, Refused> {
    let kind = token.header.kind.as_deref().unwrap_or_default();
    if !rules.types.iter().any(|taken| media(taken).eq_ignore_ascii_case(media(kind))) {
        return Err(Refused::Type);
    }
    let members = json::object(&token.payload, jws::SIZE).map_err(|why| Refused::NotStrict { part: "claims", why })?;
    if members.contains_key("cnf") {
        return Err(Refused::Bound);
    }
    let claims = read(&members, &rules.subject)?;
    check_times(&claims, rules.leeway, now)?;
    if rules.issuer.is_some() && claims.issuer != rules.issuer {
        return Err(if claims.issuer.is_none() { Refused::Missing("iss") } else { Refused::Issuer });
    }
    if let Some(audience) = &rules.audience {
        if claims.audience.is_empty() {
            return Err(Refused::Missing("aud"));
        }
        if !claims.audience.contains(audience) {
            return Err(Refused::Audience);
        }
    }
    Ok(claims)
}

fn check_times(claims: &Claims, leeway: Duration, now: Timestamp) -> Result<(), Refused> {
    // "On or after" the time is too late (RFC 7519 §4.1.4).
    if now >= claims.expires + leeway {
        return Err(Refused::Expired);
    }
    if claims.not_before.is_some_and(|from| now + leeway < from) {
        return Err(Refused::Early);
    }
    if claims.issued.is_some_and(|at| now + leeway < at) {
        return Err(Refused::IssuedInFuture);
    }
    Ok(())
}

fn read(members: &Map<String, Value>, subject: &str) -> Result<Claims, Refused> {
    // `sub` is looked at even where another claim names the principal: its type must be right.
    let sub = text(members, "sub")?;
    let subject = match subject {
        "sub" => sub.ok_or(Refused::Missing("sub"))?,
        other => match members.get(other) {
            None => return Err(Refused::Missing("subject claim")),
            Some(Value::String(text)) => text.clone(),
            Some(_) => return Err(Refused::Malformed("subject claim")),
        },
    };
    if !is_name(&subject) {
        return Err(Refused::Malformed("subject claim"));
    }
    let scopes = match members.contains_key("scope") {
        true => words(&text(members, "scope")?.unwrap_or_default()),
        false => texts(members, "scp", words)?,
    };
    if !scopes.iter().all(|scope| is_scope(scope)) {
        return Err(Refused::Malformed("scope"));
    }
    Ok(Claims {
        subject,
        issuer: text(members, "iss")?,
        audience: texts(members, "aud", |one| vec![one.to_owned()])?,
        expires: time(members, "exp")?.ok_or(Refused::Missing("exp"))?,
        issued: time(members, "iat")?,
        not_before: time(members, "nbf")?,
        id: text(members, "jti")?,
        scopes,
    })
}

/// Whether this can name a principal: the name goes into a header field and into logs.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// `scope-token` (RFC 6749 §3.3).
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'"' && octet != b'\\')
}

fn text(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, Refused> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refused::Malformed(name)),
    }
}

/// A list of strings, or one string that `split` makes a list of.
fn texts(
    members: &Map<String, Value>,
    name: &'static str,
    split: impl Fn(&str) -> Vec<String>,
) -> Result<Vec<String>, Refused> {
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(split(one)),
        Some(Value::Array(many)) => {
            many.iter().map(|value| value.as_str().map(str::to_owned).ok_or(Refused::Malformed(name))).collect()
        }
        Some(_) => Err(Refused::Malformed(name)),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A NumericDate (RFC 7519 §2): seconds since 1970, perhaps with a fraction, never negative.
fn time(members: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Refused> {
    let Some(value) = members.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_f64().ok_or(Refused::Malformed(name))?;
    let span = Duration::try_from_secs_f64(seconds).map_err(|_| Refused::Malformed(name))?;
    let millis = i64::try_from(span.as_millis()).map_err(|_| Refused::Malformed(name))?;
    Ok(Some(Timestamp::from_millis(millis)))
}

/// `application/` is left out of `typ` by convention (RFC 7515 §4.1.9).
fn media(kind: &str) -> &str {
    const PREFIX: &str = "application/";
    match kind.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => kind.get(PREFIX.len()..).unwrap_or_default(),
        _ => kind,
    }
}
