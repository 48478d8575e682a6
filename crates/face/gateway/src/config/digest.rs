//! How Digest is set up: `[auth.digest]`.

use std::time::Duration;

use gatepost::auth::settings;

use crate::config::digest_names::{AlgorithmName, QopName};
use crate::config::layers::Layers;
use crate::config::spec::DigestSpec;
use crate::config::value::{List, Period};
use crate::error::GatewayError;

/// How long a nonce may be good: each of its uses is remembered for so long.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The most octets of a body that may be read ahead.
const MOST_BODY: usize = 64 * 1024 * 1024;

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
