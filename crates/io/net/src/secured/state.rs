//! What a secured stream keeps beside its socket.

use std::io;

use gatepost_tls::handshake::{Established, Protection};
use gatepost_tls::record::fault::RecordFault;

use super::remains::Remains;

/// What rustls says in the same case; the kind is what counts.
const CUT: &str = "peer closed connection without sending TLS close_notify";

/// All that a secured stream keeps; in one piece on the heap.
pub(super) struct State {
    pub(super) protection: Protection,
    /// Records that have come and are not opened, and the beginning of one.
    pub(super) received: Vec<u8>,
    /// Plaintext for which the reader had no room.
    pub(super) unread: Remains,
    /// Records that the socket has not taken. As long as there are some, none are made.
    pub(super) unsent: Remains,
    /// Whether `unsent` is what the handshake left, and nobody has written yet.
    pub(super) greets: bool,
    /// Whether the peer has said anything.
    pub(super) is_spoken_to: bool,
    pub(super) reading: Reading,
    pub(super) writing: Writing,
}

/// How far reading has come.
pub(super) enum Reading {
    Open,
    /// The peer has said that it says no more.
    Ended,
    Failed(Failure),
}

/// How far writing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    Open,
    /// Our close_notify is sealed.
    Ended,
    /// A fatal alert is sealed, or a record is lost.
    Failed,
    /// The socket has failed: there is nobody to tell.
    Broken,
}

/// Why nothing more can be read.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The socket ended without a close_notify: what was read may not be all (RFC 8446 §6.1).
    Cut,
    Record(RecordFault),
    Legacy(Box<rustls::Error>),
}

impl State {
    pub(super) fn new(established: Established) -> Self {
        let Established { protection, plaintext, received, output, peer_closed, .. } = established;
        let unsent = Remains::from(output);
        Self {
            protection,
            received,
            greets: !unsent.is_empty(),
            is_spoken_to: !plaintext.is_empty(),
            unread: plaintext.into(),
            unsent,
            reading: if peer_closed { Reading::Ended } else { Reading::Open },
            writing: Writing::Open,
        }
    }
}

impl From<&Failure> for io::Error {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Cut => Self::new(io::ErrorKind::UnexpectedEof, CUT),
            Failure::Record(fault) => Self::new(io::ErrorKind::InvalidData, *fault),
            Failure::Legacy(error) => Self::new(io::ErrorKind::InvalidData, *error.clone()),
        }
    }
}
