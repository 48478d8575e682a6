//! The client's end: the first message and the last.

use gatepost_model::time::Timestamp;

use crate::ntlm::authenticate::{Authenticate, without_mic};
use crate::ntlm::broken::Broken;
use crate::ntlm::challenge::Challenge;
use crate::ntlm::flags::Flags;
use crate::ntlm::keys::{self, Key};
use crate::ntlm::negotiate::Negotiate;
use crate::ntlm::response::{blob, file_time};
use crate::ntlm::signing::Session;
use crate::ntlm::target_info;
use crate::ntlm::text;
use crate::ntlm::version::VERSION;

/// How a client introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// What it can.
    pub flags: Flags,
    /// What it says that runs there.
    pub version: Option<[u8; 8]>,
    /// What it says is its name. Default empty: our name is nobody's business.
    pub workstation: String,
}

impl Default for Client {
    fn default() -> Self {
        let always = Flags::UNICODE | Flags::REQUEST_TARGET | Flags::NTLM | Flags::ALWAYS_SIGN | Flags::SIGN;
        let keys = Flags::EXTENDED_SECURITY | Flags::KEY_128 | Flags::KEY_56 | Flags::KEY_EXCHANGE;
        Self { flags: always | keys, version: Some(VERSION), workstation: String::new() }
    }
}

/// Who the user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub user: String,
    /// The domain; may be empty.
    pub domain: String,
    /// The NT hash of the password.
    pub nt_hash: Key,
}

/// What a proof is made with, beside the challenge.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    /// The client's time, used if the server tells none.
    pub now: Timestamp,
    /// The client's nonce.
    pub nonce: [u8; 8],
    /// The session key that the client chooses, if keys are exchanged.
    pub session_key: Key,
    /// The service that is meant, such as `HTTP/host`.
    pub target: Option<&'a str>,
    /// [`bindings::hash`](crate::ntlm::bindings::hash) of the TLS channel; `None` if there is none.
    pub bindings: Option<[u8; 16]>,
}

impl Client {
    /// The NEGOTIATE message.
    ///
    /// # Errors
    /// [`Broken::Overflow`]; not with what is said by default.
    pub fn negotiate(&self) -> Result<Vec<u8>, Broken> {
        Negotiate { flags: self.flags, version: self.version, ..Negotiate::default() }.to_octets()
    }

    /// The AUTHENTICATE message for this challenge, and the session that begins if the server takes it.
    /// `negotiate` and `challenge` are the messages octet for octet, as the integrity code covers them.
    ///
    /// # Errors
    /// [`Broken`] if the challenge cannot be read, asks for what is not spoken here, or if a name is too long
    /// or cannot be spelled in the server's encoding.
    pub fn authenticate(
        &self,
        negotiate: &[u8],
        challenge: &[u8],
        identity: &Identity,
        occasion: &Occasion<'_>,
    ) -> Result<(Vec<u8>, Session), Broken> {
        let offer = Challenge::parse(challenge)?;
        let flags = self.agreed(offer.flags)?;
        let mut info = offer.info;
        let timed = info.value(target_info::TIMESTAMP).map(<[u8; 8]>::try_from);
        let timed = timed.transpose().map_err(|_| Broken::TargetInfo)?;
        if timed.is_some() {
            info.flag_mic();
        }
        // A client that knows of bindings says so where it has none: a server inside TLS then sees that this is not
        // the end of our channel.
        if timed.is_some() || occasion.bindings.is_some() {
            info.set(target_info::CHANNEL_BINDINGS, occasion.bindings.unwrap_or_default().to_vec());
        }
        if let Some(target) = occasion.target {
            info.set(target_info::TARGET_NAME, text::utf16(target));
        }
        let user_key = keys::user_key(&identity.nt_hash, &identity.user, &identity.domain);
        let blob = blob(timed.unwrap_or_else(|| file_time(occasion.now)), &occasion.nonce, &info)?;
        let proof = keys::proof(&user_key, &offer.nonce, &blob);
        let base = keys::session_key(&user_key, &proof);
        let exchanged = flags.has(Flags::KEY_EXCHANGE).then(|| occasion.session_key.clone());
        let mut message = Authenticate {
            flags,
            lm: lm_answer(&user_key, &offer.nonce, &occasion.nonce, timed.is_some()),
            nt: [&proof, blob.as_slice()].concat(),
            domain: identity.domain.clone(),
            user: identity.user.clone(),
            workstation: self.workstation.clone(),
            session_key: exchanged.as_ref().map_or(Vec::new(), |key| keys::exchange(&base, key.reveal()).to_vec()),
            version: self.version,
            mic: timed.is_some().then_some([0; 16]),
        };
        let session = Session { key: exchanged.unwrap_or(base), flags };
        let mut octets = message.to_octets()?;
        if message.mic.is_some() {
            message.mic = Some(keys::integrity(&session.key, negotiate, challenge, &without_mic(&octets)));
            octets = message.to_octets()?;
        }
        Ok((octets, session))
    }

    /// What both ends can, as the AUTHENTICATE message says it.
    fn agreed(&self, offer: Flags) -> Result<Flags, Broken> {
        if !offer.has(Flags::NTLM) {
            return Err(Broken::Flags("no NTLM"));
        }
        if !offer.has_any(Flags::UNICODE | Flags::OEM) {
            return Err(Broken::Flags("no encoding of text"));
        }
        let mut flags = (offer & self.flags) | Flags::REQUEST_TARGET | Flags::TARGET_INFO;
        if !flags.has(Flags::UNICODE) {
            flags = flags | Flags::OEM;
        }
        // Without the signatures of version 2 nothing is signed, and then no key is exchanged (MS-NLMP 3.1.5.1.2).
        if !flags.has(Flags::EXTENDED_SECURITY) || !flags.has_any(Flags::SIGN | Flags::SEAL) {
            flags = flags - Flags::KEY_EXCHANGE;
        }
        if self.version.is_some() {
            flags = flags | Flags::VERSION;
        }
        Ok(flags)
    }
}

/// A server that tells its time wants no answer of LM (MS-NLMP 3.1.5.1.2).
fn lm_answer(user_key: &Key, nonce: &[u8; 8], client_nonce: &[u8; 8], timed: bool) -> Vec<u8> {
    if timed {
        return vec![0; 24];
    }
    [&keys::lm_proof(user_key, nonce, client_nonce), client_nonce.as_slice()].concat()
}
