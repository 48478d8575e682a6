//! The protection of one TLS 1.3 connection after its handshake, both directions.

use std::fmt;
use std::io::IoSlice;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::kernel::KernelConnection;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::{AlertDescription, ConnectionTrafficSecrets, ContentType, ExtractedSecrets, HandshakeType};

use super::fault::RecordFault;
use super::gather::{Gather, Piece};
use super::key::RecordKey;
use super::layout::{HEADER, KEY_UPDATE_RECORD, MAX_PLAINTEXT, MAX_RECORD, OVERHEAD, TAG};
use super::message::{Message, Messages, judge_alert};

/// Records that one key of ours protects before the next takes over. RFC 8446 §5.5 allows 2^24.5 full
/// ones for AES-GCM; what is right for it is right for ChaCha20-Poly1305.
const RECORDS_PER_KEY: u64 = 1 << 24;
/// Records and messages without data that are taken one after the other: more is an attempt to keep us busy.
const MAX_FRUITLESS: u8 = 32;

/// The keys of one connection and what makes the next ones.
///
/// Whoever owns it reads whole records ([`measure`](Self::measure)), opens each once and in order, and sends
/// what is sealed, whole and in order. After a [`RecordFault`] it is of no use but to
/// [`seal_alert`](Self::seal_alert).
pub struct Traffic {
    pub(super) opening: RecordKey,
    pub(super) sealing: RecordKey,
    chain: Chain,
    messages: Messages,
    fruitless: u8,
    /// The peer has asked for new keys, and gets them with the next record (RFC 8446 §4.6.3).
    pub(super) owes_update: bool,
    pub(super) records_per_key: u64,
}

/// What a record carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// So many octets of application data.
    Data(usize),
    /// Nothing for the reader.
    Nothing,
    /// The end of what the peer says (close_notify).
    End,
}

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Octets of plaintext.
    pub taken: usize,
    /// Octets of records.
    pub written: usize,
}

/// What makes the next keys. The larger part of it is rustls' and lies on the heap.
enum Chain {
    Server(Box<KernelConnection<ServerConnectionData>>),
    Client(Box<KernelConnection<ClientConnectionData>>),
}

impl Traffic {
    /// Takes over from a server's handshake that is over and has nothing more to send.
    ///
    /// # Errors
    /// [`rustls::Error`] if it is not, or its configuration does not let the secrets out.
    pub(crate) fn server(connection: UnbufferedServerConnection) -> Result<Self, rustls::Error> {
        let (secrets, kernel) = connection.dangerous_into_kernel_connection()?;
        Self::new(&secrets, Chain::Server(Box::new(kernel)))
    }

    /// Takes over from a client's handshake that is over and has nothing more to send.
    ///
    /// # Errors
    /// As [`server`](Self::server).
    pub(crate) fn client(connection: UnbufferedClientConnection) -> Result<Self, rustls::Error> {
        let (secrets, kernel) = connection.dangerous_into_kernel_connection()?;
        Self::new(&secrets, Chain::Client(Box::new(kernel)))
    }

    fn new(secrets: &ExtractedSecrets, chain: Chain) -> Result<Self, rustls::Error> {
        let key = |(sequence, secrets): &(u64, ConnectionTrafficSecrets)| {
            RecordKey::new(*sequence, secrets).map_err(|fault| rustls::Error::General(fault.to_string()))
        };
        Ok(Self {
            opening: key(&secrets.rx)?,
            sealing: key(&secrets.tx)?,
            chain,
            messages: Messages::default(),
            fruitless: 0,
            owes_update: false,
            records_per_key: RECORDS_PER_KEY,
        })
    }

    /// The length of the record that `octets` begin with, header included; `None` if they do not say yet.
    ///
    /// # Errors
    /// [`RecordFault`] if no protected record begins like that.
    pub fn measure(octets: &[u8]) -> Result<Option<usize>, RecordFault> {
        let Some([content, major, minor, high, low]) = octets.first_chunk::<HEADER>() else {
            // Junk is seen at its first octet, not after four more.
            return octets.first().map_or(Ok(None), |first| outer(*first).map(|()| None));
        };
        outer(*content)?;
        if [*major, *minor] != [3, 3] {
            return Err(RecordFault::Malformed("a record of another version"));
        }
        let length = HEADER + usize::from(u16::from_be_bytes([*high, *low]));
        if length > MAX_RECORD {
            return Err(RecordFault::Overflow);
        }
        // The content type is in every record; what is shorter was protected by nobody.
        if length < HEADER + 1 + TAG { Err(RecordFault::BadRecordMac) } else { Ok(Some(length)) }
    }

    /// Room that [`open`](Self::open) needs for a record of `length` octets: its data, type and padding.
    #[must_use]
    pub fn room_for(length: usize) -> usize {
        length.saturating_sub(HEADER + TAG)
    }

    /// Opens a whole record into `out`, which has [`room_for`](Self::room_for) it. Data stands at its front;
    /// what is behind it, and all of it if there is no data, is not for the reader.
    ///
    /// # Errors
    /// [`RecordFault`]; then `out` holds nothing that may be read.
    pub fn open(&mut self, record: &[u8], out: &mut [u8]) -> Result<Content, RecordFault> {
        let (header, sealed) = record.split_first_chunk::<HEADER>().ok_or(RecordFault::BadRecordMac)?;
        let out = out.get_mut(..Self::room_for(record.len())).ok_or(RecordFault::Exhausted)?;
        self.opening.open(*header, sealed, out)?;
        self.judge(out)
    }

    /// Opens a whole record where it stands: data stands behind the place of its header.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_in_place(&mut self, record: &mut [u8]) -> Result<Content, RecordFault> {
        let (header, sealed) = record.split_first_chunk_mut::<HEADER>().ok_or(RecordFault::BadRecordMac)?;
        let inner = self.opening.open_in_place(*header, sealed)?;
        self.judge(inner)
    }

    /// Seals what `slices` hold into records at the front of `out`, as much as there is room for.
    ///
    /// # Errors
    /// [`RecordFault::Exhausted`] if no more can be protected.
    pub fn seal(&mut self, slices: &[IoSlice<'_>], out: &mut [u8]) -> Result<Sealed, RecordFault> {
        let mut gather = Gather::new(slices);
        let mut sealed = Sealed::default();
        while !gather.is_empty() {
            let room = out.get_mut(sealed.written..).unwrap_or_default();
            let limit = room.len().saturating_sub(OVERHEAD + KEY_UPDATE_RECORD).min(MAX_PLAINTEXT);
            if limit == 0 {
                break;
            }
            let renewed = self.renew_if_due(room)?;
            let room = room.get_mut(renewed..).unwrap_or_default();
            let length = self.seal_piece(&mut gather, limit, room)?;
            sealed.taken += length;
            sealed.written += renewed + length + OVERHEAD;
        }
        Ok(sealed)
    }

    /// Seals an alert into the front of `out`, which has [`ALERT_ROOM`](super::layout::ALERT_ROOM); gives the length of what to send.
    ///
    /// # Errors
    /// [`RecordFault::Exhausted`] if no more can be protected.
    pub fn seal_alert(&mut self, alert: AlertDescription, out: &mut [u8]) -> Result<usize, RecordFault> {
        let renewed = self.renew_if_due(out)?;
        // RFC 8446 §6: closing is a warning, the rest is fatal.
        let level = if alert == AlertDescription::CloseNotify { 1 } else { 2 };
        let written = self.seal_message(ContentType::Alert, &[level, u8::from(alert)], out.get_mut(renewed..))?;
        Ok(renewed + written)
    }

    fn seal_piece(&mut self, gather: &mut Gather<'_>, limit: usize, out: &mut [u8]) -> Result<usize, RecordFault> {
        match gather.next(limit) {
            Piece::Whole(piece) => {
                self.seal_message(ContentType::ApplicationData, piece, Some(out))?;
                gather.skip(piece.len());
                Ok(piece.len())
            }
            Piece::Spread(length) => {
                let record = out.get_mut(..length + OVERHEAD).ok_or(RecordFault::Exhausted)?;
                gather.copy(record.get_mut(HEADER..HEADER + length).unwrap_or_default());
                self.sealing.seal_in_place(length, record)?;
                Ok(length)
            }
        }
    }

    fn seal_message(
        &mut self,
        content: ContentType,
        message: &[u8],
        out: Option<&mut [u8]>,
    ) -> Result<usize, RecordFault> {
        let length = message.len() + OVERHEAD;
        let record = out.and_then(|out| out.get_mut(..length)).ok_or(RecordFault::Exhausted)?;
        self.sealing.seal(content, message, record)?;
        Ok(length)
    }

    /// Goes on to our next key where the peer asked for it or this one is used up, and tells the peer.
    pub(super) fn renew_if_due(&mut self, out: &mut [u8]) -> Result<usize, RecordFault> {
        if !self.owes_update && self.sealing.sequence() < self.records_per_key {
            return Ok(0);
        }
        // RFC 8446 §4.6.3: one answer is enough for all requests, and it asks for nothing.
        let update = [u8::from(HandshakeType::KeyUpdate), 0, 0, 1, 0];
        let written = self.seal_message(ContentType::Handshake, &update, Some(out))?;
        self.sealing = self.chain.next_sealing()?;
        self.owes_update = false;
        Ok(written)
    }

    /// What an opened record carries: its data, its type, and zeros (RFC 8446 §5.2, §5.4).
    fn judge(&mut self, inner: &[u8]) -> Result<Content, RecordFault> {
        if inner.len() > MAX_PLAINTEXT + 1 {
            return Err(RecordFault::Overflow);
        }
        let end = inner.iter().rposition(|octet| *octet != 0).ok_or(RecordFault::Unexpected("a record of zeros"))?;
        let (content, rest) = inner.split_at_checked(end).unwrap_or_default();
        let kind = rest.first().copied().map(ContentType::from);
        if self.messages.is_between() && kind != Some(ContentType::Handshake) {
            return Err(RecordFault::Unexpected("a record in the middle of a message"));
        }
        match kind {
            Some(ContentType::ApplicationData) if !content.is_empty() => {
                self.fruitless = 0;
                Ok(Content::Data(content.len()))
            }
            Some(ContentType::ApplicationData) => self.bore().map(|()| Content::Nothing),
            Some(ContentType::Alert) if judge_alert(content)? => Ok(Content::End),
            Some(ContentType::Alert) => self.bore().map(|()| Content::Nothing),
            Some(ContentType::Handshake) => {
                self.bore()?;
                for message in self.messages.receive(content)? {
                    self.obey(&message)?;
                }
                Ok(Content::Nothing)
            }
            _ => Err(RecordFault::Unexpected("a record of another type")),
        }
    }

    /// Obeys a message after the handshake (RFC 8446 §4.6).
    fn obey(&mut self, message: &Message) -> Result<(), RecordFault> {
        match message.kind {
            HandshakeType::KeyUpdate => self.update(message),
            HandshakeType::NewSessionTicket => {
                self.bore()?;
                self.chain.keep_ticket(&message.body)
            }
            _ => Err(RecordFault::Unexpected("a handshake message")),
        }
    }

    /// RFC 8446 §4.6.3.
    fn update(&mut self, message: &Message) -> Result<(), RecordFault> {
        // RFC 8446 §5.1: a message before a change of keys ends with its record.
        if !message.is_last {
            return Err(RecordFault::Unexpected("a message behind a key update"));
        }
        match message.body.as_slice() {
            [0] => {}
            [1] => self.owes_update = true,
            [_] => return Err(RecordFault::Illegal("a key update")),
            _ => return Err(RecordFault::Malformed("a key update")),
        }
        self.opening = self.chain.next_opening()?;
        Ok(())
    }

    /// Counts what carries no data.
    fn bore(&mut self) -> Result<(), RecordFault> {
        if self.fruitless >= MAX_FRUITLESS {
            return Err(RecordFault::Fruitless);
        }
        self.fruitless += 1;
        Ok(())
    }
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic")
            .field("opening", &self.opening)
            .field("sealing", &self.sealing)
            .finish_non_exhaustive()
    }
}

impl Chain {
    fn next_sealing(&mut self) -> Result<RecordKey, RecordFault> {
        let next = match self {
            Self::Server(kernel) => kernel.update_tx_secret(),
            Self::Client(kernel) => kernel.update_tx_secret(),
        };
        let (sequence, secrets) = next.map_err(|_| RecordFault::Exhausted)?;
        RecordKey::new(sequence, &secrets)
    }

    fn next_opening(&mut self) -> Result<RecordKey, RecordFault> {
        let next = match self {
            Self::Server(kernel) => kernel.update_rx_secret(),
            Self::Client(kernel) => kernel.update_rx_secret(),
        };
        let (sequence, secrets) = next.map_err(|_| RecordFault::Exhausted)?;
        RecordKey::new(sequence, &secrets)
    }

    fn keep_ticket(&mut self, ticket: &[u8]) -> Result<(), RecordFault> {
        match self {
            // Only servers give tickets.
            Self::Server(_) => Err(RecordFault::Unexpected("a ticket")),
            Self::Client(kernel) => {
                kernel.handle_new_session_ticket(ticket).map_err(|_| RecordFault::Malformed("a ticket"))
            }
        }
    }
}

fn outer(content: u8) -> Result<(), RecordFault> {
    if content == u8::from(ContentType::ApplicationData) {
        return Ok(());
    }
    // Also a change_cipher_spec, which has no place behind the handshake (RFC 8446 §5).
    Err(RecordFault::Unexpected("an unprotected record"))
}
