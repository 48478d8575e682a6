//! The bounds: what was written becomes what holds.

use std::time::Duration;

use gatepost::model::limits::Limits;

use crate::config::layers::Layers;
use crate::config::spec::{LimitsSpec, Written};
use crate::config::value::Period;
use crate::error::GatewayError;

/// The least that the memory of the process can be bound to: less is used before anybody came.
const LEAST_MEMORY: u64 = 64 << 20;

/// The most connections that can be asked for.
const MOST_CONNECTIONS: usize = 1_000_000;

/// The bounds of `spec` and the layers above it.
pub(crate) fn limits(spec: LimitsSpec, layers: &mut Layers<'_>) -> Result<Limits, GatewayError> {
    let usual = Limits::default();
    let some_time = some_time();
    let mut time = |name, written: Written<Period>, default| {
        layers.pick_within(name, written, Period(default), &some_time).map(|period| period.0)
    };
    let handshake_time = time("limits.handshake_time", spec.handshake_time, usual.handshake_time)?;
    let head_time = time("limits.head_time", spec.head_time, usual.head_time)?;
    let idle_time = time("limits.idle_time", spec.idle_time, usual.idle_time)?;
    let body_time = time("limits.body_time", spec.body_time, usual.body_time)?;
    let send_time = time("limits.send_time", spec.send_time, usual.send_time)?;
    let rate_grace = time("limits.rate_grace", spec.rate_grace, usual.rate_grace)?;
    let connect_time = time("limits.connect_time", spec.connect_time, usual.connect_time)?;
    let answer_time = time("limits.answer_time", spec.answer_time, usual.answer_time)?;
    let some_rate = 0..=1_000_000;
    let connections =
        layers.pick_within("limits.connections", spec.connections, usual.connections, &(1..=MOST_CONNECTIONS))?;
    let per_address = share(connections, usual.connections_per_address, usual.connections);
    let handshakes = share(connections, usual.handshakes, usual.connections);
    Ok(Limits {
        head_bytes: layers.pick_within("limits.head_bytes", spec.head_bytes, usual.head_bytes, &(1024..=16 << 20))?,
        head_fields: layers.pick_within("limits.head_fields", spec.head_fields, usual.head_fields, &(1..=10_000))?,
        body_bytes: layers.pick_any("limits.body_bytes", spec.body_bytes)?,
        handshake_time,
        head_time,
        idle_time,
        body_time,
        send_time,
        body_rate: layers.pick_within("limits.body_rate", spec.body_rate, usual.body_rate, &some_rate)?,
        read_rate: layers.pick_within("limits.read_rate", spec.read_rate, usual.read_rate, &some_rate)?,
        rate_grace,
        connect_time,
        answer_time,
        connections,
        connections_per_address: layers.pick_within(
            "limits.connections_per_address",
            spec.connections_per_address,
            per_address,
            &(1..=connections),
        )?,
        handshakes: layers.pick_within("limits.handshakes", spec.handshakes, handshakes, &(1..=connections))?,
        handshakes_per_second: layers.pick_within(
            "limits.handshakes_per_second",
            spec.handshakes_per_second,
            usual.handshakes_per_second,
            &some_rate,
        )?,
        memory_bytes: memory(spec.memory_bytes, layers)?,
        reserved_descriptors: layers.pick_any("limits.reserved_descriptors", spec.reserved_descriptors)?,
        streams: layers.pick_within("limits.streams", spec.streams, usual.streams, &(1..=10_000))?,
    })
}

/// Zero would let nobody in; without an end, one setting could ask for all of the memory.
fn some_time() -> std::ops::RangeInclusive<Period> {
    Period(Duration::from_millis(1))..=Period(Duration::from_secs(365 * 24 * 3600))
}

/// What is to `all` as `part` is to `of`; at least one.
fn share(all: usize, part: usize, of: usize) -> usize {
    (all * part / of).max(1)
}

/// 0 is no bound.
fn memory(written: Written<u64>, layers: &mut Layers<'_>) -> Result<Option<u64>, GatewayError> {
    match layers.pick_any("limits.memory_bytes", written)? {
        Some(0) => Ok(Some(u64::MAX)),
        Some(bound) if bound < LEAST_MEMORY => {
            let problem = format!("`limits.memory_bytes` is 0 or at least {LEAST_MEMORY}, found {bound}");
            let hint = "left out, it is three quarters of what the system allows".to_owned();
            Err(layers.wrong(problem, Some(hint)))
        }
        bound => Ok(bound),
    }
}
