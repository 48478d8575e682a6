//! How a WebSocket ends (RFC 6455 §7.1): with a Close each way, or not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::error::WsError;
use gatepost_ws::role::Role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::engine::{Engine, Phase};
use crate::error::NetError;
use crate::explain;

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    /// Takes our Close, and begins to wait for the peer's. Nothing if an end has begun already.
    pub(super) fn start_close(&mut self, close: Option<&Close>) -> Result<(), NetError> {
        if !matches!(self.phase, Phase::Open) || self.close_by.is_some() {
            return Ok(());
        }
        let mask = self.mask()?;
        self.connection.close(close, mask, self.outgoing.end())?;
        self.close_by = Some(Instant::now() + self.settings.close_time);
        Ok(())
    }

    /// The peer's Close has come: ours is the answer, if it was not said before.
    pub(super) fn hear_close(&mut self, close: Option<Close>) {
        self.closed = close;
        self.begin_end(Ok(()));
    }

    /// The peer broke a rule: it is told which, and nothing more is heard of it (RFC 6455 §7.1.7).
    pub(super) fn fail(&mut self, error: WsError) {
        if let Ok(mask) = self.mask() {
            self.connection.fail(&error, mask, self.outgoing.end());
        }
        self.begin_end(Err(NetError::WebSocket(error)));
    }

    /// We end the connection, and tell the peer why.
    pub(super) fn refuse(&mut self, close: &Close, error: NetError) {
        if self.start_close(Some(close)).is_ok() {
            self.begin_end(Err(error));
        } else {
            self.end(Err(error));
        }
    }

    /// The stream broke.
    pub(super) fn break_off(&mut self, error: &io::Error) {
        let error = match explain::io(error, "the WebSocket") {
            NetError::ClosedEarly { .. } => NetError::Abrupt,
            other => other,
        };
        self.end(Err(error));
    }

    /// It is over. If an end had begun before, then it ends with what it began with.
    pub(super) fn end(&mut self, result: Result<(), NetError>) {
        let result = match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::Open => result,
            Phase::Ending { result, .. } | Phase::Ended(result) => result,
        };
        self.phase = Phase::Ended(result);
        self.incoming.forget();
        self.outgoing.clear();
        self.alarm.rest();
    }

    /// Why nothing can be sent any more.
    pub(super) fn failure(&self) -> NetError {
        match &self.phase {
            Phase::Ending { result: Err(error), .. } | Phase::Ended(Err(error)) => error.clone(),
            _ => NetError::WebSocket(WsError::Closed),
        }
    }

    /// Goes on with the end. Ready when the phase has changed.
    pub(super) fn poll_ending(&mut self, reads: &mut Context<'_>, writes: &mut Context<'_>) -> Poll<()> {
        if self.poll_finish(reads, writes).is_ready() {
            self.end(Ok(()));
            return Poll::Ready(());
        }
        let by = *self.close_by.get_or_insert_with(|| Instant::now() + self.settings.close_time);
        ready!(self.alarm.poll_at(writes, by));
        self.end(Ok(()));
        Poll::Ready(())
    }

    fn begin_end(&mut self, result: Result<(), NetError>) {
        self.incoming.forget();
        self.phase = Phase::Ending { result, is_shut: false };
        // It may take as long from here.
        self.close_by = Some(Instant::now() + self.settings.close_time);
    }

    /// Ready when nothing is left to do for an end in order.
    fn poll_finish(&mut self, reads: &mut Context<'_>, writes: &mut Context<'_>) -> Poll<()> {
        // Whatever fails here, the end was begun, and both know it or nobody can help.
        if ready!(self.poll_flush(writes)).is_err() {
            return Poll::Ready(());
        }
        let Phase::Ending { result, is_shut } = &mut self.phase else { return Poll::Ready(()) };
        let (is_server, is_clean) = (self.role == Role::Server, result.is_ok());
        // RFC 6455 §7.1.1: the server closes first. After a failure both may.
        if !*is_shut && (is_server || !is_clean) {
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(writes));
            *is_shut = true;
        }
        if is_server && is_clean {
            return Poll::Ready(());
        }
        // What is still on its way here would make the system reset the connection, and our last words be lost.
        loop {
            match ready!(self.incoming.poll_discard(&mut self.stream, reads)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) if self.close_by.is_some_and(|by| by <= Instant::now()) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
    }
}

/// A Close that says that all is well.
pub(super) fn normal() -> Close {
    Close { code: CloseCode::NORMAL, reason: String::new() }
}
