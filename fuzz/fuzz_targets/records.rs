//! TLS records after the handshake: however the octets are split, the data, the end and the fault are the same.
//! The peer has the right keys and breaks whatever rule it likes. The first octet says which version and which end
//! reads, the second how to split, the rest what to send.
#![no_main]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use gatepost_model::time::Timestamp;
use gatepost_tls::handshake::{ClientSettings, Established, Handshake, Protection, ServerSettings};
use gatepost_tls::issue::Authority;
use gatepost_tls::legacy::Legacy;
use gatepost_tls::record::fault::RecordFault;
use gatepost_tls::record::layout::{ALERT_ROOM, HEADER, MAX_PLAINTEXT, MAX_RECORD, SEAL_ROOM, TAG};
use gatepost_tls::record::traffic::{Content, Traffic};
use gatepost_tls::server::ServerTls;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, KeyLog, RootCertStore, SupportedProtocolVersion};

const DATA: u8 = 23;
const HANDSHAKE: u8 = 22;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Some(([which, step], script)) = octets.split_first_chunk::<2>() else { return };
    let (reader, split) = (if which & 2 == 0 { End::Server } else { End::Client }, usize::from(*step) + 1);
    if which & 1 == 0 {
        let whole = Reading::of(reader, script).read(usize::MAX, Place::Beside);
        if let Some(data) = plain(script) {
            assert_eq!(whole, (data, 0, Ok(false)), "what keeps the rules comes out");
        }
        assert_eq!(Reading::of(reader, script).read(split, Place::Same), whole);
    } else {
        let whole = legacy(reader, script, usize::MAX);
        assert_eq!(legacy(reader, script, split), whole);
    }
});

/// What a script says that only sends data.
fn plain(script: &[u8]) -> Option<Vec<u8>> {
    let (mut data, mut rest) = (Vec::new(), script);
    while let Some(([kind, length], behind)) = rest.split_first_chunk::<2>() {
        let (content, behind) = behind.split_at(usize::from(*length).min(behind.len()));
        if kind % 6 != 1 || content.is_empty() {
            return None;
        }
        data.extend_from_slice(content);
        rest = behind;
    }
    Some(data)
}

/// Which end reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Server,
    Client,
}

/// Where a record is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Beside,
    Same,
}

/// What came, octets that were not looked at, and how it ended; `true` if the peer said so.
type Read = (Vec<u8>, usize, Result<bool, RecordFault>);

/// One end, and what it is to read.
struct Reading {
    traffic: Traffic,
    stream: Vec<u8>,
}

impl Reading {
    fn of(reader: End, script: &[u8]) -> Self {
        let (server, client) = established(&CLIENT);
        let tickets = server.output.clone();
        let (server, mut client) = (traffic(server), traffic(client));
        let opened = Self { traffic: client, stream: tickets.clone() };
        let sent = records(&tickets);
        client = opened.passed();
        let (label, traffic, sent) = match reader {
            End::Server => ("CLIENT_TRAFFIC_SECRET_0", server, 0),
            End::Client => ("SERVER_TRAFFIC_SECRET_0", client, sent),
        };
        let secret = SECRETS.0.lock().unwrap().remove(label).unwrap();
        Self { traffic, stream: Forger::new(&secret, sent).stream(script) }
    }

    /// The end, once it has read tickets and nothing else.
    fn passed(mut self) -> Traffic {
        let mut rest = self.stream.as_mut_slice();
        while let Some(length) = Traffic::measure(rest).unwrap() {
            let (record, behind) = rest.split_at_mut(length);
            assert_eq!(self.traffic.open_in_place(record), Ok(Content::Nothing));
            rest = behind;
        }
        self.traffic
    }

    fn read(mut self, step: usize, place: Place) -> Read {
        let (mut data, mut buffer, mut fed) = (Vec::new(), Vec::new(), 0_usize);
        let ended = loop {
            let whole = match Traffic::measure(&buffer) {
                Err(fault) => break Err(fault),
                Ok(length) => length.filter(|length| buffer.len() >= *length),
            };
            let Some(length) = whole else {
                if fed == self.stream.len() {
                    break Ok(false);
                }
                let end = self.stream.len().min(fed.saturating_add(step));
                buffer.extend_from_slice(&self.stream[fed..end]);
                fed = end;
                continue;
            };
            assert!(length > HEADER + TAG && length <= MAX_RECORD);
            let mut record: Vec<u8> = buffer.drain(..length).collect();
            match self.open(&mut record, place) {
                Ok((Content::Data(count), inner)) => {
                    assert!(count > 0 && count <= MAX_PLAINTEXT);
                    data.extend_from_slice(&inner[..count]);
                }
                Ok((Content::Nothing, _)) => {}
                Ok((Content::End, _)) => break Ok(true),
                Err(fault) => break Err(fault),
            }
        };
        self.answer(&ended);
        let left = if ended.is_ok() { buffer.len() + self.stream.len() - fed } else { 0 };
        assert!(data.len() <= self.stream.len());
        (data, left, ended)
    }

    fn open(&mut self, record: &mut [u8], place: Place) -> Result<(Content, Vec<u8>), RecordFault> {
        if place == Place::Same {
            let content = self.traffic.open_in_place(record)?;
            return Ok((content, record[HEADER..].to_vec()));
        }
        let mut inner = vec![0; Traffic::room_for(record.len())];
        Ok((self.traffic.open(record, &mut inner)?, inner))
    }

    /// Whatever came, there is room for what is said to it.
    fn answer(&mut self, ended: &Result<bool, RecordFault>) {
        let mut room = vec![0; SEAL_ROOM];
        match ended {
            Ok(_) => {
                let slices = [std::io::IoSlice::new(b"answer")];
                assert_eq!(self.traffic.seal(&slices, &mut room).unwrap().taken, 6);
            }
            Err(fault) => {
                let Some(alert) = fault.alert() else { return };
                assert!(self.traffic.seal_alert(alert, &mut room[..ALERT_ROOM]).unwrap() <= ALERT_ROOM);
            }
        }
    }
}

/// Whole records in `stream`.
fn records(stream: &[u8]) -> u64 {
    let (mut rest, mut count) = (stream, 0);
    while let Some(length) = Traffic::measure(rest).unwrap() {
        (rest, count) = (&rest[length..], count + 1);
    }
    count
}

/// A peer with the keys of its direction, made from the secret by the words of RFC 8446 §7.
struct Forger {
    secret: Vec<u8>,
    sequence: u64,
}

/// The length of what is derived.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Forger {
    fn new(secret: &[u8], sequence: u64) -> Self {
        Self { secret: secret.to_vec(), sequence }
    }

    /// What a script says: kind, length, content, and again.
    fn stream(mut self, script: &[u8]) -> Vec<u8> {
        let (mut stream, mut rest) = (Vec::new(), script);
        while let Some(([kind, length], behind)) = rest.split_first_chunk::<2>() {
            let (content, behind) = behind.split_at(usize::from(*length).min(behind.len()));
            rest = behind;
            match kind % 6 {
                0 => stream.extend(self.seal(content)),
                1 => stream.extend(self.seal(&[content, &[DATA]].concat())),
                2 => stream.extend(self.seal(&[content, &[HANDSHAKE]].concat())),
                3 => stream.extend_from_slice(content),
                4 => {
                    let mut record = self.seal(&[content, &[DATA]].concat());
                    let at = usize::from(*length) % record.len();
                    record[at] ^= 1 << (kind >> 5);
                    stream.extend(record);
                }
                _ => {
                    stream.extend(self.seal(&[24, 0, 0, 1, kind >> 7, HANDSHAKE]));
                    self.secret = self.derive(b"traffic upd", 32);
                    self.sequence = 0;
                }
            }
        }
        stream
    }

    /// A record with this inside, its type and padding included.
    fn seal(&mut self, inner: &[u8]) -> Vec<u8> {
        let key = UnboundKey::new(&AES_128_GCM, &self.derive(b"key", 16)).unwrap();
        let mut nonce: [u8; 12] = self.derive(b"iv", 12).try_into().unwrap();
        for (octet, number) in nonce.iter_mut().skip(4).zip(self.sequence.to_be_bytes()) {
            *octet ^= number;
        }
        self.sequence += 1;
        let length = u16::try_from(inner.len() + TAG).unwrap().to_be_bytes();
        let header = [DATA, 3, 3, length[0], length[1]];
        let mut sealed = inner.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).unwrap();
        [&header[..], &sealed].concat()
    }

    fn derive(&self, label: &[u8], length: u8) -> Vec<u8> {
        let name = [b"tls13 ", label].concat();
        let info = [&[0, length, u8::try_from(name.len()).unwrap()][..], &name, &[0]].concat();
        let mut out = vec![0; usize::from(length)];
        let info = [info.as_slice()];
        let secret = Prk::new_less_safe(HKDF_SHA256, &self.secret);
        secret.expand(&info, Length(out.len())).unwrap().fill(&mut out).unwrap();
        out
    }
}

/// The same of TLS 1.2, whose records rustls makes: here the peer can only repeat, alter and add.
fn legacy(reader: End, script: &[u8], step: usize) -> (Vec<u8>, Result<bool, rustls::Error>) {
    let (server, client) = established(&LEGACY_CLIENT);
    let (mut reader, mut peer) = match reader {
        End::Server => (old(server), old(client)),
        End::Client => (old(client), old(server)),
    };
    let (mut stream, mut rest) = (Vec::new(), script);
    while let Some(([kind, length], behind)) = rest.split_first_chunk::<2>() {
        let (content, behind) = behind.split_at(usize::from(*length).min(behind.len()));
        rest = behind;
        let before = stream.len();
        match kind % 4 {
            0 => peer.close(&mut stream).unwrap(),
            1 => stream.extend_from_slice(content),
            _ if content.is_empty() => {}
            _ => peer.seal(content, &mut stream).unwrap(),
        }
        if kind % 4 == 2 && stream.len() > before {
            let at = before + usize::from(*length) % (stream.len() - before);
            stream[at] ^= 1 << (kind >> 5);
        }
    }
    let (mut data, mut closed) = (Vec::new(), false);
    for piece in stream.chunks(step.min(stream.len()).max(1)) {
        let received = reader.receive(piece);
        assert!(received.output.len() <= 1024);
        data.extend(received.plaintext);
        match received.closed {
            Ok(now) => closed |= now,
            Err(error) => return (data, Err(error)),
        }
    }
    assert!(data.len() <= stream.len());
    (data, Ok(closed))
}

static SECRETS: LazyLock<Arc<Secrets>> = LazyLock::new(Arc::default);
static SERVER: LazyLock<(ServerSettings, Vec<u8>)> = LazyLock::new(server);
static CLIENT: LazyLock<ClientSettings> = LazyLock::new(|| client(&rustls::version::TLS13));
static LEGACY_CLIENT: LazyLock<ClientSettings> = LazyLock::new(|| client(&rustls::version::TLS12));

/// The secrets of the handshake before, by their label.
#[derive(Debug, Default)]
struct Secrets(Mutex<HashMap<String, Vec<u8>>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().insert(label.to_owned(), secret.to_vec());
    }
}

/// A server's settings, and the authority that vouches for it.
fn server() -> (ServerSettings, Vec<u8>) {
    let start = Timestamp::parse_rfc3339("2020-01-01T00:00:00Z").unwrap();
    let authority = Authority::create("Records", start, Duration::from_secs(1 << 31)).unwrap();
    let issued = authority.issue_server(&["localhost".to_owned()], start, Duration::from_secs(1 << 30)).unwrap();
    let server = ServerTls::single(&issued.chain, &issued.key).unwrap();
    (server.settings_for("127.0.0.1:443".parse().unwrap()), authority.certificate_der().to_vec())
}

fn client(version: &'static SupportedProtocolVersion) -> ClientSettings {
    let mut provider = default_provider();
    provider.cipher_suites.retain(|suite| suite.tls13().is_none() || *suite == TLS13_AES_128_GCM_SHA256);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(SERVER.1.clone())).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[version]).unwrap();
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.key_log = Arc::clone(&SECRETS) as Arc<dyn KeyLog>;
    ClientSettings::new(client)
}

/// Both ends after their handshake: the server, the client.
fn established(client: &ClientSettings) -> (Established, Established) {
    let mut client = Handshake::client(client, "localhost".try_into().unwrap()).unwrap();
    let mut server = Handshake::server(&SERVER.0).unwrap();
    while !(server.is_over() && client.is_over()) {
        server.receive(&client.take_output()).unwrap();
        let output = if server.is_over() && client.is_over() { Vec::new() } else { server.take_output() };
        client.receive(&output).unwrap();
    }
    (server.finish().unwrap(), client.finish().unwrap())
}

fn traffic(end: Established) -> Traffic {
    let Protection::Traffic(traffic) = end.protection else { panic!("not TLS 1.3") };
    *traffic
}

fn old(end: Established) -> Legacy {
    let Protection::Legacy(legacy) = end.protection else { panic!("not TLS 1.2") };
    legacy
}
