//! From the writer to the socket: as few records as can be, one write, and nothing more until it is gone.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gatepost_tls::handshake::Protection;
use gatepost_tls::record::layout::{ALERT_ROOM, MAX_PLAINTEXT, SEAL_ROOM};
use rustls::AlertDescription;
use tokio::io::AsyncWrite;

use super::scratch::{SIZE, Scratch};
use super::state::{Failure, Reading, State, Writing};

/// The most plaintext that is taken at once, in octets.
const MAX_TAKEN: usize = 4 * MAX_PLAINTEXT;

impl State {
    /// Seals and sends what `slices` hold, as much as fits into the scratch memory.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.may_write()?;
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // What the handshake left goes out in the same write; what a write left goes out first.
        if !self.greets || self.unsent.left().len() > SIZE - SEAL_ROOM {
            ready!(self.poll_drain(socket, cx))?;
        }
        let traffic = match &mut self.protection {
            Protection::Traffic(traffic) => traffic,
            Protection::Legacy(_) => return Poll::Ready(self.write_legacy(socket, cx, slices)),
        };
        let mut scratch = Scratch::lend();
        scratch.put(self.unsent.left());
        self.unsent.consume(usize::MAX);
        self.greets = false;
        match traffic.seal(slices, scratch.room(SEAL_ROOM)) {
            Ok(sealed) => {
                scratch.advance(sealed.written);
                self.send(socket, cx, scratch.filled())?;
                Poll::Ready(Ok(sealed.taken))
            }
            Err(fault) => {
                drop(scratch);
                self.fail(socket, cx, Failure::Record(fault));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)))
            }
        }
    }

    /// Sends the records that the socket did not take before.
    pub(super) fn poll_drain<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            match ready!(Pin::new(&mut *socket).poll_write(cx, self.unsent.left())) {
                Ok(0) => return Poll::Ready(Err(self.broken(io::ErrorKind::WriteZero.into()))),
                Ok(count) => self.unsent.consume(count),
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
        }
        self.greets = false;
        Poll::Ready(Ok(()))
    }

    /// Says that we say no more, and sends it.
    pub(super) fn poll_close<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self.writing {
            Writing::Open => {
                self.writing = Writing::Ended;
                self.seal_close()?;
            }
            Writing::Ended | Writing::Failed => {}
            Writing::Broken => return Poll::Ready(Ok(())),
        }
        self.poll_drain(socket, cx)
    }

    /// Ends the connection, and tells the peer why if there is a way.
    pub(super) fn fail<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>, failure: Failure) {
        if let (Protection::Traffic(traffic), Failure::Record(fault)) = (&mut self.protection, &failure)
            && self.writing == Writing::Open
            && let Some(alert) = fault.alert()
        {
            let mut room = [0; ALERT_ROOM];
            if let Ok(length) = traffic.seal_alert(alert, &mut room) {
                self.unsent.keep(room.get(..length).unwrap_or_default());
            }
        }
        self.reading = Reading::Failed(failure);
        self.writing = Writing::Failed;
        self.received = Vec::new();
        // A last attempt; whoever shuts the stream down makes more.
        let _ = self.poll_drain(socket, cx);
    }

    fn may_write(&self) -> io::Result<()> {
        match (self.writing, &self.reading) {
            (Writing::Open, _) => Ok(()),
            (Writing::Failed, Reading::Failed(failure)) => Err(failure.into()),
            (Writing::Ended | Writing::Failed | Writing::Broken, _) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// One write; what the socket does not take is kept.
    fn send<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>, records: &[u8]) -> io::Result<()> {
        let taken = match Pin::new(socket).poll_write(cx, records) {
            Poll::Ready(Ok(0)) => return Err(self.broken(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Err(self.broken(error)),
            Poll::Pending => 0,
        };
        self.unsent.keep(records.get(taken..).unwrap_or_default());
        Ok(())
    }

    /// After a failed write the peer misses a record: no other may follow.
    fn broken(&mut self, error: io::Error) -> io::Error {
        self.writing = Writing::Broken;
        self.unsent.consume(usize::MAX);
        error
    }

    fn seal_close(&mut self) -> io::Result<()> {
        match &mut self.protection {
            Protection::Traffic(traffic) => {
                let mut room = [0; ALERT_ROOM];
                let length = traffic
                    .seal_alert(AlertDescription::CloseNotify, &mut room)
                    .map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
                self.unsent.keep(room.get(..length).unwrap_or_default());
            }
            Protection::Legacy(legacy) => {
                let mut records = Vec::new();
                legacy.close(&mut records).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                self.unsent.keep(&records);
            }
        }
        Ok(())
    }

    /// TLS 1.2: rustls makes the records, in memory of their own.
    fn write_legacy<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        let Protection::Legacy(legacy) = &mut self.protection else { return Ok(0) };
        let mut records = self.unsent.left().to_vec();
        let mut taken = 0;
        for slice in slices {
            let part = slice.get(..slice.len().min(MAX_TAKEN - taken)).unwrap_or_default();
            legacy.seal(part, &mut records).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            taken += part.len();
        }
        self.unsent.consume(usize::MAX);
        self.greets = false;
        self.send(socket, cx, &records)?;
        Ok(taken)
    }
}
