//! WSSE UsernameToken over HTTP: a digest of nonce, time and password in the X-WSSE field.
//!
//! There is no RFC. The form is Mark Pilgrim's of 2003 for Atom, after the OASIS Web Services
//! Security UsernameToken Profile; what the two left open became the dialects of
//! [`WsseDialect`]. The digest covers neither method nor address nor body: it protects the
//! password from an eavesdropper and nothing else. It is not defined for proxies.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine};
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::secret::same;
use gatepost_model::time::Timestamp;
use http::{HeaderName, HeaderValue};

use crate::challenge::Challenge;
use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::grammar;
use crate::need::Need;
use crate::scheme::{Scheme, Step, Strength, Turn};
use crate::settings::{self, WsseDialect};
use crate::verdict::{Refusal, Verdict};

/// The most octets of X-WSSE that a server reads.
const MOST_OCTETS: usize = 4 * 1024;

/// The most octets of a nonce's text.
const MOST_NONCE: usize = 256;

/// How many random octets a client's nonce has.
const NONCE_OCTETS: usize = 16;

/// What an unknown user's digest is computed with, so that it costs the same.
const DUMMY: &[u8] = b"no such user";

const NAME: &str = "WSSE";
const PROFILE: &str = "UsernameToken";
const FIELD: HeaderName = HeaderName::from_static("x-wsse");

/// Some senders leave the padding out.
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The `WSSE` scheme.
#[derive(Debug, Clone, Copy)]
pub struct Wsse;

impl Scheme for Wsse {
    fn name(&self) -> &'static str {
        NAME
    }

    fn strength(&self) -> Strength {
        Strength::Digest
    }

    fn fields(&self) -> &'static [&'static str] {
        &["authorization", "x-wsse"]
    }

    /// One leg, with the first of the configured dialects and a nonce made from the turn's entropy.
    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        if turn.request.party == Party::Proxy {
            return Ok(Step::Decline("X-WSSE is not defined for proxies".into()));
        }
        let profile = turn.challenge.and_then(|challenge| challenge.param("profile"));
        if profile.is_some_and(|profile| !profile.eq_ignore_ascii_case(PROFILE)) {
            return Ok(Step::Decline("the challenge asks for another profile than UsernameToken".into()));
        }
        let login = match turn.answers.login_for(NAME) {
            Ok(login) => login,
            Err(step) => return Ok(step),
        };
        if login.secret.is_empty() {
            return Err(AuthError::Unsuitable { scheme: NAME, detail: "an empty secret proves nothing".into() });
        }
        let dialect = *turn.settings.wsse.dialects.first().ok_or_else(no_dialect)?;
        let random = turn.entropy.get(..NONCE_OCTETS).unwrap_or(turn.entropy);
        let nonce = if dialect == WsseDialect::Decoded { STANDARD.encode(random) } else { hex(random) };
        let covered = covered_nonce(dialect, &nonce).unwrap_or_default();
        let created = turn.now.to_string();
        let digest = STANDARD.encode(proof(dialect, &covered, &created, login.secret.reveal()));
        let token = parameters(
            PROFILE,
            &[("Username", &login.user), ("PasswordDigest", &digest), ("Nonce", &nonce), ("Created", &created)],
        );
        let mut fields = vec![(FIELD, token.to_header_value(NAME)?)];
        if turn.settings.wsse.authorization {
            fields.push((turn.request.party.answer_field(), announcement(&turn.settings.wsse)?));
        }
        Ok(Step::Send { fields, memory: Vec::new(), preliminary: false })
    }

    fn challenge(&self, turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        (turn.request.party == Party::Server)
            .then(|| Challenge::new(NAME).with("realm", turn.settings.realm.clone()).with("profile", PROFILE))
    }

    /// Size, grammar, user, time, digest and only then the replay record: a stranger cannot burn
    /// somebody else's nonce.
    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let settings = &turn.settings.wsse;
        if settings.dialects.is_empty() {
            return Err(no_dialect());
        }
        let token = match Token::of(&turn.request) {
            Ok(Some(token)) => token,
            Ok(None) => return Ok(Verdict::Absent),
            Err(error) => return Ok(Verdict::Reject(error.into())),
        };
        let Some(login) = &turn.answers.login else {
            return Ok(Verdict::Need(Need::Login { user: Some(token.user) }));
        };
        let login = login.as_ref().filter(|login| login.serves(NAME) && !login.secret.is_empty());
        if !token.is_timely(turn.now, settings) {
            return Ok(Verdict::Reject(Refusal::Stale));
        }
        let secret = login.map_or(DUMMY, |login| login.secret.reveal());
        let covered = token.verified_nonce(&settings.dialects, secret);
        let (Some(login), Some(nonce)) = (login, covered) else {
            return Ok(Verdict::Reject(Refusal::WrongSecret));
        };
        Ok(match turn.answers.first_use {
            // The stored name, not the claimed one: a store that folds case has one key for both.
            None => Verdict::Need(Need::FirstUse {
                key: replay_key(&login.user, &nonce),
                until: token.created_at + settings.past + settings.future,
            }),
            Some(true) => Verdict::accept(Principal::new(login.user.clone(), NAME)),
            Some(false) => Verdict::Reject(Refusal::Replayed),
        })
    }
}

/// A UsernameToken as it came.
struct Token {
    user: String,
    /// The digest's octets: for the hexadecimal dialects those of the text.
    digest: Vec<u8>,
    nonce: String,
    /// As written: the digest covers the text, not the moment.
    created: String,
    created_at: Timestamp,
}

impl Token {
    /// `None` if the request shows no WSSE credentials. An Authorization field beside X-WSSE is not
    /// needed, but if it names another scheme, then X-WSSE is not what the sender shows.
    fn of(request: &RequestHead<'_>) -> Result<Option<Self>, AuthError> {
        if request.party == Party::Proxy {
            return Ok(None);
        }
        let announced = Credentials::of(request, NAME)?;
        if announced.is_none() && request.headers.contains_key(request.party.answer_field()) {
            return Ok(None);
        }
        let profile = announced.as_ref().and_then(|credentials| credentials.param("profile"));
        if profile.is_some_and(|profile| !profile.eq_ignore_ascii_case(PROFILE)) {
            return Err(malformed("another profile than UsernameToken"));
        }
        let mut fields = request.headers.get_all(FIELD).iter();
        match (fields.next(), fields.next()) {
            (Some(field), None) => Self::parse(field.as_bytes()).map(Some),
            (None, _) if announced.is_none() => Ok(None),
            (None, _) => Err(malformed("no X-WSSE field")),
            (Some(_), Some(_)) => Err(malformed("more than one X-WSSE field")),
        }
    }

    /// Takes parameters in any order, white space around them, a `WSSE` before `UsernameToken`, and
    /// a digest without its padding.
    fn parse(field: &[u8]) -> Result<Self, AuthError> {
        if field.len() > MOST_OCTETS {
            return Err(malformed("too long"));
        }
        let field = grammar::trim(field);
        let (first, rest) = grammar::split_token(field);
        let token = if first.eq_ignore_ascii_case(NAME.as_bytes()) { rest } else { field };
        let token = Credentials::parse(token, NAME)?;
        if !token.scheme.eq_ignore_ascii_case(PROFILE) {
            return Err(malformed("no UsernameToken"));
        }
        let value = |name: &str| token.param(name).ok_or_else(|| malformed(&format!("no {name}")));
        let (nonce, created) = (value("Nonce")?, value("Created")?);
        if nonce.is_empty() || nonce.len() > MOST_NONCE || !nonce.is_ascii() {
            return Err(malformed("a nonce that is empty, too long or not ASCII"));
        }
        Ok(Self {
            user: value("Username")?.to_owned(),
            digest: UNPADDED.decode(value("PasswordDigest")?).map_err(|_| malformed("a digest that is not base64"))?,
            nonce: nonce.to_owned(),
            created: created.to_owned(),
            created_at: Timestamp::parse_rfc3339(created)
                .ok_or_else(|| malformed("a creation time that is not RFC 3339"))?,
        })
    }

    fn is_timely(&self, now: Timestamp, settings: &settings::Wsse) -> bool {
        self.created_at <= now + settings.future && now <= self.created_at + settings.past
    }

    /// The nonce's octets as the digest covers them, if the digest is right in one of the dialects.
    /// All dialects are tried, so that the time does not tell which one matched.
    fn verified_nonce(&self, dialects: &[WsseDialect], secret: &[u8]) -> Option<Vec<u8>> {
        let mut verified = None;
        for dialect in dialects {
            let nonce = covered_nonce(*dialect, &self.nonce);
            let expected = proof(*dialect, nonce.as_deref().unwrap_or_default(), &self.created, secret);
            if same(&expected, &self.digest) {
                verified = verified.or(nonce);
            }
        }
        verified
    }
}

/// The octets that go into the digest for a nonce's text: `None` if this dialect cannot read it.
fn covered_nonce(dialect: WsseDialect, nonce: &str) -> Option<Vec<u8>> {
    match dialect {
        WsseDialect::Decoded => UNPADDED.decode(nonce).ok(),
        WsseDialect::Literal | WsseDialect::HexSha1 | WsseDialect::Sha256 | WsseDialect::HexSha256 => {
            Some(nonce.as_bytes().to_vec())
        }
    }
}

/// What `PasswordDigest` holds, before base64.
fn proof(dialect: WsseDialect, nonce: &[u8], created: &str, secret: &[u8]) -> Vec<u8> {
    let algorithm = match dialect {
        WsseDialect::Decoded | WsseDialect::Literal | WsseDialect::HexSha1 => &SHA1_FOR_LEGACY_USE_ONLY,
        WsseDialect::Sha256 | WsseDialect::HexSha256 => &SHA256,
    };
    let mut context = digest::Context::new(algorithm);
    context.update(nonce);
    context.update(created.as_bytes());
    context.update(secret);
    let octets = context.finish();
    match dialect {
        WsseDialect::HexSha1 | WsseDialect::HexSha256 => hex(octets.as_ref()).into_bytes(),
        WsseDialect::Decoded | WsseDialect::Literal | WsseDialect::Sha256 => octets.as_ref().to_vec(),
    }
}

/// One key for everything that one proof could be respelled as. The nonce's text will not do: it
/// can lose its padding, or turn from base64 into what it encodes where `Decoded` and `Literal` are
/// both taken; the octets that the digest covers stay. Hashed, so that the key's length is bounded
/// and no user name can run into a nonce.
fn replay_key(user: &str, nonce: &[u8]) -> String {
    let mut context = digest::Context::new(&SHA256);
    context.update(digest::digest(&SHA256, user.as_bytes()).as_ref());
    context.update(nonce);
    format!("wsse:{}", hex(context.finish().as_ref()))
}

/// The Authorization field beside X-WSSE: it holds no secret, some servers look for it.
fn announcement(settings: &settings::Wsse) -> Result<HeaderValue, AuthError> {
    let mut announcement = parameters(NAME, &[("profile", PROFILE)]);
    for (name, value) in &settings.parameters {
        if announcement.param(name).is_some() {
            let what = format!("the WSSE parameter `{name}`");
            return Err(AuthError::Setting { what, detail: "it is there already".into() });
        }
        announcement.params.push((name.clone(), value.clone()));
    }
    announcement.to_header_value(NAME)
}

fn parameters(scheme: &str, params: &[(&str, &str)]) -> Credentials {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Credentials { scheme: scheme.into(), token68: None, params }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn no_dialect() -> AuthError {
    AuthError::Setting { what: "the list of WSSE dialects".into(), detail: "it is empty".into() }
}

fn malformed(detail: &str) -> AuthError {
    AuthError::Malformed { scheme: NAME, what: "credentials", detail: detail.into() }
}
