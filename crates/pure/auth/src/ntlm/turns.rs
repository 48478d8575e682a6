//! NTLM's legs as a scheme takes them, with what its turn knows: for the scheme `NTLM` and inside `Negotiate`.

use gatepost_model::channel::Channel;
use gatepost_model::credential::Credential;
use gatepost_model::head::RequestHead;
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;

use crate::error::AuthError;
use crate::need::Need;
use crate::ntlm::bindings;
use crate::ntlm::broken::Broken;
use crate::ntlm::client::{Client, Identity, Occasion};
use crate::ntlm::keys::{self, Key};
use crate::ntlm::refused::Refused;
use crate::ntlm::server::{self, Claim, Demands};
use crate::ntlm::signing::Session;
use crate::record::Kind;
use crate::scheme::Turn;
use crate::verdict::Refusal;

/// What came of an AUTHENTICATE message.
pub(crate) enum Judged {
    Need(Need),
    Proved(Principal, Session),
    Refused(Refusal),
}

/// Client: the first message.
pub(crate) fn negotiate(scheme: &'static str) -> Result<Vec<u8>, AuthError> {
    Client::default().negotiate().map_err(|broken| unsuitable(scheme, &broken.to_string()))
}

/// Client: the last message, for this login and this challenge, and the session that it begins.
pub(crate) fn authenticate(
    turn: &Turn<'_>,
    login: &Credential,
    [negotiate, challenge]: [&[u8]; 2],
    scheme: &'static str,
) -> Result<(Vec<u8>, Session), AuthError> {
    let password = login.secret.reveal_text().ok_or_else(|| unsuitable(scheme, "the password is not text"))?;
    let (domain, user) = login.user.split_once('\\').unwrap_or(("", &login.user));
    let unnameable = |name: &str| name.chars().any(char::is_control);
    if user.is_empty() || unnameable(&login.user) {
        return Err(unsuitable(scheme, "the user name is empty or has control characters"));
    }
    let identity = Identity { user: user.into(), domain: domain.into(), nt_hash: keys::nt_hash(password) };
    let (nonce, session_key) = drawn(turn);
    let target = target(&turn.request);
    let bindings = turn.answers.channel.as_deref().and_then(bound);
    let occasion = Occasion { now: turn.now, nonce, session_key, target: Some(&target), bindings };
    Client::default().authenticate(negotiate, challenge, &identity, &occasion).map_err(|broken| match broken {
        Broken::Overflow | Broken::Text("user" | "domain") => unsuitable(scheme, &broken.to_string()),
        other => AuthError::Malformed { scheme, what: "challenge", detail: other.to_string() },
    })
}

/// Server: the challenge for this first message.
pub(crate) fn challenge(turn: &Turn<'_>, negotiate: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (nonce, _) = drawn(turn);
    server::challenge(negotiate, &turn.settings.ntlm.name, nonce, turn.now).map_err(|broken| refusal(broken.into()))
}

/// Server: the judgement of the last message.
///
/// # Errors
/// [`AuthError::Setting`] if what is kept of the user is no NT hash.
pub(crate) fn judge(
    turn: &Turn<'_>,
    [negotiate, challenge, authenticate]: [&[u8]; 3],
    scheme: &'static str,
) -> Result<Judged, AuthError> {
    let claim = match Claim::parse(authenticate) {
        Ok(claim) => claim,
        Err(refused) => return Ok(Judged::Refused(refusal(refused))),
    };
    // The name that came picks the record: nobody is believed with somebody else's.
    let Some(record) = &turn.answers.record else {
        return Ok(Judged::Need(Need::Record { user: claim.user().to_owned(), kind: Kind::NtHash }));
    };
    let nt_hash = record.as_ref().map(|record| hash(record, claim.user())).transpose()?;
    Ok(match claim.verify(negotiate, challenge, nt_hash.as_ref(), &demands(turn)) {
        Ok(session) => Judged::Proved(Principal::new(claim.user(), scheme), session),
        Err(refused) => Judged::Refused(refusal(refused)),
    })
}

/// Whether channel bindings are looked at, and what they have to be.
fn demands(turn: &Turn<'_>) -> Demands {
    Demands {
        bindings: turn.answers.channel.as_deref().and_then(bound),
        binding: turn.settings.channel_binding,
        integrity: turn.settings.ntlm.integrity,
    }
}

/// The hash that ties a proof to this channel.
fn bound(channel: &Channel) -> Option<[u8; 16]> {
    let end_point = channel.bindings.end_point.as_deref()?;
    Some(bindings::hash(&[b"tls-server-end-point:", end_point].concat()))
}

/// The service that is meant (MS-NLMP 3.1.5.1.2): a server may see that a proof was made for another one.
fn target(request: &RequestHead<'_>) -> String {
    format!("HTTP/{}", request.url.origin().host())
}

/// A nonce and a session key out of the turn's random octets.
fn drawn(turn: &Turn<'_>) -> ([u8; 8], Key) {
    let [n0, n1, n2, n3, n4, n5, n6, n7, key @ .., _, _, _, _, _, _, _, _] = *turn.entropy;
    ([n0, n1, n2, n3, n4, n5, n6, n7], Key::new(key))
}

fn hash(record: &Secret, user: &str) -> Result<Key, AuthError> {
    <[u8; 16]>::try_from(record.reveal()).map(Key::new).map_err(|_| AuthError::Setting {
        what: format!("the NT hash of `{user}`"),
        detail: "it has not 16 octets".into(),
    })
}

fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::Broken(flags @ Broken::Flags(_)) => Refusal::NotTaken(flags.to_string()),
        Refused::Broken(broken) => Refusal::Malformed(broken.to_string()),
        Refused::WrongSecret => Refusal::WrongSecret,
        Refused::WrongBindings | Refused::NoBindings => Refusal::WrongChannel,
        other => Refusal::NotTaken(other.to_string()),
    }
}

fn unsuitable(scheme: &'static str, detail: &str) -> AuthError {
    AuthError::Unsuitable { scheme, detail: detail.into() }
}
