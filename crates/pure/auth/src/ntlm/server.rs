//! The server's end: the challenge, and the judgement of what answers it.

use std::fmt;

use gatepost_model::secret::same;
use gatepost_model::time::Timestamp;

use crate::ntlm::authenticate::{Authenticate, without_mic};
use crate::ntlm::broken::Broken;
use crate::ntlm::challenge::Challenge;
use crate::ntlm::flags::Flags;
use crate::ntlm::keys::{self, Key};
use crate::ntlm::negotiate::Negotiate;
use crate::ntlm::refused::Refused;
use crate::ntlm::response::{Response, file_time};
use crate::ntlm::signing::Session;
use crate::ntlm::target_info::{self, TargetInfo};
use crate::ntlm::text;
use crate::ntlm::version::VERSION;
use crate::settings::ChannelBinding;

/// What a server agrees to, if the client can it too.
const AGREED: Flags = Flags::SIGN
    .with(Flags::NTLM)
    .with(Flags::ALWAYS_SIGN)
    .with(Flags::EXTENDED_SECURITY)
    .with(Flags::REQUEST_TARGET)
    .with(Flags::KEY_128)
    .with(Flags::KEY_56)
    .with(Flags::KEY_EXCHANGE);

/// NTLMv1's answer has this length.
const VERSION_ONE: usize = 24;

/// What the server knows of the channel by which the proof came, and what it demands of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demands {
    /// [`bindings::hash`](crate::ntlm::bindings::hash) of the TLS channel; `None` if there is none.
    pub bindings: Option<[u8; 16]>,
    /// Whether a proof has to be bound to it.
    pub binding: ChannelBinding,
    /// A proof without an integrity code is refused. curl makes none.
    pub integrity: bool,
}

/// The CHALLENGE message that answers a NEGOTIATE message. It tells the server's time, so that a client that
/// can makes an integrity code. `name` is what the server calls itself.
///
/// # Errors
/// [`Broken`] if the message cannot be read or the client asks for what is not spoken here.
pub fn challenge(negotiate: &[u8], name: &str, nonce: [u8; 8], now: Timestamp) -> Result<Vec<u8>, Broken> {
    let asked = Negotiate::parse(negotiate)?.flags;
    if !asked.has(Flags::NTLM) {
        return Err(Broken::Flags("no NTLM"));
    }
    if !asked.has(Flags::EXTENDED_SECURITY) {
        return Err(Broken::Flags("no extended session security"));
    }
    let encoding = match asked {
        asked if asked.has(Flags::UNICODE) => Flags::UNICODE,
        asked if asked.has(Flags::OEM) => Flags::OEM,
        _ => return Err(Broken::Flags("no encoding of text")),
    };
    let mut flags = (asked & AGREED) | encoding;
    // Nothing is signed, so no key is exchanged (MS-NLMP 3.1.5.1.2).
    if !flags.has(Flags::SIGN) {
        flags = flags - Flags::KEY_EXCHANGE;
    }
    let mut info = TargetInfo::default();
    info.set(target_info::DOMAIN, text::utf16(name));
    info.set(target_info::COMPUTER, text::utf16(name));
    info.set(target_info::TIMESTAMP, file_time(now).to_vec());
    let mut target = String::new();
    if asked.has(Flags::REQUEST_TARGET) {
        name.clone_into(&mut target);
        flags = flags | Flags::TARGET_IS_SERVER;
    }
    // pyspnego puts its integrity code where the version belongs if there is none.
    let version = asked.has(Flags::VERSION).then_some(VERSION);
    Challenge { flags, nonce, target, info, version }.to_octets()
}

/// An AUTHENTICATE message that could be read, and that is not refused already for what it is.
/// Its `Debug` shows no proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    message: Authenticate,
    octets: &'a [u8],
}

impl<'a> Claim<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// [`Refused`]: malformed, anonymous, or of version 1.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Refused> {
        let message = Authenticate::parse(octets)?;
        if message.user.is_empty() || message.flags.has(Flags::ANONYMOUS) {
            return Err(Refused::Anonymous);
        }
        if message.nt.len() <= VERSION_ONE {
            return Err(Refused::VersionOne);
        }
        Response::parse(&message.nt)?;
        Ok(Self { message, octets })
    }

    /// The user that the client says it is: whose record must prove it.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.message.user
    }

    /// The domain that the client says it is in; empty if none.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.message.domain
    }

    /// Judges the proof. `negotiate` and `challenge` are the messages before, octet for octet; `nt_hash` is the
    /// user's, `None` if there is no such user: that costs the same.
    ///
    /// # Errors
    /// [`Refused`]. Whoever does not know the password learns nothing but that.
    pub fn verify(
        &self,
        negotiate: &[u8],
        challenge: &[u8],
        nt_hash: Option<&Key>,
        demands: &Demands,
    ) -> Result<Session, Refused> {
        let offer = Challenge::parse(challenge)?;
        let response = Response::parse(&self.message.nt)?;
        let nobody = Key::new([0; 16]);
        let user_key = keys::user_key(nt_hash.unwrap_or(&nobody), &self.message.user, &self.message.domain);
        let proof = keys::proof(&user_key, &offer.nonce, response.blob);
        // First, and in constant time: all that follows is judged only of who knows the password.
        if !same(&proof, &response.proof) || nt_hash.is_none() {
            return Err(Refused::WrongSecret);
        }
        if response.info.value(target_info::TIMESTAMP) != offer.info.value(target_info::TIMESTAMP) {
            return Err(Refused::ChallengeAltered);
        }
        let session = self.session(offer.flags, keys::session_key(&user_key, &proof))?;
        self.check_integrity(&session, &response.info, demands, [negotiate, challenge])?;
        check_bindings(&response.info, demands)?;
        Ok(session)
    }

    fn session(&self, offered: Flags, base: Key) -> Result<Session, Refused> {
        let flags = self.message.flags;
        if !flags.has(Flags::KEY_EXCHANGE) {
            return Ok(Session { key: base, flags });
        }
        let chosen = <[u8; 16]>::try_from(self.message.session_key.as_slice()).map_err(|_| Refused::SessionKey)?;
        if !offered.has(Flags::KEY_EXCHANGE) {
            return Err(Refused::SessionKey);
        }
        Ok(Session { key: Key::new(keys::exchange(&base, &chosen)), flags })
    }

    fn check_integrity(
        &self,
        session: &Session,
        info: &TargetInfo,
        demands: &Demands,
        [negotiate, challenge]: [&[u8]; 2],
    ) -> Result<(), Refused> {
        if !info.flags_mic() {
            return if demands.integrity { Err(Refused::Integrity) } else { Ok(()) };
        }
        let mic = self.message.mic.ok_or(Refused::Integrity)?;
        let expected = keys::integrity(&session.key, negotiate, challenge, &without_mic(self.octets));
        if same(&expected, &mic) { Ok(()) } else { Err(Refused::Integrity) }
    }
}

/// A proof bound to a channel is good for that channel only, demanded or not; and where there is none of ours,
/// the client has one to somebody else.
fn check_bindings(info: &TargetInfo, demands: &Demands) -> Result<(), Refused> {
    if demands.binding == ChannelBinding::DangerIgnored {
        return Ok(());
    }
    match (info.bindings()?, demands.bindings) {
        (Some(given), Some(ours)) if same(&given, &ours) => Ok(()),
        (Some(_), _) => Err(Refused::WrongBindings),
        (None, _) if demands.binding == ChannelBinding::Required => Err(Refused::NoBindings),
        (None, _) => Ok(()),
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.message).finish()
    }
}
