//! `[auth.damping]`: how guessing at secrets is slowed down.

use std::time::Duration;

use gatepost::server::damping::DampingRules;

use crate::config::layers::Layers;
use crate::config::spec::DampingSpec;
use crate::config::value::Period;
use crate::error::GatewayError;

/// The longest wait and memory that can be asked for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Gives what was written its meaning.
pub(crate) fn damping(spec: DampingSpec, layers: &mut Layers<'_>) -> Result<DampingRules, GatewayError> {
    let usual = DampingRules::default();
    let per_user = layers.pick("auth.damping.per_user", spec.per_user, usual.per_user)?;
    let per_address = layers.pick("auth.damping.per_address", spec.per_address, usual.per_address)?;
    let mut period = |name, written, usual| {
        let Period(time) = layers.pick(name, written, Period(usual))?;
        if time.is_zero() || time > LONGEST {
            return Err(layers.wrong(format!("`{name}` is more than nothing and at most a day"), None));
        }
        Ok(time)
    };
    let first_wait = period("auth.damping.first_wait", spec.first_wait, usual.first_wait)?;
    let longest_wait = period("auth.damping.longest_wait", spec.longest_wait, usual.longest_wait)?;
    let forget_after = period("auth.damping.forget_after", spec.forget_after, usual.forget_after)?;
    if longest_wait > forget_after {
        let problem = "`auth.damping.forget_after` is at least `longest_wait`: else waiting would never end";
        return Err(layers.wrong(problem.to_owned(), None));
    }
    Ok(DampingRules { per_user, per_address, first_wait, longest_wait, forget_after })
}
