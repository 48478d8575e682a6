//! Octets in the `token68` of challenges and credentials, in base64 (RFC 4559 §4).

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_model::head::RequestHead;
use gatepost_model::secret::Secret;

use crate::challenge::Challenge;
use crate::credentials::Credentials;
use crate::error::AuthError;
use crate::scheme::{Proof, Turn};

/// Server: what the request's credentials for this scheme hold; `None` if it has none.
pub(crate) fn shown(request: &RequestHead<'_>, scheme: &'static str) -> Result<Option<Vec<u8>>, AuthError> {
    let Some(credentials) = Credentials::of(request, scheme)? else { return Ok(None) };
    let malformed = |detail: &str| AuthError::Malformed { scheme, what: "credentials", detail: detail.into() };
    let token = credentials.token68.ok_or_else(|| malformed("no token"))?;
    STANDARD.decode(token.reveal()).map(Some).map_err(|_| malformed("not base64"))
}

/// Client: what the challenge holds; `None` if it is the scheme's name alone.
pub(crate) fn asked(challenge: &Challenge, scheme: &'static str) -> Result<Option<Vec<u8>>, AuthError> {
    let malformed = |detail: &str| AuthError::Malformed { scheme, what: "challenge", detail: detail.into() };
    let Some(token) = &challenge.token68 else { return Ok(None) };
    STANDARD.decode(token).map(Some).map_err(|_| malformed("not base64"))
}

/// Client: the field that shows these octets.
pub(crate) fn proof(turn: &Turn<'_>, scheme: &'static str, octets: &[u8]) -> Result<Proof, AuthError> {
    let token68 = Some(Secret::from(STANDARD.encode(octets)));
    let credentials = Credentials { scheme: scheme.into(), token68, params: Vec::new() };
    Ok(vec![(turn.request.party.answer_field(), credentials.to_header_value(scheme)?)])
}

/// Server: the challenge that holds these octets.
pub(crate) fn challenge(scheme: &'static str, octets: &[u8]) -> Challenge {
    Challenge { token68: Some(STANDARD.encode(octets)), ..Challenge::new(scheme) }
}
