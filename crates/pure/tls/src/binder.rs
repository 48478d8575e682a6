//! What binds proofs to one connection, made when somebody asks: most connections are never asked.

use std::fmt;
use std::sync::{Arc, OnceLock};

use gatepost_model::channel::ChannelBindings;
use gatepost_model::secret::Secret;

use crate::schedule::exporter::Exporter;

/// What both ends of one TLS connection can be told by.
///
/// `tls-server-end-point` (RFC 5929 §4) is there unless the signature of the server's certificate has no hash function of
/// its own, as Ed25519. `tls-exporter` (RFC 9266) is there in TLS 1.3; before, it would need an extended master secret
/// (RFC 9266 §3), and whether there is one is not known here.
///
/// A server whose certificate has changed since a session was begun has the new one here when that is resumed, and the
/// client the old: their end points disagree, and nothing is proved.
pub struct Binder {
    end_point: Option<Arc<[u8]>>,
    /// Nobody reads it but to make `made`.
    exporter: Option<Exporter>,
    made: OnceLock<ChannelBindings>,
}

impl Binder {
    pub(crate) fn new(end_point: Option<Arc<[u8]>>, exporter: Option<Exporter>) -> Self {
        Self { end_point, exporter, made: OnceLock::new() }
    }

    /// What both ends know.
    #[must_use]
    pub fn bindings(&self) -> &ChannelBindings {
        self.made.get_or_init(|| ChannelBindings {
            end_point: self.end_point.clone(),
            exporter: self
                .exporter
                .as_ref()
                .and_then(Exporter::channel_binding)
                .map(|octets| Secret::new(octets.to_vec())),
        })
    }
}

/// Two are equal if they say the same.
impl PartialEq for Binder {
    fn eq(&self, other: &Self) -> bool {
        self.bindings() == other.bindings()
    }
}

impl Eq for Binder {}

impl fmt::Debug for Binder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binder(..)")
    }
}
