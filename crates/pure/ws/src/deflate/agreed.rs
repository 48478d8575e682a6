//! What was agreed to, by the server's choice among the offers and the client's check of the answer (RFC 7692 §5, §7.1).

use crate::deflate::config::Config;
use crate::deflate::offer::{LARGEST, NAME, Parameters};
use crate::error::WsError;
use crate::handshake::extension::Extension;
use crate::role::Role;

/// What both ends agreed to, and how we make use of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Whether the server compresses each message by itself (RFC 7692 §7.1.1.1).
    pub server_no_context_takeover: bool,
    /// Whether the client compresses each message by itself (RFC 7692 §7.1.1.2).
    pub client_no_context_takeover: bool,
    /// How far back the server refers at most: 2 to this power, 8 to 15 (RFC 7692 §7.1.2.1).
    pub server_max_window_bits: u8,
    /// How far back the client refers at most, 8 to 15 (RFC 7692 §7.1.2.2).
    pub client_max_window_bits: u8,
    /// How hard we try, 0 to 9. The peer does not know it.
    pub level: u8,
    /// We compress no message of fewer octets than this. The peer does not know it.
    pub threshold: usize,
}

impl Agreed {
    /// Whether the end in this role compresses each message by itself.
    #[must_use]
    pub fn no_context_takeover(&self, role: Role) -> bool {
        match role {
            Role::Client => self.client_no_context_takeover,
            Role::Server => self.server_no_context_takeover,
        }
    }

    /// The window of the end in this role, as a power of two, 8 to 15.
    #[must_use]
    pub fn window_bits(&self, role: Role) -> u8 {
        match role {
            Role::Client => self.client_max_window_bits,
            Role::Server => self.server_max_window_bits,
        }
    }
}

/// Server: takes the first offer of the request's extensions that it can honour, and gives the member of the answer's
/// `Sec-WebSocket-Extensions` that says so. `None`: the connection goes on without compression.
///
/// An offer is passed over if a parameter is unknown, given twice or has a value that it must not have (RFC 7692 §7.1),
/// and if we want the client's window smaller but the offer does not say that the client can do that.
#[must_use]
pub fn agree(config: &Config, offered: &[Extension]) -> Option<(Agreed, Extension)> {
    let config = config.bounded();
    offered.iter().filter(|extension| extension.name == NAME).find_map(|extension| accept(&config, extension))
}

fn accept(config: &Config, offer: &Extension) -> Option<(Agreed, Extension)> {
    let offer = Parameters::read(offer).ok()?;
    if offer.client_max_window_bits.is_none() && config.client_max_window_bits < LARGEST {
        return None;
    }
    let hint = offer.client_max_window_bits.flatten();
    let agreed = Agreed {
        server_no_context_takeover: offer.server_no_context_takeover || config.server_no_context_takeover,
        // That the client has no use for its context is a hint that we need no context either (RFC 7692 §7.1.1.2).
        client_no_context_takeover: offer.client_no_context_takeover || config.client_no_context_takeover,
        server_max_window_bits: config.server_max_window_bits.min(offer.server_max_window_bits.unwrap_or(LARGEST)),
        client_max_window_bits: config.client_max_window_bits.min(hint.unwrap_or(LARGEST)),
        level: config.level,
        threshold: config.threshold,
    };
    let named = |named: Option<u8>, bits: u8| (named.is_some() || bits < LARGEST).then_some(bits);
    let answer = Parameters {
        server_no_context_takeover: agreed.server_no_context_takeover,
        client_no_context_takeover: agreed.client_no_context_takeover,
        server_max_window_bits: named(offer.server_max_window_bits, agreed.server_max_window_bits),
        client_max_window_bits: named(hint, agreed.client_max_window_bits).map(Some),
    };
    Some((agreed, answer.write()))
}

/// Client: judges what the server agreed to, against what [`offers`](crate::deflate::offer::offers) of the same
/// configuration offered. `None`: no compression.
///
/// # Errors
/// [`WsError::Answer`]: the connection must fail (RFC 7692 §5.1), because the answer is malformed, or does not accept
/// what was offered.
pub fn check(config: &Config, answered: &[Extension]) -> Result<Option<Agreed>, WsError> {
    let config = config.bounded();
    let mut ours = answered.iter().filter(|extension| extension.name == NAME);
    let Some(answer) = ours.next() else { return Ok(None) };
    if ours.next().is_some() {
        return Err(WsError::Answer("permessage-deflate is agreed to twice"));
    }
    let answer = Parameters::read(answer).map_err(WsError::Answer)?;
    if config.server_no_context_takeover && !answer.server_no_context_takeover {
        return Err(WsError::Answer("the server does not do without context takeover"));
    }
    let server = answer.server_max_window_bits.unwrap_or(LARGEST);
    if server > config.server_max_window_bits {
        return Err(WsError::Answer("the server's window is larger than what was offered"));
    }
    let client = match answer.client_max_window_bits {
        // Only an offer may leave the value out.
        Some(None) => return Err(WsError::Answer("a window without its size")),
        Some(Some(bits)) if bits > config.client_max_window_bits => {
            return Err(WsError::Answer("the client's window is larger than what was offered"));
        }
        Some(Some(bits)) => bits,
        None => config.client_max_window_bits,
    };
    Ok(Some(Agreed {
        server_no_context_takeover: answer.server_no_context_takeover,
        client_no_context_takeover: answer.client_no_context_takeover || config.client_no_context_takeover,
        server_max_window_bits: server,
        client_max_window_bits: client,
        level: config.level,
        threshold: config.threshold,
    }))
}
