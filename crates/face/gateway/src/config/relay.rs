//! What was written about the WebSockets of a route becomes what holds.

use std::fmt;
use std::time::Duration;

use gatepost::net::websocket::relay::terms;
use gatepost::ws::limits::Limits;
use toml::Spanned;

use crate::config::document::Document;
use crate::config::spec::{RelaySpec, Written};
use crate::config::value::Period;
use crate::config::websocket::{Mode, Pings, Relay, RelaySide, WebSocket};
use crate::error::GatewayError;

/// The longest message that can be allowed.
const MOST_OCTETS: usize = 1 << 30;
/// The most frames a second that can be allowed.
const MOST_FRAMES: u32 = 1_000_000;

/// Gives what was written its meaning.
pub(crate) fn websocket(
    mode: Written<Mode>,
    relay: Option<Spanned<RelaySpec>>,
    document: &Document,
) -> Result<WebSocket, GatewayError> {
    match (mode.map_or(Mode::Tunnel, Spanned::into_inner), relay) {
        (Mode::Relay, None) => Ok(WebSocket::Relay(Relay::default())),
        (Mode::Relay, Some(spec)) => Ok(WebSocket::Relay(self::relay(spec.into_inner(), document)?)),
        (_, Some(spec)) => {
            Err(document.wrong(&spec.span(), "`relay` is for routes with `websocket = \"relay\"`, and this is none"))
        }
        (Mode::Tunnel, None) => Ok(WebSocket::Tunnel),
        (Mode::Off, None) => Ok(WebSocket::Off),
    }
}

fn relay(spec: RelaySpec, document: &Document) -> Result<Relay, GatewayError> {
    let usual = Relay::default();
    let side = |deflate: Written<bool>, keepalive: Written<Period>, usual: RelaySide| RelaySide {
        deflate: deflate.map_or(usual.deflate, Spanned::into_inner),
        keepalive: match keepalive.map(|period| period.into_inner().0) {
            None => usual.keepalive,
            Some(Duration::ZERO) => None,
            period => period,
        },
    };
    Ok(Relay {
        limits: Limits {
            message: within("message_bytes", spec.message_bytes, usual.limits.message, 1..=MOST_OCTETS, document)?,
            control_frames: within(
                "control_frames",
                spec.control_frames,
                usual.limits.control_frames,
                1..=MOST_FRAMES,
                document,
            )?,
            empty_frames: within(
                "empty_frames",
                spec.empty_frames,
                usual.limits.empty_frames,
                0..=MOST_FRAMES,
                document,
            )?,
        },
        client: side(spec.client_deflate, spec.client_keepalive, usual.client),
        upstream: side(spec.upstream_deflate, spec.upstream_keepalive, usual.upstream),
        pings: match spec.pings.map(Spanned::into_inner) {
            Some(Pings::Pass) => terms::Pings::Pass,
            _ => terms::Pings::Answer,
        },
    })
}

fn within<T: Copy + PartialOrd + fmt::Display>(
    name: &str,
    written: Written<T>,
    usual: T,
    range: std::ops::RangeInclusive<T>,
    document: &Document,
) -> Result<T, GatewayError> {
    let Some(written) = written else { return Ok(usual) };
    let value = *written.get_ref();
    if range.contains(&value) {
        return Ok(value);
    }
    let problem = format!("`{name}` is from {} to {}, found {value}", range.start(), range.end());
    Err(document.wrong(&written.span(), problem))
}
