//! Negotiate over HTTP: SPNEGO around Kerberos and NTLM (RFC 4559, RFC 4178).
//!
//! Kerberos is the system's: the scheme asks for the steps of a context. NTLM is ours. What comes without
//! SPNEGO around it is taken as what it is.

use http::HeaderMap;

use crate::challenge::Challenge;
use crate::error::AuthError;
use crate::scheme::{Confirmed, Proof, Scheme, Step, Strength, Turn};
use crate::spnego::{acceptor, initiator};
use crate::token68;
use crate::verdict::{Refusal, Verdict};

const NAME: &str = "Negotiate";

/// The `Negotiate` scheme.
#[derive(Debug, Clone, Copy)]
pub struct Negotiate;

impl Scheme for Negotiate {
    fn name(&self) -> &'static str {
        NAME
    }

    /// That of NTLM, which it may come down to.
    fn strength(&self) -> Strength {
        Strength::Digest
    }

    fn is_usual(&self) -> bool {
        false
    }

    fn binds_connection(&self) -> bool {
        true
    }

    fn prove(&self, turn: &Turn<'_>) -> Result<Step, AuthError> {
        initiator::prove(turn)
    }

    fn confirm(&self, turn: &Turn<'_>, _proof: &Proof, fields: &HeaderMap) -> Result<Confirmed, AuthError> {
        initiator::confirm(turn, fields)
    }

    fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        Some(Challenge::new(NAME))
    }

    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        match token68::shown(&turn.request, NAME) {
            Ok(Some(token)) => acceptor::verify(turn, token),
            Ok(None) => Ok(Verdict::Absent),
            Err(error) => Ok(Verdict::Reject(error.into())),
        }
    }
}
