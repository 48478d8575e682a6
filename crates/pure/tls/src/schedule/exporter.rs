//! What a connection of TLS 1.3 exports (RFC 8446 §7.5).
//!
//! rustls has no word for it on an unbuffered connection. The exporter's master secret passes through our key schedule,
//! though, where it is caught for as long as a step of the handshake takes.

use aws_lc_rs::{digest, hmac};
use rustls::crypto::tls13::{OkmBlock, OutputLengthError};
use zeroize::Zeroize;

use super::expand::expand;

/// The label of the exporter's master secret (RFC 8446 §7.1).
const MASTER: &[u8] = b"exp master";
/// RFC 9266 §2.
const CHANNEL_BINDING: &[u8] = b"EXPORTER-Channel-Binding";

/// The exporter's master secret of one connection. It is wiped when it is dropped.
pub(crate) struct Exporter {
    algorithm: hmac::Algorithm,
    master: OkmBlock,
}

impl Exporter {
    /// The secret `block`, if it is what `info` asks for.
    pub(super) fn of(algorithm: hmac::Algorithm, info: &[&[u8]], block: &OkmBlock) -> Option<Self> {
        (info.get(3) == Some(&MASTER)).then(|| Self { algorithm, master: block.clone() })
    }

    /// What `tls-exporter` binds a channel by: the context is empty (RFC 9266 §2).
    pub(crate) fn channel_binding(&self) -> Option<[u8; 32]> {
        let mut output = [0; 32];
        self.export(CHANNEL_BINDING, b"", &mut output).ok()?;
        Some(output)
    }

    /// RFC 8446 §7.5: `HKDF-Expand-Label(Derive-Secret(master, label, ""), "exporter", Hash(context), length)`.
    fn export(&self, label: &[u8], context: &[u8], output: &mut [u8]) -> Result<(), OutputLengthError> {
        let hash = |data| digest::digest(self.algorithm.digest_algorithm(), data);
        let key = |secret: &[u8]| hmac::Key::new(self.algorithm, secret);
        let mut derived = [0; OkmBlock::MAX_LEN];
        let room = derived.get_mut(..self.algorithm.tag_len()).ok_or(OutputLengthError)?;
        expand_label(&key(self.master.as_ref()), label, hash(b"").as_ref(), room)?;
        let exported = expand_label(&key(room), b"exporter", hash(context).as_ref(), output);
        derived.zeroize();
        exported
    }
}

/// RFC 8446 §7.1: HkdfLabel is a length, a label and a context, each of the last two behind its length.
fn expand_label(key: &hmac::Key, label: &[u8], context: &[u8], output: &mut [u8]) -> Result<(), OutputLengthError> {
    const PREFIX: &[u8] = b"tls13 ";
    let octet = |length: usize| u8::try_from(length).map_err(|_| OutputLengthError);
    let length = u16::try_from(output.len()).map_err(|_| OutputLengthError)?.to_be_bytes();
    let (labelled, contextual) = ([octet(PREFIX.len() + label.len())?], [octet(context.len())?]);
    expand(key, &[&length, &labelled, PREFIX, label, &contextual, context], output)
}
