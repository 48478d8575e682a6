//! JSON Object Signing and Encryption: keys, signatures and tokens, strict.

pub mod jwk;
