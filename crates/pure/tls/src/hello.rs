//! The first message of a client, heard before it is answered: where bindings differ in their terms, or an authority
//! may ask whether a name is ours, what it asks for says by which configuration to go on.

use std::sync::Arc;

use rustls::server::Acceptor;

use crate::settings::{Chooses, ServerSettings};

/// Listens for a ClientHello.
pub(crate) struct Hello {
    /// Made when it is needed: it is large.
    acceptor: Option<Acceptor>,
    chooser: Arc<dyn Chooses>,
}

/// What has been heard.
pub(crate) enum Heard {
    /// Not all of it yet.
    NotYet,
    /// All: go on by this configuration, or by the one that there is.
    Whole(Option<ServerSettings>),
}

impl Hello {
    /// Listens, if it makes a difference.
    pub(crate) fn new(chooser: Option<&Arc<dyn Chooses>>) -> Option<Self> {
        Some(Self { acceptor: None, chooser: Arc::clone(chooser?) })
    }

    /// Hears more octets. What is no ClientHello counts as heard: whoever goes on finds out, and says so.
    ///
    /// The name is the one that rustls reads, as it will read it again; and what certificate is shown is looked up
    /// then, and not shown if the configuration is another binding's.
    pub(crate) fn hear(&mut self, mut octets: &[u8]) -> Heard {
        if self.acceptor.is_none() && !self.chooser.depends() {
            return Heard::Whole(None);
        }
        let acceptor = self.acceptor.get_or_insert_default();
        while !octets.is_empty() {
            match acceptor.read_tls(&mut octets) {
                Ok(0) | Err(_) => return Heard::Whole(None),
                Ok(_) => {}
            }
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => return Heard::Whole(self.chooser.choose(&accepted.client_hello())),
                Err(_) => return Heard::Whole(None),
            }
        }
        Heard::NotYet
    }
}
