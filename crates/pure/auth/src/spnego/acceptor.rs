//! The server's legs of `Negotiate`: chooses the mechanism, and judges what comes of it.

use gatepost_model::principal::Principal;
use http::{HeaderName, HeaderValue};

use crate::context::{ContextAsk, ContextStep, Mechanism as Contexts};
use crate::error::AuthError;
use crate::legs;
use crate::need::Need;
use crate::ntlm::signing::{Session, Side};
use crate::ntlm::turns::{self, Judged};
use crate::ntlm::{authenticate, negotiate, signature};
use crate::scheme::Turn;
use crate::settings::ChannelBinding;
use crate::spnego::mechanism::{Mechanism, Mechanisms};
use crate::spnego::token::{Answer, Init, State, Token};
use crate::token68;
use crate::verdict::{Refusal, Verdict};

const NAME: &str = "Negotiate";

/// A context of the system is under way: its number.
const CONTEXT: u8 = b'k';
/// NTLM is chosen and has not begun: the client's offer, and whether it must be signed.
const CHOSEN: u8 = b's';
/// NTLM was challenged: the offer, whether it must be signed, and the two messages.
const CHALLENGED: u8 = b'n';
/// The same without SPNEGO: the two messages.
const BARE: u8 = b'b';

/// The judgement of a token.
///
/// # Errors
/// [`AuthError::Setting`] if what is kept of a user is unusable.
pub(crate) fn verify(turn: &Turn<'_>, octets: Vec<u8>) -> Result<Verdict, AuthError> {
    match Token::parse(&octets) {
        Ok(Token::Init(init)) => Ok(choose(turn, &init, octets)),
        Ok(Token::Answer(answer)) => match context_number(turn.memory) {
            Some(number) => Ok(context(turn, Some(number), Contexts::Spnego, octets)),
            None => further(turn, answer),
        },
        Ok(Token::Kerberos) => Ok(context(turn, context_number(turn.memory), Contexts::Kerberos, octets)),
        Ok(Token::Ntlm) => bare(turn, &octets),
        Err(broken) => Ok(Verdict::Reject(Refusal::Malformed(broken.to_string()))),
    }
}

/// The first of the client's mechanisms that is spoken here. Its first token is for the first of its list alone.
fn choose(turn: &Turn<'_>, init: &Init, octets: Vec<u8>) -> Verdict {
    for (at, mechanism) in init.mechanisms.list().iter().enumerate() {
        let unavailable = matches!(turn.answers.context, Some(ContextStep::Unavailable(_)));
        if mechanism.is_kerberos() && !unavailable {
            return context(turn, None, Contexts::Spnego, octets);
        }
        if mechanism.is_ntlm() {
            let token = init.token.as_deref().filter(|_| at == 0);
            // RFC 4178 §5: what is not the client's first choice has to be signed, or somebody could have cut the list down.
            return choose_ntlm(turn, &init.mechanisms, at != 0, token);
        }
    }
    Verdict::Reject(Refusal::NotTaken("none of the mechanisms on offer".into()))
}

fn choose_ntlm(turn: &Turn<'_>, offer: &Mechanisms, sign: bool, token: Option<&[u8]>) -> Verdict {
    let (offer, state) = (offer.to_der(), if sign { State::RequestMic } else { State::Incomplete });
    let chosen = Answer { state: Some(state), mechanism: Some(Mechanism::ntlm()), ..Answer::default() };
    match token {
        Some(negotiate) => challenge(turn, chosen, [&offer, &[u8::from(sign)]], negotiate),
        None => Verdict::Continue {
            challenge: token68::challenge(NAME, &chosen.to_octets()),
            memory: legs::pack(CHOSEN, &[&offer, &[u8::from(sign)]]),
        },
    }
}

/// NTLM's challenge in this answer.
fn challenge(turn: &Turn<'_>, answer: Answer, [offer, sign]: [&[u8]; 2], negotiate: &[u8]) -> Verdict {
    match turns::challenge(turn, negotiate) {
        Ok(challenge) => Verdict::Continue {
            memory: legs::pack(CHALLENGED, &[offer, sign, negotiate, &challenge]),
            challenge: token68::challenge(NAME, &Answer { token: Some(challenge), ..answer }.to_octets()),
        },
        Err(refusal) => Verdict::Reject(refusal),
    }
}

/// A further token of SPNEGO around NTLM.
fn further(turn: &Turn<'_>, answer: Answer) -> Result<Verdict, AuthError> {
    if answer.state == Some(State::Rejected) {
        return Ok(Verdict::Reject(Refusal::NotTaken("the client gave up".into())));
    }
    let Some(token) = answer.token else {
        return Ok(Verdict::Reject(Refusal::Malformed("no token of the mechanism".into())));
    };
    if let Some([offer, sign]) = legs::unpack(CHOSEN, turn.memory) {
        let answer = Answer { state: Some(State::Incomplete), ..Answer::default() };
        return Ok(challenge(turn, answer, [offer, sign], &token));
    }
    let Some([offer, sign, negotiate, challenge]) = legs::unpack(CHALLENGED, turn.memory) else {
        return Ok(unasked());
    };
    match turns::judge(turn, [negotiate, challenge, &token], NAME)? {
        Judged::Need(need) => Ok(Verdict::Need(need)),
        Judged::Refused(refusal) => Ok(Verdict::Reject(refusal)),
        Judged::Proved(principal, session) => signed(turn, principal, &session, [offer, sign], answer.mic.as_deref()),
    }
}

/// Whether the client's signature over its offer is right; ours then says that we know the user's key, too.
fn signed(
    turn: &Turn<'_>,
    principal: Principal,
    session: &Session,
    [offer, sign]: [&[u8]; 2],
    signature: Option<&[u8]>,
) -> Result<Verdict, AuthError> {
    let mic = match signature {
        Some(signature) if session.can_sign() && session.verify(Side::Client, offer, signature) => {
            Some(session.sign(Side::Server, offer).to_vec())
        }
        None if sign == [0] => None,
        _ => {
            let why = "the signature over the list of mechanisms is missing or wrong";
            return Ok(Verdict::Reject(Refusal::NotTaken(why.into())));
        }
    };
    let last = Answer { state: Some(State::Completed), mic, ..Answer::default() };
    Ok(Verdict::Accept { principal, fields: vec![said(turn, &last.to_octets())?] })
}

/// NTLM without SPNEGO around it: Windows and old clients send it, and take it.
fn bare(turn: &Turn<'_>, message: &[u8]) -> Result<Verdict, AuthError> {
    match signature::kind(message) {
        Some(negotiate::KIND) => Ok(match turns::challenge(turn, message) {
            Ok(challenge) => Verdict::Continue {
                memory: legs::pack(BARE, &[message, &challenge]),
                challenge: token68::challenge(NAME, &challenge),
            },
            Err(refusal) => Verdict::Reject(refusal),
        }),
        Some(authenticate::KIND) => {
            // Only what began without SPNEGO goes on without it: no signature that is demanded can be left out so.
            let Some([negotiate, challenge]) = legs::unpack(BARE, turn.memory) else { return Ok(unasked()) };
            Ok(match turns::judge(turn, [negotiate, challenge, message], NAME)? {
                Judged::Need(need) => Verdict::Need(need),
                Judged::Proved(principal, _) => Verdict::accept(principal),
                Judged::Refused(refusal) => Verdict::Reject(refusal),
            })
        }
        _ => Ok(Verdict::Reject(Refusal::Malformed("not a message that a client sends".into()))),
    }
}

/// A leg of a context that the system keeps.
fn context(turn: &Turn<'_>, number: Option<u64>, mechanism: Contexts, token: Vec<u8>) -> Verdict {
    match &turn.answers.context {
        None => Verdict::Need(Need::Context(ContextAsk { number, mechanism, service: String::new(), token })),
        Some(ContextStep::Continue { number, token }) => Verdict::Continue {
            challenge: token68::challenge(NAME, token),
            memory: legs::pack(CONTEXT, &[&number.to_be_bytes()]),
        },
        Some(ContextStep::Done { token, facts }) => {
            if turn.settings.channel_binding == ChannelBinding::Required && !facts.bound {
                return Verdict::Reject(Refusal::WrongChannel);
            }
            let principal = Principal { expires: facts.expires, ..Principal::new(facts.name.clone(), NAME) };
            if token.is_empty() {
                return Verdict::accept(principal);
            }
            match said(turn, token) {
                Ok(field) => Verdict::Accept { principal, fields: vec![field] },
                Err(error) => Verdict::Reject(error.into()),
            }
        }
        Some(ContextStep::Unavailable(why) | ContextStep::Refused(why)) => {
            Verdict::Reject(Refusal::NotTaken(why.clone()))
        }
    }
}

/// The field in which an answer that lets in says its last token (RFC 4559 §5).
fn said(turn: &Turn<'_>, octets: &[u8]) -> Result<(HeaderName, HeaderValue), AuthError> {
    Ok((turn.request.party.challenge_field(), token68::challenge(NAME, octets).to_header_value()?))
}

fn unasked() -> Verdict {
    let why = "an answer to a challenge that was not made on this connection";
    Verdict::Reject(Refusal::NotTaken(why.into()))
}

fn context_number(memory: &[u8]) -> Option<u64> {
    let [number] = legs::unpack(CONTEXT, memory)?;
    Some(u64::from_be_bytes(number.try_into().ok()?))
}
