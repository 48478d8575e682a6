//! Connections that a proxy passes on: it says whose they are, before all else (the PROXY protocol).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gatepost_http::proxy_header::header::{Announced, Measure};
use gatepost_http::proxy_header::read::{LONGEST, measure, read};
use gatepost_model::network::Network;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::error::{NetError, Wait};
use crate::explain;

/// The proxies that are believed. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcers(Arc<[Network]>);

impl Announcers {
    /// Believes what comes from these networks, and nobody else: whoever can connect from there can be anybody.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks.into())
    }

    /// Whether this address is one of theirs.
    pub(crate) fn are_trusted(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// What the proxy at `address` says of the connection that it passes on, within `limit`. Not one octet behind its header is
/// taken from the stream.
///
/// # Errors
/// [`NetError::NotAnnounced`] if it is nobody who is believed, or says nothing that can be understood;
/// [`NetError::Timeout`].
pub(crate) async fn hear_out(
    announcers: &Announcers,
    stream: &mut TcpStream,
    address: SocketAddr,
    limit: Duration,
) -> Result<Announced, NetError> {
    let not = |detail: String| NetError::NotAnnounced { peer: address, detail };
    if !announcers.are_trusted(address.ip()) {
        return Err(not("it comes from nobody who may announce connections".to_owned()));
    }
    let header = tokio::time::timeout(limit, header(stream, address)).await;
    let header = header.map_err(|_| explain::timeout(Wait::Announcement, limit))??;
    read(&header).map_err(|fault| not(fault.to_string()))
}

/// Looks before it takes: what is looked at belongs to the header as long as that is not whole.
async fn header(stream: &mut TcpStream, address: SocketAddr) -> Result<Vec<u8>, NetError> {
    let not = |detail: String| NetError::NotAnnounced { peer: address, detail };
    let broken = |error: std::io::Error| explain::io(&error, "the PROXY header");
    let mut taken = Vec::new();
    loop {
        let mut seen = vec![0; LONGEST];
        let count = stream.peek(&mut seen).await.map_err(broken)?;
        if count == 0 {
            return Err(not("it ended before its PROXY header did".to_owned()));
        }
        let before = taken.len();
        taken.extend_from_slice(seen.get(..count).unwrap_or_default());
        let measured = measure(&taken).map_err(|fault| not(fault.to_string()))?;
        if let Measure::Whole(length) = measured {
            taken.truncate(length);
        }
        stream.read_exact(taken.get_mut(before..).unwrap_or_default()).await.map_err(broken)?;
        if measured != Measure::NotYet {
            return Ok(taken);
        }
    }
}
