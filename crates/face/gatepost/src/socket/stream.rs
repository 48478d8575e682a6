//! A socket: octets both ways, in the clear or behind TLS.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gatepost_model::limits::Limits;
use gatepost_model::url::Origin;
use gatepost_net::secured::stream::Secured;
use gatepost_net::tcp_info::{TcpInfo, tcp_info};
use gatepost_net::upgrade::Duplex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::client::opener::Opener;
use crate::events::Events;
use crate::socket::info::Info;

/// Octets that are read at once in search of a line's end.
const READ: usize = 1024;

/// A connection. It reads and writes as tokio's streams do, and [`tokio::io::split`] makes two halves of it.
///
/// Behind TLS the end of what is read is the other end's close_notify; an end without one is
/// [`io::ErrorKind::UnexpectedEof`], because what was read may not be all (RFC 8446 §6.1). Shutting it down says that
/// nothing more comes (close_notify, and the end of our direction of the TCP connection); reading can go on. Dropping
/// it ends it at once. What was written is sent when it is flushed.
pub struct Socket {
    pub(super) layer: Layer,
    pub(super) info: Info,
    pub(super) role: Role,
    /// What was read in search of a line's end, and lies behind it.
    pub(super) heard: Vec<u8>,
}

/// What the octets go through.
pub(super) enum Layer {
    Plain(Duplex),
    Tls(Box<Secured<Duplex>>),
}

/// Which end this is.
pub(super) enum Role {
    /// The one that connected: how, and where to.
    Connected(Arc<Opener>, Origin),
    /// The one that accepted: who hears of it, and its bounds.
    Accepted(Events, Arc<Limits>),
}

impl Socket {
    pub(super) fn new(stream: Duplex, info: Info, role: Role) -> Self {
        Self { layer: Layer::Plain(stream), info, role, heard: Vec::new() }
    }

    /// What stands behind it.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// What the system knows about the TCP connection by now; `None` where it does not say.
    #[must_use]
    pub fn tcp_info(&self) -> Option<TcpInfo> {
        tcp_info(self.info.local, self.info.remote)
    }

    /// Reads up to and including the next line feed: for conversations of one's own before
    /// [`upgrade_tls`](Self::upgrade_tls). What came behind it is read next.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if a line has more than `limit` octets; [`io::ErrorKind::UnexpectedEof`] if it
    /// has no end; whatever breaks the connection.
    pub async fn read_line(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        loop {
            let end = self.heard.iter().take(limit).position(|octet| *octet == b'\n');
            if let Some(end) = end {
                let rest = self.heard.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.heard, rest));
            }
            if self.heard.len() >= limit {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
            }
            let mut piece = [0; READ];
            let count = self.layer.stream().read(&mut piece).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.heard.extend_from_slice(piece.get(..count).unwrap_or_default());
        }
    }
}

impl Layer {
    fn stream(&mut self) -> &mut (dyn gatepost_net::upgrade::Stream + '_) {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &mut **stream,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.heard.is_empty() {
            return Pin::new(self.layer.stream()).poll_read(cx, buf);
        }
        let count = self.heard.len().min(buf.remaining());
        buf.put_slice(self.heard.get(..count).unwrap_or_default());
        self.heard.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.layer.stream()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.layer.stream()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.layer {
            Layer::Plain(stream) => stream.is_write_vectored(),
            Layer::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.layer.stream()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.layer.stream()).poll_shutdown(cx)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("info", &self.info).finish_non_exhaustive()
    }
}
