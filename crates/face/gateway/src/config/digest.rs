//! How Digest is set up: `[auth.digest]`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gatepost::auth::digest::algorithm::Algorithm;
use gatepost::auth::digest::qop::Qop;
use gatepost::auth::settings;
use serde::Deserialize;

use crate::config::layers::Layers;
use crate::config::spec::Written;
use crate::config::suggest;
use crate::config::value::{List, Period, from_toml_text};
use crate::error::GatewayError;

/// How long a nonce may be good: each of its uses is remembered for so long.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The most octets of a body that may be read ahead.
const MOST_BODY: usize = 64 * 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DigestSpec {
    algorithms: Written<List<AlgorithmName>>,
    qop: Written<List<QopName>>,
    nonce_lifetime: Written<Period>,
    body_bytes: Written<usize>,
    userhash: Written<bool>,
    domain: Written<List<Place>>,
}

/// The settings of `spec` and the layers above it.
pub(crate) fn digest(
    spec: DigestSpec,
    danger_rfc2069: bool,
    layers: &mut Layers<'_>,
) -> Result<settings::Digest, GatewayError> {
    let usual = settings::Digest::default();
    let algorithms = List(usual.algorithms.iter().copied().map(AlgorithmName).collect());
    let algorithms = layers.pick("auth.digest.algorithms", spec.algorithms, algorithms)?.0;
    if algorithms.is_empty() {
        return Err(layers.wrong("Digest without an algorithm".into(), Some("name one, as in `[\"SHA-256\"]`".into())));
    }
    let qop = List(usual.qop.iter().copied().map(QopName).collect());
    let qop = layers.pick("auth.digest.qop", spec.qop, qop)?.0;
    if qop.is_empty() {
        let hint = "`[\"auth\"]`; for clients that know none set `digest_rfc2069 = true` in `[danger]` beside it";
        return Err(layers.wrong("Digest that covers nothing".into(), Some(hint.into())));
    }
    let lifetimes = Period(Duration::from_secs(1))..=Period(LONGEST);
    let lifetime = Period(usual.nonce_lifetime);
    let domain = layers.pick("auth.digest.domain", spec.domain, List(Vec::new()))?.0;
    Ok(settings::Digest {
        algorithms: algorithms.into_iter().map(|name| name.0).collect(),
        qop: qop.into_iter().map(|name| name.0).collect(),
        nonce_lifetime: layers.pick_within("auth.digest.nonce_lifetime", spec.nonce_lifetime, lifetime, &lifetimes)?.0,
        body_limit: layers.pick_within(
            "auth.digest.body_bytes",
            spec.body_bytes,
            usual.body_limit,
            &(0..=MOST_BODY),
        )?,
        userhash: layers.pick("auth.digest.userhash", spec.userhash, usual.userhash)?,
        domain: domain.into_iter().map(|place| place.0).collect(),
        danger_rfc2069,
        ..usual
    })
}

from_toml_text!(AlgorithmName, QopName, Place);

/// An algorithm by its registered name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct AlgorithmName(Algorithm);

impl FromStr for AlgorithmName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            let hint = suggest::hint(text, Algorithm::ALL.map(Algorithm::name));
            format!("unknown algorithm `{text}`; hint: {hint}")
        };
        Algorithm::by_name(text).map(Self).ok_or_else(unknown)
    }
}

impl fmt::Display for AlgorithmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A quality of protection by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct QopName(Qop);

impl FromStr for QopName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Qop::by_name(text).map(Self).ok_or_else(|| format!("unknown qop `{text}`; hint: one of `auth`, `auth-int`"))
    }
}

impl fmt::Display for QopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One place of `domain`: in a challenge a space parts it from the next one, so it holds none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Place(String);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_one = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'"');
        if is_one { Ok(Self(text.into())) } else { Err(format!("`{text}` is neither a path nor a URL")) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
