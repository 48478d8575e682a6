//! TLS rules turned into rustls configurations: versions, bindings, verification, issuing.
//!
//! A certificate is bound to an address or a name ([`bindings`]); [`server::ServerTls`] makes of the
//! bindings what a listener shows, [`client::client_settings`] what a dialer demands. A gateway without
//! a certificate of its own gets one from a local [`issue::Authority`]. Only TLS 1.2 and 1.3 exist
//! here ([`version::TlsVersion`]), and no switch turns verification off.
//!
//! This is a pure crate with one accepted impurity: the rustls crypto provider and the issuing of
//! keys draw randomness from the operating system. Time, certificates and keys are arguments; there is
//! no socket, no file and no log. (rustls itself reads the clock when it verifies a chain.)

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod binder;
pub mod bindings;
pub mod bound;
pub mod certificate;
pub mod challenge;
pub mod client;
pub mod client_cert;
pub mod client_chain;
mod conversation;
pub mod directory;
mod distinguished_name;
pub mod end_point;
pub mod error;
pub mod fitness;
pub mod handshake;
mod hello;
pub mod identity;
pub mod issue;
pub mod legacy;
pub mod lists;
pub mod lookup;
pub mod manner;
pub mod ocsp;
pub mod pem;
mod presented;
pub mod record;
mod refusal;
pub mod renewal;
pub mod request;
mod schedule;
pub mod server;
pub mod server_certificate;
pub mod settings;
mod shown;
pub mod starttls;
mod ticket;
pub mod unfit;
pub mod verify;
pub mod version;
