//! NTLM over HTTP: three messages on one connection, which then speaks for whoever proved (MS-NTHT).
//!
//! Only version 2, only over HTTP/1.1. A server believes nobody without a right NTProofStr, demands the message
//! integrity code of whoever announces one, and judges channel bindings as its settings say.

use crate::challenge::Challenge;
use crate::error::AuthError;
use crate::legs;
use crate::need::Need;
use crate::ntlm::signature;
use crate::ntlm::turns::{self, Judged};
use crate::ntlm::{authenticate, negotiate};
use crate::scheme::{Scheme, Step, Strength, Turn};
use crate::token68;
use crate::verdict::{Refusal, Verdict};

const NAME: &str = "NTLM";

/// Client: the NEGOTIATE message went out. Server: it came, and was challenged. Its messages are kept.
const BEGUN: u8 = b'n';

/// The `NTLM` scheme.
#[derive(Debug, Clone, Copy)]
pub struct Ntlm;

impl Scheme for Ntlm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn strength(&self) -> Strength {
        Strength::Digest
    }

    fn is_usual(&self) -> bool {
        false
    }

    fn binds_connection(&self) -> bool {
        true
    }

    /// Two legs. The first says nothing of the user, and the server cannot accept it.
    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        let login = match turn.answers.login_for(NAME) {
            Ok(login) => login,
            Err(step) => return Ok(step),
        };
        let Some(channel) = &turn.answers.channel else { return Ok(Step::Need(Need::Channel)) };
        if channel.multiplexed {
            return Ok(Step::Decline("NTLM is for connections, and this one is shared by requests".into()));
        }
        let asked = turn.challenge.map(|challenge| token68::asked(challenge, NAME)).transpose()?.flatten();
        let begun = legs::unpack::<1>(BEGUN, turn.memory);
        let (message, memory) = match (begun, asked) {
            (None, None) => {
                let message = turns::negotiate(NAME)?;
                let memory = legs::pack(BEGUN, &[&message]);
                (message, memory)
            }
            (Some([first]), Some(challenge)) => {
                (turns::authenticate(turn, login, [first, &challenge], NAME)?.0, Vec::new())
            }
            (Some(_), None) => return Ok(Step::Decline("the server broke the handshake off".into())),
            (None, Some(_)) => {
                let detail = "it answers a message that was never sent".into();
                return Err(AuthError::Malformed { scheme: NAME, what: "challenge", detail });
            }
        };
        let fields = token68::proof(turn, NAME, &message)?;
        Ok(Step::Send { fields, preliminary: !memory.is_empty(), memory })
    }

    /// Over HTTP/2, too, where no proof is taken: the client then comes again over HTTP/1.1, as curl and we do.
    fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        Some(Challenge::new(NAME))
    }

    /// The first message is challenged, however often it comes; the last one is judged once for each challenge.
    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let message = match token68::shown(&turn.request, NAME) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(Verdict::Absent),
            Err(error) => return Ok(Verdict::Reject(error.into())),
        };
        match signature::kind(&message) {
            Some(negotiate::KIND) => Ok(match turns::challenge(turn, &message) {
                Ok(challenge) => Verdict::Continue {
                    memory: legs::pack(BEGUN, &[&message, &challenge]),
                    challenge: token68::challenge(NAME, &challenge),
                },
                Err(refusal) => Verdict::Reject(refusal),
            }),
            Some(authenticate::KIND) => {
                let Some([negotiate, challenge]) = legs::unpack(BEGUN, turn.memory) else {
                    let why = "an answer to a challenge that was not made on this connection";
                    return Ok(Verdict::Reject(Refusal::NotTaken(why.into())));
                };
                Ok(match turns::judge(turn, [negotiate, challenge, &message], NAME)? {
                    Judged::Need(need) => Verdict::Need(need),
                    Judged::Proved(principal, _) => Verdict::accept(principal),
                    Judged::Refused(refusal) => Verdict::Reject(refusal),
                })
            }
            _ => Ok(Verdict::Reject(Refusal::Malformed("not a message that a client sends".into()))),
        }
    }
}
