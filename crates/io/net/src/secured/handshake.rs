//! Drives a TLS handshake over a socket.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gatepost_tls::handshake::{ClientSettings, Facts, Handshake, ServerSettings};
use gatepost_tls::version::TlsVersion;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::scratch::Scratch;
use super::stream::Secured;

/// Octets that are read at once: a ClientHello or a chain of certificates, and not much of what follows.
const READ: usize = 16 * 1024;

/// Shakes hands with a client. It has no bound in time: the caller gives it one.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] with the [`rustls::Error`], of which the client is told by an alert;
/// [`io::ErrorKind::UnexpectedEof`] if the client goes; whatever the socket says.
pub async fn accept<S>(settings: &ServerSettings, socket: S) -> io::Result<(Secured<S>, Facts)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    shake(Handshake::server(settings).map_err(invalid)?, socket).await
}

/// Shakes hands with the server `name`. It has no bound in time: the caller gives it one.
///
/// # Errors
/// As [`accept`].
pub async fn connect<S>(
    settings: &ClientSettings,
    name: ServerName<'static>,
    socket: S,
) -> io::Result<(Secured<S>, Facts)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    shake(Handshake::client(settings, name).map_err(invalid)?, socket).await
}

async fn shake<S>(mut handshake: Handshake, mut socket: S) -> io::Result<(Secured<S>, Facts)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while !handshake.is_over() {
        send(&mut socket, &handshake.take_output()).await?;
        let received = poll_fn(|cx| poll_receive(&mut handshake, &mut socket, cx)).await?;
        if let Err(error) = received {
            // The alert; that it does not arrive changes nothing.
            let _ = send(&mut socket, &handshake.take_output()).await;
            return Err(invalid(error));
        }
    }
    let mut established = handshake.finish().map_err(invalid)?;
    if established.facts.version < TlsVersion::V1_3 {
        // The peer cannot go on without our Finished.
        send(&mut socket, &std::mem::take(&mut established.output)).await?;
    }
    // TLS 1.3: what is left to be sent goes with the first write, or with the first read that has to wait.
    let facts = established.facts.clone();
    Ok((Secured::new(socket, established), facts))
}

async fn send<S: AsyncWrite + Unpin>(socket: &mut S, octets: &[u8]) -> io::Result<()> {
    if octets.is_empty() {
        return Ok(());
    }
    socket.write_all(octets).await?;
    socket.flush().await
}

fn poll_receive<S: AsyncRead + Unpin>(
    handshake: &mut Handshake,
    socket: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Result<(), rustls::Error>>> {
    let mut scratch = Scratch::lend();
    let mut room = ReadBuf::new(scratch.room(READ));
    ready!(Pin::new(socket).poll_read(cx, &mut room))?;
    let count = room.filled().len();
    if count == 0 || handshake.is_peer_closed() {
        return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof")));
    }
    scratch.advance(count);
    Poll::Ready(Ok(handshake.receive(scratch.filled())))
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
