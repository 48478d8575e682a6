//! The two tokens of SPNEGO, and what may come in their place (RFC 4178 §4.2; MS-SPNG 2.2.1).

use std::fmt;

use crate::ntlm::signature::SIGNATURE;
use crate::spnego::broken::Broken;
use crate::spnego::der::{Der, element, only};
use crate::spnego::mechanism::{Mechanism, Mechanisms};

/// 1.3.6.1.5.5.2.
const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";

/// `[APPLICATION 0]`: how GSS-API tokens begin (RFC 2743 §3.1).
const APPLICATION: u8 = 0x60;
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const C0: u8 = 0xa0;
const C1: u8 = 0xa1;
const C2: u8 = 0xa2;
const C3: u8 = 0xa3;
const C4: u8 = 0xa4;

/// What a `Negotiate` field may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// SPNEGO's first token.
    Init(Init),
    /// SPNEGO's further tokens, of both ends.
    Answer(Answer),
    /// A message of NTLM without SPNEGO around it. Windows sends and takes such.
    Ntlm,
    /// A token of Kerberos without SPNEGO around it.
    Kerberos,
}

/// `NegTokenInit`: the initiator's offer.
#[derive(Clone, PartialEq, Eq)]
pub struct Init {
    /// What is offered.
    pub mechanisms: Mechanisms,
    /// The first token of the first mechanism, sent in hope.
    pub token: Option<Vec<u8>>,
    /// A signature over the list; nobody can make one at that time.
    pub mic: Option<Vec<u8>>,
}

/// `negState`: how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Done.
    Completed,
    /// Another token is awaited.
    Incomplete,
    /// No mechanism, or the mechanism refused.
    Rejected,
    /// Another token is awaited, and the list must be signed by both ends.
    RequestMic,
}

/// `NegTokenResp`: an answer.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// How it stands.
    pub state: Option<State>,
    /// The acceptor's choice; in its first answer only.
    pub mechanism: Option<Mechanism>,
    /// A token of the mechanism.
    pub token: Option<Vec<u8>>,
    /// A signature over the list of mechanisms.
    pub mic: Option<Vec<u8>>,
}

impl Token {
    /// Tells what it is, and reads it if it is SPNEGO.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn parse(octets: &[u8]) -> Result<Self, Broken> {
        if octets.starts_with(SIGNATURE) {
            return Ok(Self::Ntlm);
        }
        if octets.first() == Some(&C1) {
            return Answer::read(only(only(octets, C1, "answer")?, SEQUENCE, "answer")?).map(Self::Answer);
        }
        let mut framed = Der(only(octets, APPLICATION, "token").map_err(|wrong| match wrong {
            Broken::Element(_) => Broken::Unknown,
            other => other,
        })?);
        let identifier = framed.expect(OBJECT_IDENTIFIER, "mechanism")?;
        if Mechanism::new(identifier).is_kerberos() {
            return Ok(Self::Kerberos);
        }
        if identifier != SPNEGO {
            return Err(Broken::Unknown);
        }
        let offer = framed.expect(C0, "offer")?;
        framed.end()?;
        Init::read(only(offer, SEQUENCE, "offer")?).map(Self::Init)
    }
}

impl Init {
    /// The token as octets.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        let list = element(C0, &[&self.mechanisms.to_der()]);
        let token = optional(C2, OCTET_STRING, self.token.as_deref());
        let mic = optional(C3, OCTET_STRING, self.mic.as_deref());
        let offer = element(C0, &[&element(SEQUENCE, &[&list, &token, &mic])]);
        element(APPLICATION, &[&element(OBJECT_IDENTIFIER, &[SPNEGO]), &offer])
    }

    fn read(contents: &[u8]) -> Result<Self, Broken> {
        let mut rest = Der(contents);
        let list = rest.wrapped(C0, SEQUENCE, "list of mechanisms")?.ok_or(Broken::Element("list of mechanisms"))?;
        let mechanisms = Mechanisms::read(list)?;
        // Flags of the context, which nobody protects: they are not acted on (RFC 4178 §4.2.1).
        rest.wrapped(C1, BIT_STRING, "flags")?;
        let token = rest.wrapped(C2, OCTET_STRING, "mechanism's token")?;
        // Microsoft's NegTokenInit2 has hints in the place of the signature, and that behind them (MS-SPNG 2.2.1).
        let mut mic = None;
        if let Some(third) = rest.optional(C3)? {
            match only(third, OCTET_STRING, "signature") {
                Ok(octets) => mic = Some(octets),
                Err(_) => {
                    only(third, SEQUENCE, "hints")?;
                    mic = rest.wrapped(C4, OCTET_STRING, "signature")?;
                }
            }
        }
        rest.end()?;
        Ok(Self { mechanisms, token: token.map(<[u8]>::to_vec), mic: mic.map(<[u8]>::to_vec) })
    }
}

impl Answer {
    /// The token as octets.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        let state = self.state.map(|state| [state.number()]);
        let state = optional(C0, ENUMERATED, state.as_ref().map(<[u8; 1]>::as_slice));
        let mechanism = self.mechanism.as_ref().map_or(Vec::new(), |chosen| element(C1, &[&chosen.to_der()]));
        let token = optional(C2, OCTET_STRING, self.token.as_deref());
        let mic = optional(C3, OCTET_STRING, self.mic.as_deref());
        element(C1, &[&element(SEQUENCE, &[&state, &mechanism, &token, &mic])])
    }

    fn read(contents: &[u8]) -> Result<Self, Broken> {
        let mut rest = Der(contents);
        let state = rest.wrapped(C0, ENUMERATED, "state")?.map(State::read).transpose()?;
        let mechanism = rest.optional(C1)?.map(Mechanism::read).transpose()?;
        let token = rest.wrapped(C2, OCTET_STRING, "mechanism's token")?.map(<[u8]>::to_vec);
        let mic = rest.wrapped(C3, OCTET_STRING, "signature")?.map(<[u8]>::to_vec);
        rest.end()?;
        Ok(Self { state, mechanism, token, mic })
    }
}

impl State {
    const fn number(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Incomplete => 1,
            Self::Rejected => 2,
            Self::RequestMic => 3,
        }
    }

    fn read(contents: &[u8]) -> Result<Self, Broken> {
        match contents {
            [0] => Ok(Self::Completed),
            [1] => Ok(Self::Incomplete),
            [2] => Ok(Self::Rejected),
            [3] => Ok(Self::RequestMic),
            _ => Err(Broken::Element("state")),
        }
    }
}

fn optional(tag: u8, inner: u8, value: Option<&[u8]>) -> Vec<u8> {
    value.map_or(Vec::new(), |value| element(tag, &[&element(inner, &[value])]))
}

impl fmt::Debug for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Init").field("mechanisms", &self.mechanisms).field("token", &self.token.is_some()).finish()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("state", &self.state)
            .field("mechanism", &self.mechanism)
            .field("token", &self.token.is_some())
            .field("mic", &self.mic.is_some())
            .finish()
    }
}
