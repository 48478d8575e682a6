//! Signatures with a session's key, as SPNEGO needs one each way (MS-NLMP 3.4.4.2, 3.4.5.2, 3.4.5.3).

use gatepost_model::secret::same;
use md5::{Digest, Md5};
use rc4::StreamCipher;

use crate::ntlm::flags::Flags;
use crate::ntlm::keys::{self, Key};

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Side {
    const fn magic(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Client => (
                b"session key to client-to-server signing key magic constant\0",
                b"session key to client-to-server sealing key magic constant\0",
            ),
            Self::Server => (
                b"session key to server-to-client signing key magic constant\0",
                b"session key to server-to-client sealing key magic constant\0",
            ),
        }
    }
}

/// What both ends have when a proof was right: the exported session key and what was agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The exported session key.
    pub key: Key,
    /// The flags of the AUTHENTICATE message.
    pub flags: Flags,
}

impl Session {
    /// Whether there are signatures: those of before extended session security are not made here.
    #[must_use]
    pub const fn can_sign(&self) -> bool {
        self.flags.has(Flags::EXTENDED_SECURITY)
    }

    /// The first signature that this side makes in the session. There is no second one here.
    #[must_use]
    pub fn sign(&self, side: Side, text: &[u8]) -> [u8; 16] {
        // Version, checksum, sequence number.
        let mut signature = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let digest = keys::hmac(&self.sign_key(side), &[&[0; 4], text]);
        let checksum = signature.iter_mut().skip(4).zip(digest.iter().take(8));
        checksum.for_each(|(to, from)| *to = *from);
        if self.flags.has(Flags::KEY_EXCHANGE)
            && let Some(checksum) = signature.get_mut(4..12)
        {
            keys::cipher(&self.seal_key(side)).apply_keystream(checksum);
        }
        signature
    }

    /// Whether it is the first signature of this side over `text`.
    #[must_use]
    pub fn verify(&self, side: Side, text: &[u8], signature: &[u8]) -> bool {
        same(&self.sign(side, text), signature)
    }

    /// `SIGNKEY` of this side.
    #[must_use]
    pub fn sign_key(&self, side: Side) -> Key {
        Key::new(Md5::new_with_prefix(self.key.reveal()).chain_update(side.magic().0).finalize().into())
    }

    /// `SEALKEY` of this side: of the session's key as many bits as were agreed.
    #[must_use]
    pub fn seal_key(&self, side: Side) -> Key {
        let octets = if self.flags.has(Flags::KEY_128) {
            16
        } else if self.flags.has(Flags::KEY_56) {
            7
        } else {
            5
        };
        let key = self.key.reveal().get(..octets).unwrap_or(self.key.reveal());
        Key::new(Md5::new_with_prefix(key).chain_update(side.magic().1).finalize().into())
    }
}
