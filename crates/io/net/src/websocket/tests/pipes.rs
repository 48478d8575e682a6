//! The two ends of pipes, and what peers write.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use gatepost_ws::connection::Connection;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::limits::Limits;
use gatepost_ws::mask::Mask;
use gatepost_ws::message::Message;
use gatepost_ws::role::Role;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use crate::websocket::settings::Settings;
use crate::websocket::socket::MessageSocket;

pub(super) const MASK: Mask = Mask::new([0x37, 0xfa, 0x21, 0x3d]);

/// A client and a server over a pipe of this size.
pub(super) fn pair(size: usize) -> (MessageSocket<DuplexStream>, MessageSocket<DuplexStream>) {
    let (near, far) = duplex(size);
    (socket(near, Role::Client), socket(far, Role::Server))
}

pub(super) fn socket<S: AsyncRead + AsyncWrite + Unpin>(stream: S, role: Role) -> MessageSocket<S> {
    MessageSocket::new(stream, role, None, Settings::default())
}

/// A server over a pipe of this size, and the pipe's far end.
pub(super) fn server(size: usize, settings: Settings) -> (MessageSocket<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(size);
    (MessageSocket::new(near, Role::Server, None, settings), far)
}

/// What a peer in this role writes to send these messages.
pub(super) fn frames(role: Role, messages: &[Message]) -> BytesMut {
    let (mut connection, mut contexts) = (Connection::new(role, None, Limits::default()), Contexts::default());
    let mut out = BytesMut::new();
    for message in messages {
        connection.send(message.kind(), message.as_bytes(), MASK, &mut contexts, &mut out).unwrap();
    }
    out
}

/// A client's frame in the short or medium form, as it may not be either.
pub(super) fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0xFE);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend(MASK.octets());
    let mut payload = payload.to_vec();
    MASK.apply(&mut payload);
    frame.extend(payload);
    frame
}

pub(super) fn binary(length: usize, seed: usize) -> Message {
    let octets: Vec<u8> = (0..length).map(|at| u8::try_from((at * 31 + seed) % 251).unwrap()).collect();
    Message::from(octets)
}

/// A stream that counts what is asked of it, and that takes and gives at most so many octets at a time, each time
/// after a turn in which it is not ready.
pub(super) struct Slow<S> {
    stream: S,
    most: usize,
    read: bool,
    wrote: bool,
    pub(super) writes: Arc<AtomicUsize>,
}

impl<S> Slow<S> {
    pub(super) fn new(stream: S, most: usize) -> Self {
        Self { stream, most, read: true, wrote: true, writes: Arc::default() }
    }
}

/// Pending every other time.
fn turn(last: &mut bool, cx: &mut Context<'_>) -> Poll<()> {
    *last = !*last;
    if *last {
        return Poll::Ready(());
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

impl<S: AsyncRead + Unpin> AsyncRead for Slow<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.most < usize::MAX {
            ready!(turn(&mut self.read, cx));
        }
        let mut space = vec![0; self.most.min(buf.remaining())];
        let mut some = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut some))?;
        buf.put_slice(some.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Slow<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        if self.most < usize::MAX {
            ready!(turn(&mut self.wrote, cx));
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        let count = self.most.min(buf.len());
        Pin::new(&mut self.stream).poll_write(cx, &buf[..count])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.to_vec()).collect();
        self.as_mut().poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
