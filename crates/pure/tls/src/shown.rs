//! Which certificate a server has shown, on its way past rustls, which does not tell.

use std::cell::Cell;
use std::sync::Arc;

use crate::server_certificate::ServerCertificate;

thread_local! {
    /// What this thread has just shown.
    static SHOWN: Cell<Option<Arc<ServerCertificate>>> = const { Cell::new(None) };
}

/// Notes what is shown, in the middle of a step of rustls. A session that is resumed shows nothing (RFC 8446 §2.2), but
/// rustls asks all the same: it is then what would be shown to a client that comes anew.
pub(crate) fn note_shown(certificate: &Arc<ServerCertificate>) {
    SHOWN.set(Some(Arc::clone(certificate)));
}

/// Takes what the step before has shown.
pub(crate) fn shown() -> Option<Arc<ServerCertificate>> {
    SHOWN.take()
}
