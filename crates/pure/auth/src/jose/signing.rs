//! Keys that sign.
//!
//! Signing with ECDSA and RSASSA-PSS needs fresh randomness, which aws-lc-rs draws itself: the one
//! impurity of this crate. It is accepted because handing in the randomness of a signature is how
//! ECDSA keys leak. HS*, RS* and EdDSA signatures are functions of key and message.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use gatepost_model::secret::Secret;
use serde_json::{Map, Value};

use crate::error::AuthError;
use crate::jose::algorithm::Algorithm;
use crate::jose::json;
use crate::jose::jwk::{self, Jwk};
use crate::jose::material::{Curve, Material, octets, shared_key, text};

/// A key that signs with one algorithm. Prints its algorithm and identifier only.
pub struct SigningKey {
    algorithm: Algorithm,
    id: Option<String>,
    signer: Signer,
    public: Jwk,
}

enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Shared(Box<hmac::Key>),
}

impl SigningKey {
    /// Reads a private key in PKCS#8 (RFC 5958, DER), for a public-key algorithm. `id` becomes the
    /// `kid` of what it signs.
    ///
    /// # Errors
    /// [`AuthError::Setting`] if the key is malformed, too weak, or not for the algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, id: Option<String>, der: &Secret) -> Result<Self, AuthError> {
        read_pkcs8(algorithm, id, der.reveal()).map_err(unusable)
    }

    /// Takes a shared secret for HS256, HS384 or HS512, at least as long as the hash (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`AuthError::Setting`] if it is too short or the algorithm is another.
    pub fn from_secret(algorithm: Algorithm, id: Option<String>, secret: &Secret) -> Result<Self, AuthError> {
        let build = || {
            let signer = Signer::Shared(shared_key(secret, algorithm)?);
            Self::build(algorithm, id, signer, Material::Octets(secret.clone()))
        };
        build().map_err(unusable)
    }

    /// Reads a private JSON Web Key (RFC 7517). An RSA key must declare its `alg`, as it is for six.
    ///
    /// # Errors
    /// [`AuthError::Setting`] if it is malformed, too weak, not for signing, or does not say for
    /// which algorithm, or if private and public part are not of one key.
    pub fn from_jwk(json: &Secret) -> Result<Self, AuthError> {
        let members = json::object(json.reveal(), jwk::SIZE).map_err(|why| unusable(why.to_string()))?;
        read_jwk(&members).map_err(unusable)
    }

    fn build(algorithm: Algorithm, id: Option<String>, signer: Signer, material: Material) -> Result<Self, String> {
        let public = Jwk::ready(id.clone(), vec![algorithm], material)?;
        Ok(Self { algorithm, id, signer, public })
    }

    /// The algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its identifier: the `kid` of what it signs.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verification_key(&self) -> &Jwk {
        &self.public
    }

    /// The signature on a message, in the form of RFC 7518 §3 and RFC 8037 §3.1.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AuthError> {
        let failed = |_| unusable("signing failed".into());
        match &self.signer {
            Signer::Shared(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Signer::Ed25519(pair) => pair.try_sign(message).map(|made| made.as_ref().to_vec()).map_err(failed),
            Signer::Ec(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|made| made.as_ref().to_vec()).map_err(failed)
            }
            Signer::Rsa(pair) => {
                let encoding = rsa_encoding(self.algorithm).ok_or_else(|| unusable("not an RSA algorithm".into()))?;
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut made).map_err(failed)?;
                Ok(made)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("id", &self.id).finish_non_exhaustive()
    }
}

fn read_pkcs8(algorithm: Algorithm, id: Option<String>, der: &[u8]) -> Result<SigningKey, String> {
    let wrong = |_| "not a PKCS#8 key for this algorithm".to_owned();
    let ec = |curve: Curve| -> Result<(Signer, Material), String> {
        let pair = EcdsaKeyPair::from_pkcs8(curve.signing(), der).map_err(wrong)?;
        let point = pair.public_key().as_ref().to_vec();
        Ok((Signer::Ec(pair), Material::Ec { curve, point }))
    };
    let (signer, material) = match algorithm {
        Algorithm::Es256 => ec(Curve::P256)?,
        Algorithm::Es384 => ec(Curve::P384)?,
        Algorithm::Es512 => ec(Curve::P521)?,
        Algorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8(der).map_err(wrong)?;
            let x = pair.public_key().as_ref().to_vec();
            (Signer::Ed25519(pair), Material::Ed25519 { x })
        }
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            return Err("a shared secret has no PKCS#8 form".into());
        }
        _ => {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(wrong)?;
            let (n, e) = rsa_numbers(pair.public_key().as_ref()).ok_or("not an RSA public key")?;
            (Signer::Rsa(pair), Material::rsa(n, e)?)
        }
    };
    SigningKey::build(algorithm, id, signer, material)
}

/// Modulus and exponent out of an RSAPublicKey in DER (RFC 8017 §A.1.1).
fn rsa_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (body, _) = der_value(der, 0x30)?;
    let (n, rest) = der_value(body, 0x02)?;
    let (e, _) = der_value(rest, 0x02)?;
    let bare = |number: &[u8]| number.strip_prefix(&[0]).unwrap_or(number).to_vec();
    Some((bare(n), bare(e)))
}

/// The value that follows this tag, and what follows the value.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first.checked_sub(0x80) {
        None => (usize::from(*first), rest),
        Some(octets) => {
            let (long, rest) = rest.split_at_checked(usize::from(octets))?;
            (long.iter().try_fold(0_usize, |sum, octet| sum.checked_mul(256)?.checked_add(usize::from(*octet)))?, rest)
        }
    };
    if *found == tag { rest.split_at_checked(length) } else { None }
}

fn read_jwk(members: &Map<String, Value>) -> Result<SigningKey, String> {
    let material = Material::read(members)?;
    jwk::allows(members, "sign")?;
    let algorithms = jwk::declared(members, &material)?;
    let [algorithm] = algorithms.as_slice() else {
        return Err("the key does not say for which `alg` it is".into());
    };
    let id = match members.get("kid") {
        None => None,
        Some(_) => Some(text(members, "kid")?.to_owned()),
    };
    let signer = match &material {
        Material::Octets(secret) => Signer::Shared(shared_key(secret, *algorithm)?),
        Material::Ec { curve, point } => ec_pair(members, *curve, point)?,
        Material::Ed25519 { x } => ed25519_pair(members, x)?,
        Material::Rsa { n, e } => rsa_pair(members, n, e)?,
    };
    SigningKey::build(*algorithm, id, signer, material)
}

/// RFC 7518 §6.2.2.
fn ec_pair(members: &Map<String, Value>, curve: Curve, point: &[u8]) -> Result<Signer, String> {
    let d = private(members, "d")?;
    if d.reveal().len() != curve.size() {
        return Err("`d` does not have the curve's length".into());
    }
    EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), d.reveal(), point).map(Signer::Ec).map_err(not_one)
}

/// RFC 8037 §2.
fn ed25519_pair(members: &Map<String, Value>, x: &[u8]) -> Result<Signer, String> {
    let d = private(members, "d")?;
    if d.reveal().len() != 32 {
        return Err("`d` of an Ed25519 key has 32 octets".into());
    }
    Ed25519KeyPair::from_seed_and_public_key(d.reveal(), x).map(Signer::Ed25519).map_err(not_one)
}

/// RFC 7518 §6.3.2; keys of more than two primes (`oth`) are refused.
fn rsa_pair(members: &Map<String, Value>, n: &[u8], e: &[u8]) -> Result<Signer, String> {
    if members.contains_key("oth") {
        return Err("an RSA key of more than two primes".into());
    }
    let (d, p, q) = (private(members, "d")?, private(members, "p")?, private(members, "q")?);
    let (dp, dq, qi) = (private(members, "dp")?, private(members, "dq")?, private(members, "qi")?);
    let components = KeyPairComponents {
        public_key: RsaPublicKeyComponents { n, e },
        d: d.reveal(),
        p: p.reveal(),
        q: q.reveal(),
        dP: dp.reveal(),
        dQ: dq.reveal(),
        qInv: qi.reveal(),
    };
    RsaKeyPair::from_components(&components).map(Signer::Rsa).map_err(not_one)
}

fn private(members: &Map<String, Value>, name: &str) -> Result<Secret, String> {
    octets(members, name).map(Secret::new)
}

fn not_one(_: aws_lc_rs::error::KeyRejected) -> String {
    "private and public part are not one key".into()
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&aws::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&aws::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&aws::RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Some(&aws::RSA_PSS_SHA256),
        Algorithm::Ps384 => Some(&aws::RSA_PSS_SHA384),
        Algorithm::Ps512 => Some(&aws::RSA_PSS_SHA512),
        _ => None,
    }
}

fn unusable(detail: String) -> AuthError {
    AuthError::Setting { what: "signing key".into(), detail }
}
