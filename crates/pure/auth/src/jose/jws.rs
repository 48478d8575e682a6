//! JSON Web Signatures in compact form (RFC 7515): taken apart, verified, made.
//!
//! The types keep the order: [`Unverified`] shows the header only, which says which key is wanted;
//! the payload comes out of [`Unverified::verify`].

use std::fmt;

use serde_json::{Map, Value};

use crate::error::AuthError;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::json;
use crate::jose::jwk::KeySet;
use crate::jose::refused::Refused;
use crate::jose::signing::SigningKey;

/// The most octets of a token: 16 KiB.
pub const SIZE: usize = 16 * 1024;

/// The most octets of a key identifier.
const ID_SIZE: usize = 256;

/// Parameters whose presence refuses the token. `crit` and `b64`: we understand no extension (RFC
/// 7515 §4.1.11, RFC 7797). `zip` has no meaning in a signature. The others say which key to trust;
/// a token cannot vouch for its own key (RFC 8725 §3.10), and to ignore them in silence would hide an attack.
const REFUSED: [&str; 7] = ["crit", "b64", "zip", "jwk", "jku", "x5u", "x5c"];

/// The header parameters that we follow (RFC 7515 §4.1). Unknown ones are ignored, as §4 asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`: wire text, at most 256 octets.
    pub id: Option<String>,
    /// `typ`.
    pub kind: Option<String>,
}

/// A token whose signature nobody has looked at yet. Its `Debug` shows the header only.
#[derive(Clone, PartialEq, Eq)]
pub struct Unverified<'a> {
    header: Header,
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes the compact form apart: three base64url parts with dots between (RFC 7515 §7.1).
    ///
    /// # Errors
    /// [`Refused`] for what cannot be verified whatever the keys are: form, header, algorithm.
    pub fn parse(compact: &'a str) -> Result<Self, Refused> {
        if compact.len() > SIZE {
            return Err(Refused::TooLong);
        }
        let (message, signature) = compact.rsplit_once('.').ok_or(Refused::NotCompact)?;
        let (header, payload) = message.split_once('.').ok_or(Refused::NotCompact)?;
        let header = base64url::decode(header).ok_or(Refused::NotCompact)?;
        let header = json::object(&header, SIZE).map_err(|why| Refused::NotStrict { part: "header", why })?;
        let header = read_header(&header)?;
        let signature = base64url::decode(signature).filter(|octets| !octets.is_empty()).ok_or(Refused::NotCompact)?;
        Ok(Self { header, message, payload, signature })
    }

    /// The header: not yet trustworthy, good for finding the key.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Checks the signature with the one key of the set that fits, and gives the payload.
    ///
    /// # Errors
    /// [`Refused`] if no key or more than one fits, the key is not for the token's algorithm, or
    /// the signature is wrong.
    pub fn verify(self, keys: &KeySet) -> Result<Verified, Refused> {
        let key = keys.choose(self.header.id.as_deref(), self.header.algorithm)?;
        if !key.verifies(self.message.as_bytes(), &self.signature) {
            return Err(Refused::Signature);
        }
        let payload = base64url::decode(self.payload).ok_or(Refused::NotCompact)?;
        Ok(Verified { header: self.header, payload })
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A token whose signature is right. That says nothing yet about its claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The header.
    pub header: Header,
    /// The octets that were signed for.
    pub payload: Vec<u8>,
}

/// Signs a payload: the compact form, with `alg`, the key's `kid` if it has one, and `typ` if given.
///
/// # Errors
/// [`AuthError::Setting`] if the key cannot sign, or the token would be longer than [`SIZE`].
pub fn sign(key: &SigningKey, kind: Option<&str>, payload: &[u8]) -> Result<String, AuthError> {
    let mut header = Map::new();
    header.insert("alg".into(), key.algorithm().name().into());
    if let Some(id) = key.id() {
        header.insert("kid".into(), id.into());
    }
    if let Some(kind) = kind {
        header.insert("typ".into(), kind.into());
    }
    let header = Value::Object(header).to_string();
    let message = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload));
    let signature = key.sign(message.as_bytes())?;
    let token = format!("{message}.{}", base64url::encode(&signature));
    if token.len() > SIZE {
        return Err(AuthError::Setting { what: "token".into(), detail: format!("longer than {SIZE} octets") });
    }
    Ok(token)
}

fn read_header(members: &Map<String, Value>) -> Result<Header, Refused> {
    if let Some(name) = REFUSED.into_iter().find(|name| members.contains_key(*name)) {
        return Err(Refused::Header(name));
    }
    let algorithm =
        members.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name).ok_or(Refused::Algorithm)?;
    let text = |name: &'static str| match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= ID_SIZE => Ok(Some(text.clone())),
        Some(_) => Err(Refused::Malformed(name)),
    };
    Ok(Header { algorithm, id: text("kid")?, kind: text("typ")? })
}
