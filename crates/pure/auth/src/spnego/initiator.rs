//! The client's legs of `Negotiate`: Kerberos by the system where there is a ticket, NTLM with a login where not.

use gatepost_model::credential::Credential;
use http::HeaderMap;

use crate::challenge::Challenge;
use crate::context::{ContextAsk, ContextStep, Mechanism as Contexts};
use crate::error::AuthError;
use crate::legs;
use crate::need::Need;
use crate::ntlm::flags::Flags;
use crate::ntlm::keys::Key;
use crate::ntlm::signing::{Session, Side};
use crate::ntlm::turns;
use crate::scheme::{Confirmation, Confirmed, Step, Turn};
use crate::spnego::mechanism::{Mechanism, Mechanisms};
use crate::spnego::token::{Answer, Init, State, Token};
use crate::token68;

const NAME: &str = "Negotiate";

/// A context of the system is under way: its number.
const CONTEXT: u8 = b'k';
/// NTLM's first message went out: that message.
const BEGUN: u8 = b'n';
/// NTLM's proof went out: the session's key and flags, for the server's signature.
const PROVED: u8 = b'm';

/// The next leg.
pub(crate) fn prove(turn: &Turn<'_>) -> Result<Step, AuthError> {
    if turn.answers.channel.is_none() {
        return Ok(Step::Need(Need::Channel));
    }
    let asked = turn.challenge.map(|challenge| token68::asked(challenge, NAME)).transpose()?.flatten();
    let Some(token) = asked else {
        if turn.memory.is_empty() {
            return begin(turn);
        }
        return Ok(Step::Decline("the server did not take the proof".into()));
    };
    if let Some(number) = context_number(turn.memory) {
        return context(turn, Some(number), token);
    }
    if let Some([negotiate]) = legs::unpack(BEGUN, turn.memory) {
        return match turn.answers.login_for(NAME) {
            Ok(login) => answer(turn, login, negotiate, &token),
            Err(step) => Ok(step),
        };
    }
    Err(malformed("it answers what was never said"))
}

/// What the server says beside an answer that took the proof (RFC 4559 §5): that it is who it says.
pub(crate) fn confirm(turn: &Turn<'_>, fields: &HeaderMap) -> Result<Confirmed, AuthError> {
    let challenges = Challenge::parse_all(fields.get_all(turn.request.party.challenge_field())).challenges;
    let said = challenges.iter().find(|challenge| challenge.is(NAME));
    let Some(token) = said.map(|challenge| token68::asked(challenge, NAME)).transpose()?.flatten() else {
        return Ok(Confirmed::Done(Confirmation::default()));
    };
    let mutual = if let Some(number) = context_number(turn.memory) {
        match &turn.answers.context {
            None => return Ok(Confirmed::Need(ask(turn, Some(number), token))),
            Some(ContextStep::Done { facts, .. }) => facts.mutual,
            Some(_) => return Err(AuthError::Unconfirmed { scheme: NAME }),
        }
    } else if let Some(session) = session(turn.memory) {
        signed(&session, &token)?
    } else {
        false
    };
    Ok(Confirmed::Done(Confirmation { mutual, ..Confirmation::default() }))
}

/// The first leg: Kerberos, and without a ticket NTLM.
fn begin(turn: &Turn<'_>) -> Result<Step, AuthError> {
    let Some(ContextStep::Unavailable(why)) = &turn.answers.context else {
        return context(turn, None, Vec::new());
    };
    let shared = turn.answers.channel.as_ref().is_some_and(|channel| channel.multiplexed);
    if shared {
        return Ok(Step::Decline(format!("{why}; and NTLM is for connections that requests do not share")));
    }
    match turn.answers.login_for(NAME) {
        Ok(_) => {}
        Err(Step::Decline(none)) => return Ok(Step::Decline(format!("{why}; and {none}"))),
        Err(step) => return Ok(step),
    }
    let negotiate = turns::negotiate(NAME)?;
    let init = Init { mechanisms: offer(), token: Some(negotiate.clone()), mic: None };
    let fields = token68::proof(turn, NAME, &init.to_octets())?;
    Ok(Step::Send { fields, memory: legs::pack(BEGUN, &[&negotiate]), preliminary: true })
}

/// NTLM's proof, with a signature over what we offered: the server then knows that nobody has cut it down.
fn answer(turn: &Turn<'_>, login: &Credential, negotiate: &[u8], token: &[u8]) -> Result<Step, AuthError> {
    let Ok(Token::Answer(chosen)) = Token::parse(token) else {
        return Err(malformed("not an answer of SPNEGO"));
    };
    if chosen.state == Some(State::Rejected) {
        return Ok(Step::Decline("the server takes none of the mechanisms".into()));
    }
    if chosen.mechanism.is_some_and(|mechanism| !mechanism.is_ntlm()) {
        return Err(malformed("a mechanism that was not offered"));
    }
    let challenge = chosen.token.ok_or_else(|| malformed("no message of NTLM"))?;
    let (authenticate, session) = turns::authenticate(turn, login, [negotiate, &challenge], NAME)?;
    let mic = session.can_sign().then(|| session.sign(Side::Client, &offer().to_der()).to_vec());
    let octets = Answer { token: Some(authenticate), mic, ..Answer::default() }.to_octets();
    let memory = legs::pack(PROVED, &[session.key.reveal(), &session.flags.bits().to_be_bytes()]);
    Ok(Step::Send { fields: token68::proof(turn, NAME, &octets)?, memory, preliminary: false })
}

/// A leg of a context that the system keeps.
fn context(turn: &Turn<'_>, number: Option<u64>, token: Vec<u8>) -> Result<Step, AuthError> {
    let (token, memory) = match &turn.answers.context {
        None => return Ok(Step::Need(ask(turn, number, token))),
        Some(ContextStep::Continue { number, token }) => (token, legs::pack(CONTEXT, &[&number.to_be_bytes()])),
        Some(ContextStep::Done { token, .. }) => (token, Vec::new()),
        Some(ContextStep::Unavailable(why) | ContextStep::Refused(why)) => return Ok(Step::Decline(why.clone())),
    };
    if token.is_empty() {
        return Ok(Step::Decline("the server did not take the ticket".into()));
    }
    Ok(Step::Send { fields: token68::proof(turn, NAME, token)?, memory, preliminary: false })
}

fn ask(turn: &Turn<'_>, number: Option<u64>, token: Vec<u8>) -> Need {
    let service = format!("HTTP@{}", turn.request.url.origin().host());
    Need::Context(ContextAsk { number, mechanism: Contexts::Spnego, service, token })
}

fn context_number(memory: &[u8]) -> Option<u64> {
    let [number] = legs::unpack(CONTEXT, memory)?;
    Some(u64::from_be_bytes(number.try_into().ok()?))
}

fn session(memory: &[u8]) -> Option<Session> {
    let [key, flags] = legs::unpack(PROVED, memory)?;
    let flags = Flags::from_bits(u32::from_be_bytes(flags.try_into().ok()?));
    Some(Session { key: Key::new(key.try_into().ok()?), flags })
}

/// Whether the server has signed our offer, as only one can that knows the user's key.
fn signed(session: &Session, token: &[u8]) -> Result<bool, AuthError> {
    let Ok(Token::Answer(Answer { state, mic, .. })) = Token::parse(token) else {
        return Err(malformed("not an answer of SPNEGO"));
    };
    if state == Some(State::Rejected) {
        return Err(malformed("a refusal in an answer that is none"));
    }
    match mic {
        None => Ok(false),
        Some(mic) if session.can_sign() && session.verify(Side::Server, &offer().to_der(), &mic) => Ok(true),
        Some(_) => Err(AuthError::Unconfirmed { scheme: NAME }),
    }
}

/// What we offer ourselves: Kerberos is the system's offer, not ours.
fn offer() -> Mechanisms {
    Mechanisms::new(vec![Mechanism::ntlm()])
}

fn malformed(detail: &str) -> AuthError {
    AuthError::Malformed { scheme: NAME, what: "challenge", detail: detail.into() }
}
