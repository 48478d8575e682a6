//! What a step of a handshake has made ready, kept at hand until the step ends.

use std::cell::RefCell;
use std::sync::Arc;

use aws_lc_rs::hmac;
use gatepost_model::secret::same;
use rustls::crypto::tls13::OkmBlock;

use super::exporter::Exporter;

thread_local! {
    /// What this step of a handshake has made ready; `None` between steps.
    pub(super) static RECENT: RefCell<Option<Recent>> = const { RefCell::new(None) };
}

/// Secrets to which a step comes back: that of an earlier session, which is extracted for its binder and for the
/// schedule, and the last of the others, from which keys come as well as a Finished or a second ticket.
#[derive(Default)]
pub(super) struct Recent {
    pub(super) session: Option<Ready>,
    pub(super) last: Option<Ready>,
    /// The exporter's master secret, until whoever drives the step takes it.
    pub(super) exporter: Option<Exporter>,
}

/// A secret, and what was made ready of it.
pub(super) struct Ready {
    secret: OkmBlock,
    pub(super) key: Arc<hmac::Key>,
}

/// A step of a handshake: for as long as it takes, what was made ready is kept at hand. Then it is wiped.
pub(crate) struct AtHand(());

impl AtHand {
    pub(crate) fn begin() -> Self {
        RECENT.set(Some(Recent::default()));
        Self(())
    }
}

impl Drop for AtHand {
    fn drop(&mut self) {
        RECENT.set(None);
    }
}

/// Keeps an exporter at hand, if this is one.
pub(super) fn catch(exporter: Option<Exporter>) {
    let Some(exporter) = exporter else { return };
    RECENT.with_borrow_mut(|recent| {
        if let Some(recent) = recent {
            recent.exporter = Some(exporter);
        }
    });
}

/// Takes the exporter that this step has caught.
pub(crate) fn caught() -> Option<Exporter> {
    RECENT.with_borrow_mut(|recent| recent.as_mut()?.exporter.take())
}

/// The key that `make` makes of `secret`, or made of it before in this step.
pub(super) fn at_hand(
    kind: fn(&mut Recent) -> &mut Option<Ready>,
    secret: &[u8],
    algorithm: hmac::Algorithm,
    make: impl FnOnce() -> hmac::Key,
) -> Arc<hmac::Key> {
    RECENT.with_borrow_mut(|recent| {
        let Some(place) = recent.as_mut().map(kind).filter(|_| secret.len() <= OkmBlock::MAX_LEN) else {
            return Arc::new(make());
        };
        let known = |ready: &&Ready| ready.key.algorithm() == algorithm && same(ready.secret.as_ref(), secret);
        if let Some(ready) = place.as_ref().filter(known) {
            return Arc::clone(&ready.key);
        }
        let key = Arc::new(make());
        *place = Some(Ready { secret: OkmBlock::new(secret), key: Arc::clone(&key) });
        key
    })
}
