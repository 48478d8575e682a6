//! What a key is made of: read from a JSON Web Key's members (RFC 7518 §6), checked, never printed if secret.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self as aws, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters,
    RsaPublicKeyComponents,
};
use gatepost_model::secret::Secret;
use serde_json::{Map, Value};

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;

/// The least and the most bits of an RSA modulus (RFC 7518 §3.3; the upper bound caps the work).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The curves of ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Octets of a coordinate and of the private key (RFC 7518 §6.2.1.2, §6.2.2.1).
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(crate) fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &aws::ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &aws::ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &aws::ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &aws::ECDSA_P256_SHA256_FIXED,
            Self::P384 => &aws::ECDSA_P384_SHA384_FIXED,
            Self::P521 => &aws::ECDSA_P521_SHA512_FIXED,
        }
    }
}

/// The part of a key that verifies.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Material {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// The uncompressed point of SEC 1 §2.3.3: 4, x, y.
    Ec { curve: Curve, point: Vec<u8> },
    /// The public key of RFC 8032 §5.1.5.
    Ed25519 { x: Vec<u8> },
    /// A shared secret.
    Octets(Secret),
}

impl Material {
    /// Reads the members that `kty` asks for; says what is wrong without its content.
    pub(crate) fn read(members: &Map<String, Value>) -> Result<Self, String> {
        match text(members, "kty")? {
            "RSA" => Self::rsa(octets(members, "n")?, octets(members, "e")?),
            "EC" => ec(members),
            "OKP" => okp(members),
            "oct" => Ok(Self::Octets(Secret::new(octets(members, "k")?))),
            _ => Err("a `kty` that is not known here".into()),
        }
    }

    /// Checks an RSA public key: RFC 7518 §3.3, §6.3.1.
    pub(crate) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, String> {
        let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        if n.first() == Some(&0) || e.first() == Some(&0) {
            // Base64urlUInt is the shortest form (RFC 7518 §2).
            return Err("`n` or `e` starts with a zero octet".into());
        }
        if !RSA_BITS.contains(&bits(&n)) || !odd(&n) {
            return Err("an RSA modulus has 2048 to 8192 bits".into());
        }
        // An exponent of 1 makes every message its own signature; more than 33 bits is costly.
        if !odd(&e) || e == [1] || bits(&e) > 33 {
            return Err("an RSA exponent is odd, at least 3 and has at most 33 bits".into());
        }
        if has_roca_mark(&n) {
            return Err("the RSA key comes from a generator whose keys can be factored (CVE-2017-15361)".into());
        }
        Ok(Self::Rsa { n, e })
    }

    /// The algorithms that a key of this kind can be used with.
    pub(crate) fn algorithms(&self) -> &'static [Algorithm] {
        use Algorithm::{Ed25519, Es256, Es384, Es512, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Rsa { .. } => &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
            Self::Ec { curve: Curve::P256, .. } => &[Es256],
            Self::Ec { curve: Curve::P384, .. } => &[Es384],
            Self::Ec { curve: Curve::P521, .. } => &[Es512],
            Self::Ed25519 { .. } => &[Ed25519],
            Self::Octets(_) => &[Hs256, Hs384, Hs512],
        }
    }

    /// The public members of the key in the order of RFC 7638 §3.3; `None` for a shared secret.
    pub(crate) fn public_members(&self) -> Option<Vec<(&'static str, String)>> {
        let members = match self {
            Self::Rsa { n, e } => {
                vec![("e", base64url::encode(e)), ("kty", "RSA".into()), ("n", base64url::encode(n))]
            }
            Self::Ec { curve, point } => {
                let (x, y) = point.get(1..)?.split_at_checked(curve.size())?;
                vec![
                    ("crv", curve.name().into()),
                    ("kty", "EC".into()),
                    ("x", base64url::encode(x)),
                    ("y", base64url::encode(y)),
                ]
            }
            Self::Ed25519 { x } => {
                vec![("crv", "Ed25519".into()), ("kty", "OKP".into()), ("x", base64url::encode(x))]
            }
            Self::Octets(_) => return None,
        };
        Some(members)
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { n, .. } => write!(f, "RSA {} bits", bits(n)),
            Self::Ec { curve, .. } => f.write_str(curve.name()),
            Self::Ed25519 { .. } => f.write_str("Ed25519"),
            Self::Octets(_) => f.write_str("****"),
        }
    }
}

/// A key made ready for one algorithm, so that a signature costs no parsing.
#[derive(Debug, Clone)]
pub(crate) enum Verifier {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl Verifier {
    /// Makes a key ready. Refuses a point that is not on its curve, and a shared secret shorter than
    /// the hash (RFC 7518 §3.2).
    pub(crate) fn new(material: &Material, algorithm: Algorithm) -> Result<Self, String> {
        let unusable = |_| "the key's numbers are not a key".to_owned();
        match material {
            Material::Rsa { n, e } => {
                let parameters = rsa_parameters(algorithm).ok_or("not an RSA algorithm")?;
                let components = RsaPublicKeyComponents { n, e };
                components.to_parsed_public_key(parameters).map(Self::Public).map_err(unusable)
            }
            Material::Ec { curve, point } => {
                ParsedPublicKey::new(curve.verification(), point).map(Self::Public).map_err(unusable)
            }
            Material::Ed25519 { x } => ParsedPublicKey::new(&aws::ED25519, x).map(Self::Public).map_err(unusable),
            Material::Octets(secret) => shared_key(secret, algorithm).map(Self::Shared),
        }
    }

    /// Whether the signature is this key's on the message. HMACs compare in constant time.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
            Self::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// The HMAC key of a shared secret.
pub(crate) fn shared_key(secret: &Secret, algorithm: Algorithm) -> Result<Box<hmac::Key>, String> {
    let (hash, least) = match algorithm {
        Algorithm::Hs256 => (hmac::HMAC_SHA256, 32),
        Algorithm::Hs384 => (hmac::HMAC_SHA384, 48),
        Algorithm::Hs512 => (hmac::HMAC_SHA512, 64),
        _ => return Err("a shared secret is for HS256, HS384 and HS512 only".into()),
    };
    if secret.reveal().len() < least {
        return Err(format!("a secret for {algorithm} has at least {least} octets"));
    }
    Ok(Box::new(hmac::Key::new(hash, secret.reveal())))
}

/// A member that is a string.
pub(crate) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    members.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` is missing or no string"))
}

/// A member that is base64url.
pub(crate) fn octets(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    base64url::decode(text(members, name)?).ok_or_else(|| format!("`{name}` is not base64url"))
}

fn ec(members: &Map<String, Value>) -> Result<Material, String> {
    let name = text(members, "crv")?;
    let curve = Curve::ALL.into_iter().find(|curve| curve.name() == name).ok_or("a `crv` that is not known here")?;
    let (x, y) = (octets(members, "x")?, octets(members, "y")?);
    if x.len() != curve.size() || y.len() != curve.size() {
        return Err("a coordinate does not have the curve's length".into());
    }
    let mut point = vec![4];
    point.extend(x);
    point.extend(y);
    Ok(Material::Ec { curve, point })
}

fn okp(members: &Map<String, Value>) -> Result<Material, String> {
    if text(members, "crv")? != "Ed25519" {
        return Err("a `crv` that is not known here".into());
    }
    let x = octets(members, "x")?;
    if x.len() != 32 {
        return Err("an Ed25519 key has 32 octets".into());
    }
    Ok(Material::Ed25519 { x })
}

/// Bits of a big-endian number without leading zero octets.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0))
}

/// Whether the modulus lies in the subgroup that 65537 generates modulo each small prime: the mark
/// of the generator of CVE-2017-15361. A random modulus does by a chance under 2^-27.
fn has_roca_mark(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
        109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.into_iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, octet| (rest * 256 + u32::from(*octet)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * 65537 % prime;
            power == rest
        })
    })
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&aws::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&aws::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&aws::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&aws::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&aws::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&aws::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}
