//! Drives a TLS handshake over a socket.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gatepost_tls::handshake::{Facts, Handshake};
use gatepost_tls::settings::{ClientSettings, ServerSettings};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::remains::Remains;
use super::scratch::Scratch;
use super::stream::Secured;

/// Octets that are read at once: a ClientHello or a chain of certificates, and not much of what follows.
const READ: usize = 16 * 1024;

/// Shakes hands with a client. It has no bound in time: the caller gives it one.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] with the [`rustls::Error`], of which the client is told by an alert;
/// [`io::ErrorKind::UnexpectedEof`] if the client goes; whatever the socket says.
pub async fn accept<S>(settings: &ServerSettings, mut socket: S) -> io::Result<(Secured<S>, Facts)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = hear(&mut socket).await?;
    accept_after(settings, &first, socket).await
}

/// As [`accept`], for a client of which `first` has been heard. None means that it has gone.
///
/// # Errors
/// As [`accept`].
pub async fn accept_after<S>(settings: &ServerSettings, first: &[u8], socket: S) -> io::Result<(Secured<S>, Facts)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if first.is_empty() {
        return Err(gone());
    }
    let mut handshake = Handshake::server(settings, first).map_err(invalid)?;
    let failed = handshake.receive(first).err();
    shake(handshake, failed, socket).await
}

/// What `socket` has to say first: a ClientHello mostly, and not much of what follows. Nothing once it is at its end.
///
/// # Errors
/// Whatever the socket says.
pub async fn hear<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<Vec<u8>> {
    poll_fn(|cx| {
        let mut scratch = Scratch::lend();
        ready!(poll_read(&mut scratch, socket, cx))?;
        Poll::Ready(Ok(scratch.filled().to_vec()))
    })
    .await
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
    shake(Handshake::client(settings, name).map_err(invalid)?, None, socket).await
}

/// Goes on with a handshake, or only tells the peer that it has `failed`.
async fn shake<S>(
    mut handshake: Handshake,
    mut failed: Option<rustls::Error>,
    mut socket: S,
) -> io::Result<(Secured<S>, Facts)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut output = Remains::default();
    poll_fn(|cx| poll_shake(&mut handshake, &mut output, &mut failed, &mut socket, cx)).await?;
    if let Some(error) = failed {
        return Err(invalid(error));
    }
    let established = handshake.finish().map_err(invalid)?;
    let facts = established.facts.clone();
    Ok((Secured::new(socket, established), facts))
}

/// Sends and reads until both ends are done, or one is not content. While the one waits the other goes on:
/// both ends may be writing.
fn poll_shake<S: AsyncRead + AsyncWrite + Unpin>(
    handshake: &mut Handshake,
    output: &mut Remains,
    failed: &mut Option<rustls::Error>,
    socket: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        // What nobody waits for goes with the first write, or with the first read that has to wait.
        if !handshake.is_over() || handshake.is_awaited() {
            output.keep(&handshake.take_output());
        }
        let sent = poll_send(socket, output, cx);
        if failed.is_some() {
            // That the alert does not arrive changes nothing.
            return sent.map(|_| Ok(()));
        }
        if let Poll::Ready(Err(error)) = sent {
            return Poll::Ready(Err(error));
        }
        if handshake.is_over() {
            return sent;
        }
        if let Err(error) = ready!(poll_receive(handshake, socket, cx))? {
            *failed = Some(error);
        }
    }
}

fn poll_send<S: AsyncWrite + Unpin>(
    socket: &mut S,
    output: &mut Remains,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if output.is_empty() {
        return Poll::Ready(Ok(()));
    }
    while !output.is_empty() {
        match ready!(Pin::new(&mut *socket).poll_write(cx, output.left()))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => output.consume(count),
        }
    }
    Pin::new(socket).poll_flush(cx)
}

fn poll_receive<S: AsyncRead + Unpin>(
    handshake: &mut Handshake,
    socket: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Result<(), rustls::Error>>> {
    let mut scratch = Scratch::lend();
    ready!(poll_read(&mut scratch, socket, cx))?;
    if scratch.filled().is_empty() || handshake.is_peer_closed() {
        return Poll::Ready(Err(gone()));
    }
    Poll::Ready(Ok(handshake.receive(scratch.filled())))
}

fn poll_read<S: AsyncRead + Unpin>(
    scratch: &mut Scratch,
    socket: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let mut room = ReadBuf::new(scratch.room(READ));
    ready!(Pin::new(socket).poll_read(cx, &mut room))?;
    let count = room.filled().len();
    scratch.advance(count);
    Poll::Ready(Ok(()))
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof")
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
