//! Recorded exchanges of other implementations: `vectors/ntlm-transcripts.json`.

#![allow(dead_code, reason = "each test program uses a part of it")]

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_auth::ntlm::bindings;
use gatepost_auth::ntlm::keys::{Key, nt_hash};
use gatepost_auth::ntlm::server::{Claim, Demands};
use gatepost_auth::ntlm::{refused::Refused, signing::Session};
use gatepost_auth::settings::ChannelBinding;
use gatepost_auth::spnego::token::Token;
use serde_json::Value;

const FILE: &str = include_str!("../vectors/ntlm-transcripts.json");

/// One exchange that a pyspnego acceptor had said yes to.
pub(crate) struct Recorded {
    /// Which client, by which scheme, bound or not.
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) domain: String,
    pub(crate) password: String,
    /// What the acceptor demanded.
    pub(crate) demands: Demands,
    /// The `Negotiate` or `NTLM` tokens as they were sent, in turn.
    pub(crate) tokens: Vec<Vec<u8>>,
    /// NTLM's three messages in them.
    pub(crate) negotiate: Vec<u8>,
    pub(crate) challenge: Vec<u8>,
    pub(crate) authenticate: Vec<u8>,
}

impl Recorded {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let file: Value = serde_json::from_str(FILE).unwrap();
        let certificate = unhex(text(&file, "tls_server_end_point_sha256"));
        let channel = bindings::hash(&[b"tls-server-end-point:", certificate.as_slice()].concat());
        let read = |entry: &Value| {
            let bound = entry["channel_bindings"].as_bool().unwrap();
            let tokens: Vec<Vec<u8>> =
                entry["tokens"].as_array().unwrap().iter().map(|t| STANDARD.decode(text(t, "b64")).unwrap()).collect();
            let messages: Vec<Vec<u8>> = tokens.iter().filter_map(|token| inner(token)).collect();
            let [negotiate, challenge, authenticate] = messages.try_into().unwrap();
            Self {
                name: format!("{} {} bound {bound}", text(entry, "client"), text(entry, "scheme")),
                user: text(entry, "user").into(),
                domain: text(entry, "domain").into(),
                password: text(entry, "password").into(),
                demands: Demands { bindings: bound.then_some(channel), binding: demanded(bound), integrity: false },
                tokens,
                negotiate,
                challenge,
                authenticate,
            }
        };
        file["exchanges"].as_array().unwrap().iter().map(read).collect()
    }

    /// What our server makes of it.
    pub(crate) fn judged(&self, password: &str) -> Result<Session, Refused> {
        self.judge(Some(&nt_hash(password)), &self.demands)
    }

    pub(crate) fn judge(&self, nt_hash: Option<&Key>, demands: &Demands) -> Result<Session, Refused> {
        Claim::parse(&self.authenticate)?.verify(&self.negotiate, &self.challenge, nt_hash, demands)
    }

    pub(crate) fn is_curl(&self) -> bool {
        self.name.starts_with("curl 7.88.1 NTLM")
    }

    pub(crate) fn in_spnego(&self) -> bool {
        self.name.contains("Negotiate")
    }
}

pub(crate) fn demanded(bound: bool) -> ChannelBinding {
    if bound { ChannelBinding::Required } else { ChannelBinding::Checked }
}

/// NTLM's message in a token, with or without SPNEGO around it.
fn inner(token: &[u8]) -> Option<Vec<u8>> {
    match Token::parse(token).unwrap() {
        Token::Ntlm => Some(token.to_vec()),
        Token::Init(init) => init.token,
        Token::Answer(answer) => answer.token,
        Token::Kerberos => panic!("not recorded"),
    }
}

pub(crate) fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap_or_else(|| panic!("no {key} in {entry}"))
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}
