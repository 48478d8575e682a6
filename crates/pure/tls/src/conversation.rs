//! rustls' unbuffered connections, client or server, behind one shape.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::server::{ClientHello, ResolvesServerCert, UnbufferedServerConnection};
use rustls::sign::CertifiedKey;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedStatus, WriteTraffic,
};
use rustls::{CommonState, Error};

use crate::record::traffic::Traffic;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It went on; there may be more to do.
    Went,
    /// It needs more from the peer.
    Blocked,
    /// The peer has said that it says no more.
    PeerClosed,
}

/// Where what a step brings goes.
#[derive(Debug, Default)]
pub(crate) struct Yield {
    /// For the reader.
    pub(crate) plaintext: Vec<u8>,
    /// For the peer.
    pub(crate) ciphertext: Vec<u8>,
}

/// One end of a TLS connection whose records rustls makes.
pub(crate) trait Conversation: Send {
    /// One step over `incoming`; so many octets of its front are used up, whatever else happened.
    fn step(&mut self, incoming: &mut [u8], into: &mut Yield) -> (usize, Result<Step, Error>);

    /// Seals `data`, once the handshake is over. `incoming` is what `step` left.
    fn seal(&mut self, incoming: &mut [u8], data: &[u8], out: &mut Vec<u8>) -> Result<(), Error>;

    /// Seals a close_notify, once the handshake is over.
    fn close(&mut self, incoming: &mut [u8], out: &mut Vec<u8>) -> Result<(), Error>;

    /// Which end it is.
    fn is_server(&self) -> bool;

    /// What both ends agreed on.
    fn common(&self) -> &CommonState;

    /// Takes the keys of TLS 1.3 over.
    fn into_traffic(self: Box<Self>) -> Result<Traffic, Error>;
}

impl Conversation for UnbufferedServerConnection {
    fn step(&mut self, incoming: &mut [u8], into: &mut Yield) -> (usize, Result<Step, Error>) {
        step(self.process_tls_records(incoming), into)
    }

    fn seal(&mut self, incoming: &mut [u8], data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        seal(writable(self.process_tls_records(incoming))?, data, out)
    }

    fn close(&mut self, incoming: &mut [u8], out: &mut Vec<u8>) -> Result<(), Error> {
        close(writable(self.process_tls_records(incoming))?, out)
    }

    fn is_server(&self) -> bool {
        true
    }

    fn common(&self) -> &CommonState {
        self
    }

    fn into_traffic(self: Box<Self>) -> Result<Traffic, Error> {
        Traffic::server(*self)
    }
}

impl Conversation for UnbufferedClientConnection {
    fn step(&mut self, incoming: &mut [u8], into: &mut Yield) -> (usize, Result<Step, Error>) {
        step(self.process_tls_records(incoming), into)
    }

    fn seal(&mut self, incoming: &mut [u8], data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        seal(writable(self.process_tls_records(incoming))?, data, out)
    }

    fn close(&mut self, incoming: &mut [u8], out: &mut Vec<u8>) -> Result<(), Error> {
        close(writable(self.process_tls_records(incoming))?, out)
    }

    fn is_server(&self) -> bool {
        false
    }

    fn common(&self) -> &CommonState {
        self
    }

    fn into_traffic(self: Box<Self>) -> Result<Traffic, Error> {
        Traffic::client(*self)
    }
}

fn step<D>(status: UnbufferedStatus<'_, '_, D>, into: &mut Yield) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state, .. } = status;
    let step = match state {
        Err(error) => Err(error),
        Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, &mut into.ciphertext).map(|()| Step::Went),
        // It is in `ciphertext`, which goes out whole and in order.
        Ok(ConnectionState::TransmitTlsData(sent)) => {
            sent.done();
            Ok(Step::Went)
        }
        Ok(ConnectionState::ReadTraffic(mut records)) => {
            let mut read = Ok(Step::Went);
            while let Some(record) = records.next_record() {
                match record {
                    Ok(record) => {
                        discard += record.discard;
                        into.plaintext.extend_from_slice(record.payload);
                    }
                    Err(error) => read = Err(error),
                }
            }
            read
        }
        Ok(ConnectionState::PeerClosed) => Ok(Step::PeerClosed),
        Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_) | ConnectionState::Closed) => {
            Ok(Step::Blocked)
        }
        // Early data is off.
        Ok(other) => Err(Error::General(format!("{other:?} was not expected"))),
    };
    (discard, step)
}

fn writable<'c, D>(status: UnbufferedStatus<'c, '_, D>) -> Result<WriteTraffic<'c, D>, Error> {
    match status.state? {
        ConnectionState::WriteTraffic(traffic) => Ok(traffic),
        other => Err(Error::General(format!("{other:?} was not expected"))),
    }
}

fn encode<D>(data: &mut EncodeTlsData<'_, D>, out: &mut Vec<u8>) -> Result<(), Error> {
    grow(out, 0, |room| match data.encode(room) {
        Ok(written) => Ok(written),
        Err(EncodeError::InsufficientSize(needed)) => Err(Some(needed)),
        Err(EncodeError::AlreadyEncoded) => Err(None),
    })
}

fn seal<D>(mut traffic: WriteTraffic<'_, D>, data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    grow(out, data.len().saturating_add(64), |room| traffic.encrypt(data, room).map_err(|error| needed(&error)))
}

fn close<D>(mut traffic: WriteTraffic<'_, D>, out: &mut Vec<u8>) -> Result<(), Error> {
    grow(out, 64, |room| traffic.queue_close_notify(room).map_err(|error| needed(&error)))
}

fn needed(error: &EncryptError) -> Option<InsufficientSizeError> {
    match error {
        EncryptError::InsufficientSize(needed) => Some(*needed),
        EncryptError::EncryptExhausted => None,
    }
}

/// Appends what `write` writes; it says how much room it needs if there is too little.
fn grow(
    out: &mut Vec<u8>,
    guess: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<InsufficientSizeError>>,
) -> Result<(), Error> {
    let start = out.len();
    let mut room = guess;
    for _ in 0..2 {
        out.resize(start.saturating_add(room), 0);
        match write(out.get_mut(start..).unwrap_or_default()) {
            Ok(written) => {
                out.truncate(start.saturating_add(written));
                return Ok(());
            }
            Err(Some(needed)) => room = needed.required_size,
            Err(None) => break,
        }
    }
    out.truncate(start);
    Err(Error::EncryptError)
}

thread_local! {
    /// The name in the ClientHello that this thread has just resolved a certificate for.
    static ASKED_FOR: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers the name that a client asked for: an unbuffered connection does not tell.
///
/// rustls asks for the certificate in the middle of a step, on the same thread; who drives the step
/// [takes](asked_for) the name right behind it. To parse the ClientHello a second time could find another name.
#[derive(Debug)]
pub(crate) struct Witness(pub(crate) Arc<dyn ResolvesServerCert>);

impl ResolvesServerCert for Witness {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_owned);
        ASKED_FOR.with(|asked| asked.replace(name));
        self.0.resolve(hello)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }
}

/// Takes the name that the step before was asked for.
pub(crate) fn asked_for() -> Option<String> {
    ASKED_FOR.with(RefCell::take)
}
