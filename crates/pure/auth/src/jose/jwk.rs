//! JSON Web Keys (RFC 7517): what verifies, and for which algorithms.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use crate::error::AuthError;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::json;
use crate::jose::material::{Material, Verifier, text};
use crate::jose::refused::Refused;

/// The most octets of a key set.
pub const SIZE: usize = 256 * 1024;

/// The most keys of a key set.
pub const KEYS: usize = 100;

/// A verification key, bound to its algorithms.
///
/// Private members of the JSON form are not kept: whoever signs reads them into a
/// [`SigningKey`](crate::jose::signing::SigningKey). Equality and `Debug` look at the public parts; a
/// shared secret compares in constant time and prints as `****`. Cloning is cheap.
///
/// ```
/// use gatepost_auth::jose::jwk::Jwk;
///
/// let key = Jwk::parse(br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)?;
/// assert_eq!(key.thumbprint().as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
/// # Ok::<(), gatepost_auth::error::AuthError>(())
/// ```
#[derive(Clone)]
pub struct Jwk(Arc<Parts>);

struct Parts {
    id: Option<String>,
    material: Material,
    verifiers: Vec<(Algorithm, Verifier)>,
}

impl Jwk {
    /// Reads one key from its JSON form.
    ///
    /// A key without `alg` is for every algorithm of its kind: RSA for RS* and PS*, an EC or OKP key
    /// for its curve's one. A shared secret (`oct`) must declare its `alg`. A `use` other than `sig`
    /// and `key_ops` without `verify` are refused (RFC 7517 §4.2, §4.3).
    ///
    /// # Errors
    /// [`AuthError::Setting`] if it is no strict JSON object, not for signatures, of a kind that we
    /// do not know, or too weak.
    pub fn parse(octets: &[u8]) -> Result<Self, AuthError> {
        let members = json::object(octets, SIZE).map_err(|why| unusable("JSON Web Key", why.to_string()))?;
        Self::read(&members).map_err(|why| unusable("JSON Web Key", why))
    }

    fn read(members: &Map<String, Value>) -> Result<Self, String> {
        let material = Material::read(members)?;
        allows(members, "verify")?;
        let id = match members.get("kid") {
            None => None,
            Some(_) => Some(text(members, "kid")?.to_owned()),
        };
        Self::ready(id, declared(members, &material)?, material)
    }

    /// Makes a key of checked parts.
    pub(crate) fn ready(id: Option<String>, algorithms: Vec<Algorithm>, material: Material) -> Result<Self, String> {
        let verifiers = algorithms
            .into_iter()
            .map(|algorithm| Ok((algorithm, Verifier::new(&material, algorithm)?)))
            .collect::<Result<_, String>>()?;
        Ok(Self(Arc::new(Parts { id, material, verifiers })))
    }

    /// Its identifier (`kid`).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The algorithms that it may be used with; never empty.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.0.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether it is a shared secret: who can verify with it can also sign.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        matches!(self.0.material, Material::Octets(_))
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638); `None` for a shared secret, whose thumbprint
    /// would be something to guess against (RFC 7638 §7).
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        // Names and values hold nothing that JSON escapes, so this is the form of RFC 7638 §3.
        let members: Vec<String> =
            self.0.material.public_members()?.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let whole = format!("{{{}}}", members.join(","));
        Some(base64url::encode(digest::digest(&digest::SHA256, whole.as_bytes()).as_ref()))
    }

    /// The public JSON form; `None` for a shared secret.
    #[must_use]
    pub fn to_json(&self) -> Option<Value> {
        let mut members: Map<String, Value> = self
            .0
            .material
            .public_members()?
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        members.insert("use".into(), "sig".into());
        if let [(algorithm, _)] = self.0.verifiers.as_slice() {
            members.insert("alg".into(), algorithm.name().into());
        }
        if let Some(id) = &self.0.id {
            members.insert("kid".into(), id.as_str().into());
        }
        Some(Value::Object(members))
    }

    /// What verifies with this algorithm, if the key is for it.
    pub(crate) fn verifier(&self, algorithm: Algorithm) -> Option<&Verifier> {
        self.0.verifiers.iter().find_map(|(own, verifier)| (*own == algorithm).then_some(verifier))
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.algorithms().collect();
        f.debug_struct("Jwk")
            .field("id", &self.0.id)
            .field("algorithms", &algorithms)
            .field("material", &self.0.material)
            .finish()
    }
}

impl PartialEq for Jwk {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && self.0.material == other.0.material && self.algorithms().eq(other.algorithms())
    }
}

impl Eq for Jwk {}

/// A set of verification keys (RFC 7517 §5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<Jwk>,
    notes: Vec<String>,
}

impl KeySet {
    /// A set of these keys.
    ///
    /// A shared secret beside public keys is left out: a set that mixes them is how a public key gets
    /// used as a secret.
    #[must_use]
    pub fn new(keys: Vec<Jwk>) -> Self {
        let mut set = Self { keys, notes: Vec::new() };
        set.separate();
        set
    }

    /// Reads a set of at most [`SIZE`] octets and [`KEYS`] keys.
    ///
    /// A key that cannot be used (of an unknown kind, for encryption, too weak, malformed) is left
    /// out with a [note](Self::notes), as RFC 7517 §5 asks, and so are different keys that
    /// share `kid`, `kty` and `alg`; an empty set verifies nothing.
    ///
    /// # Errors
    /// [`AuthError::Setting`] if it is no strict JSON object with an array of objects in `keys`.
    pub fn parse(octets: &[u8]) -> Result<Self, AuthError> {
        let wrong = |why: String| unusable("JSON Web Key Set", why);
        let members = json::object(octets, SIZE).map_err(|why| wrong(why.to_string()))?;
        let list = members.get("keys").and_then(Value::as_array).ok_or_else(|| wrong("`keys` is no array".into()))?;
        if list.len() > KEYS {
            return Err(wrong(format!("more than {KEYS} keys")));
        }
        let mut read = Vec::with_capacity(list.len());
        for (position, key) in list.iter().enumerate() {
            let members = key.as_object().ok_or_else(|| wrong(format!("key {position} is no object")))?;
            read.push((members, Jwk::read(members)));
        }
        let mut set = Self::default();
        for (position, (members, key)) in read.iter().enumerate() {
            let twin = read.iter().any(|(other, twin)| are_twins(members, other) && twin != key);
            match key {
                Err(why) => set.notes.push(format!("key {position} left out: {why}")),
                Ok(_) if twin => set.notes.push(format!("key {position} left out: another has its `kid`")),
                Ok(key) if set.keys.contains(key) => set.notes.push(format!("key {position} stands there before")),
                Ok(key) => set.keys.push(key.clone()),
            }
            if members.contains_key("d") {
                set.notes.push(format!("key {position} holds a private key, which was not kept"));
            }
        }
        set.separate();
        Ok(set)
    }

    fn separate(&mut self) {
        if self.keys.iter().all(Jwk::is_symmetric) {
            return;
        }
        let before = self.keys.len();
        self.keys.retain(|key| !key.is_symmetric());
        if self.keys.len() < before {
            self.notes.push("shared secrets left out: they stand beside public keys".into());
        }
    }

    /// The usable keys, in order.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// What was left out, and why: for the log.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether a key has this identifier. If not, one bounded refetch may help.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
    }

    /// Whether its keys are shared secrets, which nobody may publish: refuse such a set from a URL.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        self.keys.iter().any(Jwk::is_symmetric)
    }

    /// The public JSON form of the set (RFC 7517 §5), without shared secrets.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let keys: Vec<Value> = self.keys.iter().filter_map(Jwk::to_json).collect();
        Value::Object(Map::from_iter([("keys".to_owned(), Value::Array(keys))]))
    }

    /// The one key for a token: it has the identifier that the token names, and is for its algorithm.
    pub(crate) fn choose(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Verifier, Refused> {
        let named = || self.keys.iter().filter(|key| id.is_none() || key.id() == id);
        let mut fitting = named().filter_map(|key| key.verifier(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(Refused::AmbiguousKey),
            (None, _) if named().next().is_some() => Err(Refused::KeyMismatch),
            (None, _) => Err(Refused::NoKey),
        }
    }
}

/// Whether `use` and `key_ops` allow this operation (RFC 7517 §4.2, §4.3).
pub(crate) fn allows(members: &Map<String, Value>, operation: &str) -> Result<(), String> {
    if members.contains_key("use") && text(members, "use")? != "sig" {
        return Err("`use` is not `sig`".into());
    }
    let Some(operations) = members.get("key_ops") else {
        return Ok(());
    };
    let malformed = || "`key_ops` is no array of different strings".to_owned();
    let operations = operations.as_array().ok_or_else(malformed)?;
    let mut seen: Vec<&str> = Vec::new();
    for value in operations {
        let name = value.as_str().filter(|name| !seen.contains(name)).ok_or_else(malformed)?;
        seen.push(name);
    }
    if seen.contains(&operation) { Ok(()) } else { Err(format!("`key_ops` does not hold `{operation}`")) }
}

/// Whether a token cannot tell these keys for signatures apart. Only keys of different kind may share
/// a `kid` (RFC 7517 §4.5).
fn are_twins(members: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let same = |name: &str| members.get(name) == other.get(name);
    members.contains_key("kid") && ["kid", "kty", "alg"].into_iter().all(same) && allows(other, "verify").is_ok()
}

/// The algorithms that the key declares, or those of its kind.
pub(crate) fn declared(members: &Map<String, Value>, material: &Material) -> Result<Vec<Algorithm>, String> {
    if members.contains_key("alg") {
        let algorithm =
            Algorithm::from_name(text(members, "alg")?).ok_or("`alg` is no signature algorithm known here")?;
        return match material.algorithms().contains(&algorithm) {
            true => Ok(vec![algorithm]),
            false => Err("`alg` does not suit the key".into()),
        };
    }
    match material {
        Material::Octets(_) => Err("a shared secret declares its `alg`".into()),
        _ => Ok(material.algorithms().to_vec()),
    }
}

fn unusable(what: &str, detail: String) -> AuthError {
    AuthError::Setting { what: what.into(), detail }
}
