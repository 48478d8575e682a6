//! The parameters of permessage-deflate (RFC 7692 §7.1), and what a client offers.

use crate::deflate::config::Config;
use crate::handshake::extension::{Extension, Parameter};

/// The name of the extension (RFC 7692 §9).
pub const NAME: &str = "permessage-deflate";

pub(crate) const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
pub(crate) const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
pub(crate) const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
pub(crate) const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The largest window, which holds where none is named.
pub(crate) const LARGEST: u8 = 15;

/// Client: the members of `Sec-WebSocket-Extensions` to offer. That we heed the server's wish for a smaller window of ours
/// is always part of it (RFC 7692 §7.1.2.2).
#[must_use]
pub fn offers(config: &Config) -> Vec<Extension> {
    let config = config.bounded();
    let parameters = Parameters {
        server_no_context_takeover: config.server_no_context_takeover,
        client_no_context_takeover: config.client_no_context_takeover,
        server_max_window_bits: Some(config.server_max_window_bits).filter(|bits| *bits < LARGEST),
        client_max_window_bits: Some(Some(config.client_max_window_bits).filter(|bits| *bits < LARGEST)),
    };
    vec![parameters.write()]
}

/// The parameters of an offer or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Parameters {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: Option<u8>,
    /// Named, and with which value: an offer may leave it out (RFC 7692 §7.1.2.2).
    pub(crate) client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// Reads them. What is not known, given twice, or has a value that it must not have, is an error (RFC 7692 §7.1).
    pub(crate) fn read(extension: &Extension) -> Result<Self, &'static str> {
        let mut read = Self::default();
        for Parameter { name, value } in &extension.parameters {
            let value = value.as_deref();
            let twice = match name.as_str() {
                SERVER_NO_CONTEXT_TAKEOVER => std::mem::replace(&mut read.server_no_context_takeover, without(value)?),
                CLIENT_NO_CONTEXT_TAKEOVER => std::mem::replace(&mut read.client_no_context_takeover, without(value)?),
                SERVER_MAX_WINDOW_BITS => {
                    let bits = window_bits(value.ok_or("a window without its size")?)?;
                    read.server_max_window_bits.replace(bits).is_some()
                }
                CLIENT_MAX_WINDOW_BITS => {
                    let bits = value.map(window_bits).transpose()?;
                    read.client_max_window_bits.replace(bits).is_some()
                }
                _ => return Err("an unknown parameter of permessage-deflate"),
            };
            if twice {
                return Err("a parameter of permessage-deflate is given twice");
            }
        }
        Ok(read)
    }

    pub(crate) fn write(self) -> Extension {
        let flag = |name: &str, set: bool| set.then(|| Parameter { name: name.to_owned(), value: None });
        let bits = |name: &str, value: Option<u8>| Parameter {
            name: name.to_owned(),
            value: value.map(|bits| bits.to_string()),
        };
        let parameters = [
            flag(SERVER_NO_CONTEXT_TAKEOVER, self.server_no_context_takeover),
            flag(CLIENT_NO_CONTEXT_TAKEOVER, self.client_no_context_takeover),
            self.server_max_window_bits.map(|value| bits(SERVER_MAX_WINDOW_BITS, Some(value))),
            self.client_max_window_bits.map(|value| bits(CLIENT_MAX_WINDOW_BITS, value)),
        ];
        Extension { name: NAME.to_owned(), parameters: parameters.into_iter().flatten().collect() }
    }
}

/// A parameter that must not have a value.
fn without(value: Option<&str>) -> Result<bool, &'static str> {
    if value.is_some() { Err("a value where none may be") } else { Ok(true) }
}

/// A decimal number from 8 to 15 without leading zeros (RFC 7692 §7.1.2).
fn window_bits(text: &str) -> Result<u8, &'static str> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit()) && !text.starts_with('0');
    let bits = text.parse().ok().filter(|bits| digits && (8..=LARGEST).contains(bits));
    bits.ok_or("a window size that is not 8 to 15")
}
