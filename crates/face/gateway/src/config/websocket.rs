//! How WebSockets pass a route: not at all, as octets, or frame by frame.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gatepost::net::websocket::relay::terms;
use gatepost::ws::limits::Limits;
use serde::de::{Deserialize, Deserializer, Visitor};

use crate::config::suggest;
use crate::config::value::Period;

/// After how long a silence either side is asked whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How WebSockets pass a route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WebSocket {
    /// Not at all.
    Off,
    /// As octets, once both ends have agreed. The default.
    #[default]
    Tunnel,
    /// Frame by frame.
    Relay(Relay),
}

/// What a relay allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The bounds, of either side.
    pub limits: Limits,
    /// Towards the client.
    pub client: RelaySide,
    /// Towards the upstream.
    pub upstream: RelaySide,
    /// Who answers a Ping.
    pub pings: terms::Pings,
}

/// One side of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelaySide {
    /// Whether messages may be compressed (RFC 7692).
    pub deflate: bool,
    /// After how long a silence it is asked whether it lives; `None` for never.
    pub keepalive: Option<Duration>,
}

impl Default for Relay {
    fn default() -> Self {
        let side = |deflate| RelaySide { deflate, keepalive: Some(KEEPALIVE) };
        Self { limits: Limits::default(), client: side(true), upstream: side(false), pings: terms::Pings::Answer }
    }
}

impl Relay {
    /// Its settings as they are written.
    pub(crate) fn entries(&self) -> [(&'static str, String); 8] {
        let period = |side: &RelaySide| Period(side.keepalive.unwrap_or_default()).to_string();
        let pings = if self.pings == terms::Pings::Pass { "pass" } else { "answer" };
        [
            ("message_bytes", self.limits.message.to_string()),
            ("control_frames", self.limits.control_frames.to_string()),
            ("empty_frames", self.limits.empty_frames.to_string()),
            ("client_deflate", self.client.deflate.to_string()),
            ("upstream_deflate", self.upstream.deflate.to_string()),
            ("client_keepalive", period(&self.client)),
            ("upstream_keepalive", period(&self.upstream)),
            ("pings", pings.to_owned()),
        ]
    }
}

impl fmt::Display for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "false",
            Self::Tunnel => "tunnel",
            Self::Relay(_) => "relay",
        })
    }
}

/// What was written for `websocket`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Off,
    Tunnel,
    Relay,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tunnel" => Ok(Self::Tunnel),
            "relay" => Ok(Self::Relay),
            _ => Err(format!("unknown way `{text}`; hint: {}", suggest::hint(text, ["tunnel", "relay"]))),
        }
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Mode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`\"tunnel\"`, `\"relay\"` or `false`")
            }

            // What was written before there were two ways.
            fn visit_bool<E>(self, forwards: bool) -> Result<Mode, E> {
                Ok(if forwards { Mode::Tunnel } else { Mode::Off })
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Mode, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// Who answers a Ping, by its name in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pings {
    Answer,
    Pass,
}
