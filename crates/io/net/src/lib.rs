//! The only crate that opens a socket: resolve, dial, listen, TLS streams, HTTP, tunnels.
//!
//! Outward there is a [`Dialer`](dial::Dialer) that turns an origin into a
//! [`Connection`](connection::Connection); inward a [`Listener`](listen::Listener) and
//! [`serve`](serve::serve), which gives every request to a [`Handler`](handler::Handler), on one thread or on
//! [`Workers`](workers::Workers). Both speak
//! [`http`] requests and responses with one [`Body`](body::Body); whatever is upgraded becomes a
//! [`Duplex`](upgrade::Duplex) and goes through a [`tunnel`](tunnel::tunnel).
//!
//! Everything has a bound ([`Limits`](gatepost_model::limits::Limits)): heads, bodies if wanted, waiting,
//! connections, streams; and for the process ([`Admission`](admission::Admission)): connections, handshakes, memory,
//! descriptors. HTTP/1.1 stands on the strict core of `gatepost-http` at both ends (`http1` is the
//! server's driver, `exchange` the client's), HTTP/2 on `h2` (`http2`); each of the four drivers stands
//! behind one narrow signature, so that it can be replaced alone.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod accept;
pub mod admission;
pub mod announced;
pub mod body;
pub mod budget;
pub mod connection;
mod cut;
mod date;
pub mod descriptors;
pub mod dial;
mod door;
pub mod drain;
pub mod endpoint;
pub mod error;
mod exchange;
mod explain;
pub mod failed;
pub mod feed;
pub mod handler;
mod handshakes;
mod http1;
mod http2;
pub mod listen;
mod paced;
mod parts_patience;
mod patience;
pub mod proxy;
pub mod reach;
pub mod reports;
mod request;
pub mod secured;
pub mod serve;
#[cfg(target_os = "linux")]
mod sock_diag;
pub mod socket_options;
pub mod socks;
pub mod starttls;
pub mod tcp_info;
pub mod tunnel;
pub mod upgrade;
pub mod websocket;
pub mod workers;

/// TLS rules, bindings and issuing, as the floors above configure them.
pub use gatepost_tls as tls;
