//! HKDF over HMAC keys that stay ready.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::hmac;
use gatepost_model::secret::same;
use rustls::crypto::hmac::Tag;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock, OutputLengthError};

use super::at_hand::{at_hand, catch};
use super::early::Early;
use super::expand::{LONGEST, expand, first_block};
use super::exporter::Exporter;

pub(super) static SHA256: Schedule = Schedule { algorithm: hmac::HMAC_SHA256, early: &EARLY_SHA256 };
pub(super) static SHA384: Schedule = Schedule { algorithm: hmac::HMAC_SHA384, early: &EARLY_SHA384 };
static EARLY_SHA256: LazyLock<Early> = LazyLock::new(|| Early::new(hmac::HMAC_SHA256));
static EARLY_SHA384: LazyLock<Early> = LazyLock::new(|| Early::new(hmac::HMAC_SHA384));

/// HKDF over one hash.
pub(super) struct Schedule {
    pub(super) algorithm: hmac::Algorithm,
    early: &'static LazyLock<Early>,
}

impl Schedule {
    fn extract(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        let early = &**self.early;
        let ready = |extracted: hmac::Tag| hmac::Key::new(self.algorithm, extracted.as_ref());
        let key = match salt {
            None => at_hand(
                |recent| &mut recent.session,
                secret,
                self.algorithm,
                || ready(hmac::sign(&early.no_salt, secret)),
            ),
            // With an earlier session a salt is secret: it is compared as one.
            Some(salt) if same(salt, early.derived.as_ref()) => {
                Arc::new(ready(hmac::sign(&early.handshake_salt, secret)))
            }
            Some(salt) => Arc::new(ready(hmac::sign(&hmac::Key::new(self.algorithm, salt), secret))),
        };
        Box::new(Prepared { key, early })
    }
}

impl Hkdf for Schedule {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        if salt.is_none() {
            return Box::new(&**self.early);
        }
        let zeros = [0; LONGEST];
        self.extract(salt, zeros.get(..self.algorithm.tag_len()).unwrap_or(&zeros))
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        self.extract(salt, secret)
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        let (okm, early) = (okm.as_ref(), &**self.early);
        if let Some(refused) = early.refused.as_ref().filter(|refused| refused.is(okm)) {
            return Box::new(refused);
        }
        let make = || hmac::Key::new(self.algorithm, okm);
        let key = at_hand(|recent| &mut recent.last, okm, self.algorithm, make);
        Box::new(Prepared { key, early })
    }

    fn hmac_sign(&self, key: &OkmBlock, message: &[u8]) -> Tag {
        Tag::new(hmac::sign(&hmac::Key::new(self.algorithm, key.as_ref()), message).as_ref())
    }
}

/// A secret that is ready to be expanded. aws-lc wipes it when it is dropped.
struct Prepared {
    key: Arc<hmac::Key>,
    early: &'static Early,
}

impl HkdfExpander for Prepared {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        expand(&self.key, info, output)
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        let refused = self.early.refused.as_ref().and_then(|refused| refused.instead_of(info));
        let block = refused.unwrap_or_else(|| OkmBlock::new(hmac::sign(&self.key, &first_block(info)).as_ref()));
        catch(Exporter::of(self.key.algorithm(), info, &block));
        block
    }

    fn hash_len(&self) -> usize {
        self.key.algorithm().tag_len()
    }
}
