//! Puts a body into its framing, and refuses to write one that does not fit.

use http::HeaderMap;

use crate::error::HttpError;
use crate::fields::strip_barred_trailers;
use crate::framing::Framing;
use crate::write::write_fields;

/// The framing around the pieces of one body. The pieces themselves are never copied: write what
/// [`before`](Self::before) appends, the piece, then [`AFTER_CHUNK`](Self::AFTER_CHUNK) if
/// [`is_chunked`](Self::is_chunked), in one vectored write.
#[derive(Debug, Clone)]
pub struct Encoder {
    framing: Framing,
    left: u64,
}

impl Encoder {
    /// What ends a chunk.
    pub const AFTER_CHUNK: &'static [u8] = b"\r\n";

    /// For a body with this framing.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        Self { framing, left }
    }

    /// Whether pieces are chunks.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.framing == Framing::Chunked
    }

    /// Appends what stands before a piece of `length` octets. An empty piece is nothing: as a chunk
    /// it would end the body, so leave it out.
    ///
    /// # Errors
    /// [`HttpError::Unwritable`] if the piece runs past the announced length, or there is no body:
    /// what was written so far is all that may be.
    pub fn before(&mut self, length: usize, out: &mut Vec<u8>) -> Result<(), HttpError> {
        if length == 0 {
            return Ok(());
        }
        match self.framing {
            Framing::Chunked => out.extend_from_slice(format!("{length:x}\r\n").as_bytes()),
            Framing::Length(_) => {
                let left = u64::try_from(length).ok().and_then(|length| self.left.checked_sub(length));
                self.left = left.ok_or(HttpError::Unwritable("the body is longer than its Content-Length"))?;
            }
            Framing::Empty => return Err(HttpError::Unwritable("the message has no body")),
            Framing::UntilClose | Framing::Tunnel => {}
        }
        Ok(())
    }

    /// Appends what ends the body. Trailers go out in the chunked coding only; elsewhere there is no
    /// place for them, and they are left out, as are everywhere those that belong in the head (RFC 9110
    /// §6.5.1).
    ///
    /// # Errors
    /// [`HttpError::Unwritable`] if less than the announced length was written: close the connection
    /// without a proper end, so that the peer sees that something is missing.
    pub fn end(&mut self, trailers: Option<&HeaderMap>, out: &mut Vec<u8>) -> Result<(), HttpError> {
        if self.left > 0 {
            return Err(HttpError::Unwritable("the body is shorter than its Content-Length"));
        }
        if self.is_chunked() {
            out.extend_from_slice(b"0\r\n");
            if let Some(trailers) = trailers {
                let mut trailers = trailers.clone();
                strip_barred_trailers(&mut trailers);
                write_fields(&trailers, out);
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decoder::{Decoder, Part};
    use crate::scan::HeadLimits;

    fn write(framing: Framing, pieces: &[Vec<u8>], trailers: Option<&HeaderMap>) -> Result<Vec<u8>, HttpError> {
        let (mut encoder, mut out) = (Encoder::new(framing), Vec::new());
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            encoder.before(piece.len(), &mut out)?;
            out.extend_from_slice(piece);
            out.extend_from_slice(if encoder.is_chunked() { Encoder::AFTER_CHUNK } else { b"" });
        }
        encoder.end(trailers, &mut out)?;
        Ok(out)
    }

    #[test]
    fn the_length_is_kept() {
        let (ab, none): (&[Vec<u8>], &[Vec<u8>]) = (&[b"a".to_vec(), Vec::new(), b"b".to_vec()], &[]);
        let longer = Err(HttpError::Unwritable("the body is longer than its Content-Length"));
        let shorter = Err(HttpError::Unwritable("the body is shorter than its Content-Length"));
        assert_eq!(write(Framing::Length(2), ab, None), Ok(b"ab".to_vec()));
        assert_eq!(write(Framing::Length(1), ab, None), longer);
        assert_eq!(write(Framing::Length(3), ab, None), shorter);
        assert_eq!(write(Framing::UntilClose, ab, None), Ok(b"ab".to_vec()));
        assert_eq!(write(Framing::Empty, ab, None), Err(HttpError::Unwritable("the message has no body")));
        assert_eq!(write(Framing::Empty, none, None), Ok(Vec::new()));
        let trailers = ["x", "set-cookie", "content-length"]
            .map(|name| (http::HeaderName::from_static(name), "1".parse().unwrap()));
        let trailers: HeaderMap = trailers.into_iter().collect();
        let chunked = b"1\r\na\r\n1\r\nb\r\n0\r\nx: 1\r\n\r\n".to_vec();
        assert_eq!(write(Framing::Chunked, ab, Some(&trailers)), Ok(chunked));
    }

    proptest! {
        #[test]
        fn decoding_what_was_encoded_is_the_identity(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let mut octets = write(Framing::Chunked, &pieces, None).unwrap();
            let (mut decoder, mut body) = (Decoder::new(Framing::Chunked, None, HeadLimits::default()), Vec::new());
            loop {
                match decoder.decode(&octets).unwrap() {
                    Part::Data(data) => {
                        body.extend_from_slice(&octets[data.clone()]);
                        octets.drain(..data.end);
                    }
                    end => {
                        prop_assert_eq!(end, Part::End { used: octets.len(), trailers: None });
                        break;
                    }
                }
            }
            prop_assert_eq!(body, pieces.concat());
        }
    }
}
