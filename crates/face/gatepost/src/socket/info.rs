//! What stands behind a socket.

use std::net::SocketAddr;

use gatepost_tls::handshake::Facts;

/// The two ends of a socket, and what protects what is between them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Our end.
    pub local: SocketAddr,
    /// The other end; the proxy, if there is one on the way.
    pub remote: SocketAddr,
    /// Whether a proxy is on the way.
    pub through_proxy: bool,
    /// The protocol in which both ends agreed on TLS, by its name in [`ALL`](gatepost_tls::starttls::ALL).
    pub starttls: Option<&'static str>,
    /// What both ends agreed on, and what was found about the other one's certificates; `None` in the clear.
    pub tls: Option<Facts>,
}

impl Info {
    /// The certificates that the other end showed as DER, its own first; none in the clear, or where it showed none.
    #[must_use]
    pub fn peer_chain(&self) -> &[Vec<u8>] {
        let Some(tls) = &self.tls else { return &[] };
        match &tls.judgement {
            Some(judgement) if !judgement.chain.is_empty() => &judgement.chain,
            _ => tls.client.as_ref().map_or(&[], |client| client.certificates()),
        }
    }
}
