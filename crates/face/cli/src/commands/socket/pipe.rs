//! Carries stdin to a socket and what comes to stdout, both ways at once, each to its own end.

use std::cell::Cell;
use std::io::{IsTerminal, Read};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost::net::error::NetError;
use gatepost::net::tcp_info::{TcpInfo, tcp_info};
use gatepost::socket::stream::Socket;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, Receiver};

use super::facts;
use crate::error::CliError;
use crate::ui::Ui;

/// Octets that are carried at once.
const CHUNK: usize = 16 * 1024;

/// Pieces of stdin that may wait. More of it stays where it is.
const WAITING: usize = 4;

/// How long stdin may be silent once the other end has ended. A server that has ended all has also ended what it reads,
/// and only a write would tell.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is carried, and when it is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piping {
    /// Whether the end of stdin is kept from the other end, which then ends it.
    pub(super) keeps_open: bool,
    pub(super) verbose: bool,
    pub(super) ui: Ui,
}

impl Piping {
    /// Carries until both directions have ended. Once the other end has, stdin counts as ended when it is silent for
    /// two seconds, and a terminal at once.
    pub(super) async fn carry(self, socket: Socket) -> Result<(), CliError> {
        self.event(|| {
            let mut event = json!({ "event": "connected" });
            merge(&mut event, facts::as_json(socket.info()));
            event
        })?;
        let talk = Talk::between(socket.info().local, socket.info().remote);
        let ended = self.both_ways(socket, &talk).await;
        let Talk { sent, received, tcp, .. } = talk;
        let (sent, received, tcp) = (sent.get(), received.get(), tcp.get());
        if self.verbose {
            let words = tcp.as_ref().map(|tcp| format!("; {}", facts::tcp_words(tcp))).unwrap_or_default();
            self.ui.detail(&format!("{sent} octets sent, {received} received{words}"));
        }
        let tcp = tcp.as_ref().map(facts::tcp_json);
        self.event(|| json!({ "event": "closed", "sent": sent, "received": received, "tcp": tcp }))?;
        ended
    }

    async fn both_ways(self, socket: Socket, talk: &Talk) -> Result<(), CliError> {
        let (mut from, mut to) = split(socket);
        let mut up = std::pin::pin!(self.up(&mut to, talk));
        let mut down = std::pin::pin!(self.down(&mut from, talk));
        tokio::select! {
            told = &mut up => {
                // Whoever stops speaking goes on hearing; that nobody listens is said when there is no more to hear.
                down.await?;
                told
            }
            heard = &mut down => {
                heard?;
                talk.end();
                if std::io::stdin().is_terminal() { Ok(()) } else { up.await }
            }
        }
    }

    /// Says what stdin says, then that this is all.
    async fn up(self, to: &mut WriteHalf<Socket>, talk: &Talk) -> Result<(), CliError> {
        let mut stdin = stdin();
        loop {
            let piece = tokio::select! {
                biased;
                piece = stdin.recv() => piece,
                () = talk.silence() => None,
            };
            let Some(piece) = piece.transpose()? else { break };
            to.write_all(&piece).await.map_err(|error| broken(&error))?;
            if stdin.is_empty() {
                to.flush().await.map_err(|error| broken(&error))?;
            }
            talk.sent.set(talk.sent.get() + u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        talk.look();
        if self.keeps_open {
            return to.flush().await.map_err(|error| broken(&error));
        }
        match to.shutdown().await {
            // The other end has gone already, which is for the other direction to tell.
            Err(error) if error.kind() == std::io::ErrorKind::NotConnected => Ok(()),
            done => done.map_err(|error| broken(&error)),
        }
    }

    /// Prints what comes.
    async fn down(self, from: &mut ReadHalf<Socket>, talk: &Talk) -> Result<(), CliError> {
        let mut stdout = tokio::io::stdout();
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = from.read(&mut chunk).await.map_err(|error| broken(&error))?;
            let piece = chunk.get(..count).unwrap_or_default();
            if piece.is_empty() {
                talk.look();
                return Ok(());
            }
            talk.received.set(talk.received.get() + u64::try_from(count).unwrap_or(u64::MAX));
            if self.ui.is_json() {
                self.event(|| data(piece))?;
                continue;
            }
            let unprinted = |error: std::io::Error| CliError::io("the output", &error);
            stdout.write_all(piece).await.map_err(unprinted)?;
            stdout.flush().await.map_err(unprinted)?;
        }
    }

    /// A line of JSON, for programs.
    fn event(self, event: impl FnOnce() -> Value) -> Result<(), CliError> {
        if self.ui.is_json() { self.ui.out(&format!("{}\n", event())) } else { Ok(()) }
    }
}

fn data(piece: &[u8]) -> Value {
    match std::str::from_utf8(piece) {
        Ok(text) => json!({ "event": "data", "text": text }),
        Err(_) => json!({ "event": "data", "base64": STANDARD.encode(piece) }),
    }
}

fn merge(into: &mut Value, other: Value) {
    if let (Value::Object(into), Value::Object(other)) = (into, other) {
        into.extend(other);
    }
}

/// What both directions know.
#[derive(Debug)]
struct Talk {
    ends: (SocketAddr, SocketAddr),
    sent: Cell<u64>,
    received: Cell<u64>,
    /// What the system said last: once both ends have ended it knows no more.
    tcp: Cell<Option<TcpInfo>>,
    /// Whether the other end has said all that it had to say.
    is_over: Cell<bool>,
    told: Notify,
}

impl Talk {
    fn between(local: SocketAddr, remote: SocketAddr) -> Self {
        let (sent, received, tcp, is_over) = Default::default();
        Self { ends: (local, remote), sent, received, tcp, is_over, told: Notify::new() }
    }

    fn look(&self) {
        let (local, remote) = self.ends;
        self.tcp.set(tcp_info(local, remote).or(self.tcp.get()));
    }

    fn end(&self) {
        self.is_over.set(true);
        self.told.notify_one();
    }

    /// Ready when it is over and nothing more has come since: the other end may still listen, but nobody knows.
    async fn silence(&self) {
        if !self.is_over.get() {
            self.told.notified().await;
        }
        tokio::time::sleep(LAST_WORDS).await;
    }
}

/// What stdin holds, read by a thread of its own: one that waits for a pipe cannot be told to stop, and ends with the
/// process.
fn stdin() -> Receiver<Result<Vec<u8>, CliError>> {
    let (to, from) = mpsc::channel(WAITING);
    thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut chunk = vec![0; CHUNK];
        loop {
            let piece = match stdin.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => Ok(chunk.get(..count).unwrap_or_default().to_vec()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(CliError::io("stdin", &error)),
            };
            let failed = piece.is_err();
            if to.blocking_send(piece).is_err() || failed {
                return;
            }
        }
    });
    from
}

/// What it means that a socket cannot be read or written.
pub(super) fn broken(error: &std::io::Error) -> CliError {
    match error.kind() {
        // RFC 8446 §6.1: what came may not be all.
        std::io::ErrorKind::UnexpectedEof => {
            CliError::Broken { detail: "TLS has no end, so what came may not be all (truncated)".into() }
        }
        std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => {
            gatepost::Error::from(NetError::ClosedEarly { what: "the conversation" }).into()
        }
        _ => gatepost::Error::from(NetError::Broken { detail: error.to_string() }).into(),
    }
}
