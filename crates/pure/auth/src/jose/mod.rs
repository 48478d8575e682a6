//! JSON Object Signing and Encryption: keys, signatures and tokens, strict.
//!
//! The way of a token, a file a step: [`jws`] takes the compact form apart and checks its signature
//! with a key of a [`jwk::KeySet`]; [`jwt`] judges the claims. Nothing that stands in a token makes
//! anybody connect anywhere or brings its own key, and the key, not the token, decides which
//! algorithm is used (RFC 8725 §3.1).
//!
//! What is absent on purpose: `none`, RSA keys under 2048 bits, extensions named by `crit`, the JSON
//! serialisation, encryption (JWE).

pub mod algorithm;
pub mod base64url;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
mod material;
pub mod refused;
pub mod signing;
