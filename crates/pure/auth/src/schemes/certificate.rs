//! A certificate that the client has shown in the TLS handshake (RFC 8446 §4.4.2). Nothing of it is in the request: rules
//! say who the certificate stands for.

use gatepost_model::principal::Principal;

use crate::challenge::Challenge;
use crate::client_rules::{Nobody, identify};
use crate::error::AuthError;
use crate::scheme::{Scheme, Step, Strength, Turn};
use crate::verdict::{Refusal, Verdict};

/// The scheme.
#[derive(Debug)]
pub struct Certificate;

impl Scheme for Certificate {
    fn name(&self) -> &'static str {
        "Certificate"
    }

    fn strength(&self) -> Strength {
        Strength::Key
    }

    /// No: what a certificate proves, and to whom, has to be set up.
    fn is_usual(&self) -> bool {
        false
    }

    /// None: the proof was made in the handshake, with a key that never leaves its owner.
    fn fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn prove(&self, _turn: &Turn<'_>) -> Result<Step, AuthError> {
        Ok(Step::Decline("a certificate is shown in the handshake, not in a request".into()))
    }

    /// There is nothing to answer on this connection: TLS 1.3 has no renegotiation.
    fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        None
    }

    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let shown = turn.answers.channel.as_ref().and_then(|channel| channel.client.as_deref());
        let Some(shown) = shown else { return Ok(Verdict::Absent) };
        // It was good in the handshake; the connection may have outlived it.
        if shown.until < turn.now {
            return Ok(Verdict::Reject(Refusal::Expired));
        }
        Ok(match identify(&turn.settings.certificate.rules, shown) {
            Ok(name) => Verdict::accept(Principal { expires: Some(shown.until), ..Principal::new(name, self.name()) }),
            Err(Nobody::NoRule(why) | Nobody::Ambiguous(why)) => Verdict::Reject(Refusal::NotTaken(why)),
        })
    }
}
