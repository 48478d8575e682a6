//! The key of one direction: opens and seals, and never uses a nonce twice.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustls::{ConnectionTrafficSecrets, ContentType};

use super::fault::RecordFault;
use super::layout::{HEADER, MAX_PLAINTEXT, TAG};

/// What protects one direction, and how many records it has protected.
pub(crate) struct RecordKey {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

impl RecordKey {
    /// The key of `secrets`, whose next record has the number `sequence`.
    pub(crate) fn new(sequence: u64, secrets: &ConnectionTrafficSecrets) -> Result<Self, RecordFault> {
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return Err(RecordFault::Exhausted),
        };
        let key = UnboundKey::new(algorithm, key.as_ref()).map_err(|_| RecordFault::Exhausted)?;
        let iv = iv.as_ref().try_into().map_err(|_| RecordFault::Exhausted)?;
        Ok(Self { key: LessSafeKey::new(key), iv, sequence })
    }

    /// Records protected so far.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Opens what follows `header` into `out`, which is as long as it without its tag.
    pub(crate) fn open(&mut self, header: [u8; HEADER], sealed: &[u8], out: &mut [u8]) -> Result<(), RecordFault> {
        let (text, tag) = split_tag(sealed)?;
        let nonce = self.next_nonce()?;
        let opened = self.key.open_separate_gather(nonce, Aad::from(header), text, tag, out);
        opened.map_err(|_| RecordFault::BadRecordMac)
    }

    /// Opens what follows `header` where it stands; gives it without its tag.
    pub(crate) fn open_in_place<'a>(
        &mut self,
        header: [u8; HEADER],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], RecordFault> {
        let nonce = self.next_nonce()?;
        self.key.open_in_place(nonce, Aad::from(header), sealed).map_err(|_| RecordFault::BadRecordMac)
    }

    /// Makes `out`, which has [`OVERHEAD`](super::layout::OVERHEAD) octets more than `plaintext`, a record.
    pub(crate) fn seal(&mut self, content: ContentType, plaintext: &[u8], out: &mut [u8]) -> Result<(), RecordFault> {
        let (header, body, end) = frame(out, plaintext.len())?;
        let nonce = self.next_nonce()?;
        let content = [u8::from(content)];
        let sealed = self.key.seal_out_of_place_scatter(nonce, Aad::from(header), plaintext, body, &content, end);
        sealed.map_err(|_| RecordFault::Exhausted)
    }

    /// Makes `out` a record of application data whose plaintext of `length` octets already stands behind
    /// the place of the header.
    pub(crate) fn seal_in_place(&mut self, length: usize, out: &mut [u8]) -> Result<(), RecordFault> {
        let (header, body, end) = frame(out, length)?;
        let nonce = self.next_nonce()?;
        let content = [u8::from(ContentType::ApplicationData)];
        let sealed = self.key.seal_in_place_scatter(nonce, Aad::from(header), body, &content, end);
        sealed.map_err(|_| RecordFault::Exhausted)
    }

    /// RFC 8446 §5.3: the number, padded, xor the IV; a number never comes twice.
    fn next_nonce(&mut self) -> Result<Nonce, RecordFault> {
        let next = self.sequence.checked_add(1).ok_or(RecordFault::Exhausted)?;
        let mut nonce = self.iv;
        for (octet, number) in nonce.iter_mut().skip(4).zip(self.sequence.to_be_bytes()) {
            *octet ^= number;
        }
        self.sequence = next;
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordKey").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

fn split_tag(sealed: &[u8]) -> Result<(&[u8], &[u8]), RecordFault> {
    let text = sealed.len().checked_sub(TAG).ok_or(RecordFault::BadRecordMac)?;
    sealed.split_at_checked(text).ok_or(RecordFault::BadRecordMac)
}

/// A record's header, which is written to `out`; the place of its plaintext, and that of type and tag.
#[allow(clippy::type_complexity, reason = "three parts of one slice")]
fn frame(out: &mut [u8], length: usize) -> Result<([u8; HEADER], &mut [u8], &mut [u8]), RecordFault> {
    if length > MAX_PLAINTEXT {
        return Err(RecordFault::Exhausted);
    }
    let protected = u16::try_from(length + 1 + TAG).map_err(|_| RecordFault::Exhausted)?;
    let [high, low] = protected.to_be_bytes();
    // RFC 8446 §5.2: from outside every record is application data of TLS 1.2.
    let header = [u8::from(ContentType::ApplicationData), 3, 3, high, low];
    let (front, rest) = out.split_first_chunk_mut::<HEADER>().ok_or(RecordFault::Exhausted)?;
    *front = header;
    let (body, end) = rest.split_at_mut_checked(length).ok_or(RecordFault::Exhausted)?;
    Ok((header, body, end))
}
