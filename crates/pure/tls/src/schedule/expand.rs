//! The expansion of HKDF (RFC 5869 §2.3) with a key that is ready.

use aws_lc_rs::hmac;
use rustls::crypto::tls13::OutputLengthError;

/// The longest output of a hash in use here, in octets.
pub(super) const LONGEST: usize = 48;

/// The most that HKDF gives, in outputs of its hash (RFC 5869 §2.3).
const MOST: usize = 255;

/// RFC 5869 §2.3: T(1) is over `info | 1`, T(n) over `T(n-1) | info | n`.
pub(super) fn expand(key: &hmac::Key, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
    let length = key.algorithm().tag_len();
    if output.len() > MOST * length {
        return Err(OutputLengthError);
    }
    let mut message = first_block(info);
    let mut before: Option<hmac::Tag> = None;
    for (number, part) in (1..=u8::MAX).zip(output.chunks_mut(length)) {
        if let Some(counter) = message.last_mut() {
            *counter = number;
        }
        let mut block = hmac::Context::with_key(key);
        before.iter().for_each(|before| block.update(before.as_ref()));
        block.update(&message);
        let block = block.sign();
        part.iter_mut().zip(block.as_ref()).for_each(|(to, from)| *to = *from);
        before = Some(block);
    }
    Ok(())
}

pub(super) fn first_block(info: &[&[u8]]) -> Vec<u8> {
    let length: usize = info.iter().map(|part| part.len()).sum();
    let mut message = Vec::with_capacity(length + 1);
    info.iter().for_each(|part| message.extend_from_slice(part));
    message.push(1);
    message
}
