//! Two ends in memory, and a peer that breaks the rules with the right keys.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::time::Timestamp;
use proptest::prelude::*;
use rustls::crypto::aws_lc_rs;
use rustls::crypto::aws_lc_rs::cipher_suite::{
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, ClientConfig, ContentType, RootCertStore, SupportedCipherSuite};

use super::fault::RecordFault;
use super::layout::{ALERT_ROOM, HEADER, MAX_PLAINTEXT, MAX_RECORD, OVERHEAD, SEAL_ROOM};
use super::traffic::{Content, Traffic};
use crate::handshake::{Established, Handshake, Protection};
use crate::issue::Authority;
use crate::server::ServerTls;
use crate::settings::{ClientSettings, ServerSettings};

const SUITES: [SupportedCipherSuite; 3] =
    [TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256];

/// Settings of two ends that speak one suite.
fn settings(suite: SupportedCipherSuite) -> (ServerSettings, ClientSettings) {
    let start = Timestamp::parse_rfc3339("2020-01-01T00:00:00Z").unwrap();
    let authority = Authority::create("Record authority", start, Duration::from_secs(1 << 31)).unwrap();
    let issued = authority.issue_server(&["localhost".to_owned()], start, Duration::from_secs(1 << 30)).unwrap();
    let server = ServerTls::single(&issued.chain, &issued.key).unwrap();
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![suite];
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate_der())).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server.settings_for("127.0.0.1:443".parse().unwrap()), ClientSettings::new(client))
}

/// Both ends after their handshake: the server, the client.
fn established(suite: SupportedCipherSuite) -> (Established, Established) {
    let (server, client) = settings(suite);
    let mut client = Handshake::client(&client, "localhost".try_into().unwrap()).unwrap();
    let mut server = Handshake::server(&server, &[]).unwrap();
    while !server.is_over() {
        server.receive(&client.take_output()).unwrap();
        let output = if server.is_over() { Vec::new() } else { server.take_output() };
        client.receive(&output).unwrap();
    }
    (server.finish().unwrap(), client.finish().unwrap())
}

fn traffic(established: Established) -> Traffic {
    let Protection::Traffic(traffic) = established.protection else { panic!("TLS 1.3 was agreed on") };
    *traffic
}

fn pair() -> (Traffic, Traffic) {
    let (server, client) = established(TLS13_AES_128_GCM_SHA256);
    let tickets = server.output.clone();
    let (server, mut client) = (traffic(server), traffic(client));
    assert_eq!(open_all(&mut client, &tickets), Ok(Vec::new()));
    (server, client)
}

fn seal(traffic: &mut Traffic, data: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    let mut left = data;
    while !left.is_empty() {
        let mut room = vec![0; SEAL_ROOM];
        let sealed = traffic.seal(&[IoSlice::new(left)], &mut room).unwrap();
        records.extend_from_slice(&room[..sealed.written]);
        left = &left[sealed.taken..];
    }
    records
}

/// Opens all records of `records`; what they carried, `|` between them.
fn open_all(traffic: &mut Traffic, records: &[u8]) -> Result<Vec<u8>, RecordFault> {
    let (mut rest, mut data) = (records, Vec::new());
    while let Some(length) = Traffic::measure(rest)? {
        let Some(record) = rest.get(..length) else { break };
        let mut room = vec![0; Traffic::room_for(length)];
        if let Content::Data(count) = traffic.open(record, &mut room)? {
            data.extend_from_slice(&room[..count]);
        }
        rest = &rest[length..];
    }
    Ok(data)
}

/// A record with the right keys and whatever inside; the last octet of `inner` is its type or its padding.
fn forge(traffic: &mut Traffic, inner: &[u8]) -> Vec<u8> {
    let (last, front) = inner.split_last().unwrap();
    let mut record = vec![0; front.len() + OVERHEAD];
    traffic.sealing.seal(ContentType::from(*last), front, &mut record).unwrap();
    record
}

#[test]
fn every_suite_carries_data_both_ways_and_tickets() {
    for suite in SUITES {
        let (server, client) = established(suite);
        assert!(!server.output.is_empty(), "tickets wait to be sent");
        let (tickets, late) = (server.output.clone(), client.output.clone());
        assert_eq!(late, b"", "the client's Finished has gone");
        let (mut server, mut client) = (traffic(server), traffic(client));
        assert_eq!(open_all(&mut client, &tickets), Ok(Vec::new()));
        for length in [0, 1, 15, 16_383, 16_384, 16_385, 100_000] {
            let data = vec![0xA5; length];
            let records = seal(&mut server, &data);
            assert_eq!(records.len(), length + length.div_ceil(MAX_PLAINTEXT) * OVERHEAD);
            assert_eq!(open_all(&mut client, &records), Ok(data.clone()), "{suite:?} {length}");
            let mut records = seal(&mut client, &data);
            if length > 0 && length <= MAX_PLAINTEXT {
                assert_eq!(server.open_in_place(&mut records), Ok(Content::Data(length)));
                assert_eq!(&records[HEADER..HEADER + length], &data);
            } else {
                assert_eq!(open_all(&mut server, &records), Ok(data));
            }
        }
    }
}

#[test]
fn headers_are_judged_before_they_are_believed() {
    let long = u16::try_from(MAX_RECORD - HEADER).unwrap().to_be_bytes();
    let longer = u16::try_from(MAX_RECORD - HEADER + 1).unwrap().to_be_bytes();
    let plain = Err(RecordFault::Unexpected("an unprotected record"));
    type Measured = Result<Option<usize>, RecordFault>;
    let cases: [(&[u8], Measured); 11] = [
        (&[], Ok(None)),
        (&[23], Ok(None)),
        (&[23, 3, 3, 0], Ok(None)),
        (&[23, 3, 3, 0, 17], Ok(Some(22))),
        (&[23, 3, 3, 0, 16], Err(RecordFault::BadRecordMac)),
        (&[23, 3, 3, long[0], long[1]], Ok(Some(MAX_RECORD))),
        (&[23, 3, 3, longer[0], longer[1]], Err(RecordFault::Overflow)),
        (&[23, 3, 1, 0, 17], Err(RecordFault::Malformed("a record of another version"))),
        (&[21, 3, 3, 0, 2, 2, 20], plain),
        (&[20, 3, 3, 0, 1, 1], plain),
        (b"G", plain),
    ];
    for (octets, expected) in cases {
        assert_eq!(Traffic::measure(octets), expected, "{octets:?}");
    }
}

#[test]
fn what_is_inside_is_judged_too() {
    let full = [vec![7; MAX_PLAINTEXT], vec![23]].concat();
    let over = [vec![7; MAX_PLAINTEXT + 1], vec![23]].concat();
    let middle = RecordFault::Unexpected("a record in the middle of a message");
    let cases: [(&[u8], Result<Content, RecordFault>); 18] = [
        (b"hello\x17", Ok(Content::Data(5))),
        (b"hello\x17\0\0\0", Ok(Content::Data(5))),
        (b"\0\0\x17", Ok(Content::Data(2))),
        (b"\x17", Ok(Content::Nothing)),
        (&full, Ok(Content::Data(MAX_PLAINTEXT))),
        (&over, Err(RecordFault::Exhausted)),
        (&[0; 64], Err(RecordFault::Unexpected("a record of zeros"))),
        (b"\x01\x14", Err(RecordFault::Unexpected("a record of another type"))),
        (b"hello\x18", Err(RecordFault::Unexpected("a record of another type"))),
        (b"\x01\0\x15", Ok(Content::End)),
        (b"\x02\x14\x15", Err(RecordFault::Alert(AlertDescription::BadRecordMac))),
        (b"\x15", Err(RecordFault::Malformed("an alert"))),
        (b"\x16", Err(RecordFault::Unexpected("an empty handshake record"))),
        (b"\x18\0\0\x01\0\x16", Ok(Content::Nothing)),
        (b"\x18\0\0\x01\x02\x16", Err(RecordFault::Illegal("a key update"))),
        (b"\x18\0\0\x01\0\x18\x16", Err(RecordFault::Unexpected("a message behind a key update"))),
        (b"\x01\0\0\0\x16", Err(RecordFault::Unexpected("a handshake message"))),
        (b"\x04\0\0\x01\0\x16", Err(RecordFault::Unexpected("a ticket"))),
    ];
    for (inner, expected) in cases {
        let (mut server, mut client) = pair();
        if expected == Err(RecordFault::Exhausted) {
            // We do not even make it.
            let mut record = vec![0; inner.len() + OVERHEAD];
            let made = client.sealing.seal(ContentType::ApplicationData, &inner[1..], &mut record);
            assert_eq!(made, Err(RecordFault::Exhausted));
            continue;
        }
        let record = forge(&mut client, inner);
        let mut room = vec![0; Traffic::room_for(record.len())];
        assert_eq!(server.open(&record, &mut room), expected, "{inner:?}");
    }
    let (mut server, mut client) = pair();
    assert_eq!(open_all(&mut server, &forge(&mut client, b"\x18\0\0\x16")), Ok(Vec::new()));
    assert_eq!(open_all(&mut server, &forge(&mut client, b"hello\x17")), Err(middle));
    let (mut server, mut client) = pair();
    let junk = forge(&mut server, b"\x04\0\0\x01\0\x16");
    assert_eq!(open_all(&mut client, &junk), Err(RecordFault::Malformed("a ticket")));
}

#[test]
fn padding_may_fill_a_record_and_not_more() {
    // RFC 8446 §5.4: type and padding count.
    let (mut server, mut client) = pair();
    let inner = [b"x\x17".to_vec(), vec![0; MAX_PLAINTEXT - 1]].concat();
    assert_eq!(open_all(&mut server, &forge(&mut client, &inner)), Ok(b"x".to_vec()));
}

#[test]
fn floods_without_data_end() {
    for inner in [Some(&b"\x17"[..]), Some(b"\x01\x5a\x15"), None] {
        let (mut server, mut client) = pair();
        let mut seen = Vec::new();
        while seen.len() < 40 && seen.last().is_none_or(Result::is_ok) {
            let record = match inner {
                Some(inner) => forge(&mut client, inner),
                None => update(&mut client),
            };
            seen.push(open_all(&mut server, &record));
        }
        assert_eq!((seen.len(), seen.last()), (33, Some(&Err(RecordFault::Fruitless))), "{inner:?}");
        let (mut server, mut client) = pair();
        for _ in 0..40 {
            let record = match inner {
                Some(inner) => forge(&mut client, inner),
                None => update(&mut client),
            };
            let records = [record, seal(&mut client, b"data")].concat();
            assert_eq!(open_all(&mut server, &records), Ok(b"data".to_vec()), "with data between it is none");
        }
    }
}

/// A KeyUpdate that asks for nothing.
fn update(traffic: &mut Traffic) -> Vec<u8> {
    traffic.owes_update = true;
    let mut room = [0; ALERT_ROOM];
    let length = traffic.renew_if_due(&mut room).unwrap();
    room[..length].to_vec()
}

#[test]
fn an_update_that_is_asked_for_comes_once_and_before_data() {
    let (mut server, mut client) = pair();
    assert_eq!(open_all(&mut server, &forge(&mut client, b"\x18\0\0\x01\x01\x16")), Ok(Vec::new()));
    let (first, second) = (seal(&mut server, b"first"), seal(&mut server, b"second"));
    assert_eq!((first.len(), second.len()), (5 + OVERHEAD + 5 + OVERHEAD, 6 + OVERHEAD));
    assert_eq!(open_all(&mut client, &[first, second].concat()), Ok(b"firstsecond".to_vec()));
}

#[test]
fn used_up_keys_are_replaced_in_time() {
    for suite in SUITES {
        let (server, client) = established(suite);
        let (mut server, mut client) = (traffic(server), traffic(client));
        let before = client.sealing.sequence();
        client.records_per_key = 3;
        for number in 0..20_u8 {
            let records = seal(&mut client, &[number; 40_000]);
            assert_eq!(open_all(&mut server, &records), Ok(vec![number; 40_000]));
        }
        assert_eq!(before, 0);
        assert!(client.sealing.sequence() <= 3, "keys were replaced");
    }
}

#[test]
fn alerts_say_what_they_should() {
    let (mut server, mut client) = pair();
    for (alert, expected) in [
        (AlertDescription::BadRecordMac, Err(RecordFault::Alert(AlertDescription::BadRecordMac))),
        (AlertDescription::CloseNotify, Ok(Vec::new())),
    ] {
        let mut room = [0; ALERT_ROOM];
        let length = client.seal_alert(alert, &mut room).unwrap();
        assert_eq!(open_all(&mut server, &room[..length]), expected);
    }
    let faults = [
        (RecordFault::BadRecordMac, Some(AlertDescription::BadRecordMac)),
        (RecordFault::Overflow, Some(AlertDescription::RecordOverflow)),
        (RecordFault::Unexpected("x"), Some(AlertDescription::UnexpectedMessage)),
        (RecordFault::Fruitless, Some(AlertDescription::UnexpectedMessage)),
        (RecordFault::Malformed("x"), Some(AlertDescription::DecodeError)),
        (RecordFault::Illegal("x"), Some(AlertDescription::IllegalParameter)),
        (RecordFault::Exhausted, Some(AlertDescription::InternalError)),
        (RecordFault::Alert(AlertDescription::InternalError), None),
    ];
    for (fault, alert) in faults {
        assert_eq!(fault.alert(), alert, "{fault}");
    }
}

#[test]
fn records_open_once_and_in_order() {
    let (mut server, mut client) = pair();
    let (first, second) = (seal(&mut client, b"first"), seal(&mut client, b"second"));
    let (mut other, mut stranger) = pair();
    assert_eq!(open_all(&mut other, &first), Err(RecordFault::BadRecordMac), "another connection");
    assert_eq!(open_all(&mut server, &seal(&mut stranger, b"first")), Err(RecordFault::BadRecordMac));
    let (mut server_, mut client_) = pair();
    let mirrored = seal(&mut client_, b"mirrored");
    assert_eq!(open_all(&mut client_, &mirrored), Err(RecordFault::BadRecordMac), "its own");
    assert_eq!(open_all(&mut server_, &mirrored), Ok(b"mirrored".to_vec()));
    let mut fresh = pair();
    let (one, two) = (seal(&mut fresh.1, b"one"), seal(&mut fresh.1, b"two"));
    assert_eq!(open_all(&mut fresh.0, &two), Err(RecordFault::BadRecordMac), "out of order");
    let mut again = pair();
    let one_again = seal(&mut again.1, b"one");
    assert_eq!(open_all(&mut again.0, &one_again), Ok(b"one".to_vec()));
    assert_eq!(open_all(&mut again.0, &one_again), Err(RecordFault::BadRecordMac), "twice");
    drop((one, second));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn slices_of_any_length_come_out_as_one_stream(
        lengths in proptest::collection::vec(0_usize..9000, 0..12), room in 60_usize..SEAL_ROOM
    ) {
        let (mut server, mut client) = pair();
        let slices: Vec<Vec<u8>> = lengths.iter().enumerate()
            .map(|(number, length)| (0..*length).map(|at| u8::try_from((at + number) % 251).unwrap()).collect())
            .collect();
        let whole = slices.concat();
        let (mut records, mut taken) = (Vec::new(), 0);
        while taken < whole.len() {
            let mut skipped = taken;
            let left: Vec<IoSlice<'_>> = slices.iter().map(|slice| {
                let from = skipped.min(slice.len());
                skipped -= from;
                IoSlice::new(&slice[from..])
            }).collect();
            let mut out = vec![0; room];
            let sealed = client.seal(&left, &mut out).unwrap();
            prop_assert!(sealed.taken > 0);
            taken += sealed.taken;
            records.extend_from_slice(&out[..sealed.written]);
        }
        prop_assert_eq!(open_all(&mut server, &records), Ok(whole));
    }

    #[test]
    fn a_flipped_bit_never_opens(length in 1_usize..600, bit in 0_usize..8, place in any::<prop::sample::Index>()) {
        let (mut server, mut client) = pair();
        let mut record = seal(&mut client, &vec![0x5A; length]);
        let at = place.index(record.len());
        record[at] ^= 1 << bit;
        // A longer length only makes us wait for more; give it that.
        record.extend_from_slice(&[0; MAX_RECORD]);
        prop_assert!(open_all(&mut server, &record).is_err());
    }

    #[test]
    fn junk_neither_opens_nor_panics(mut junk in proptest::collection::vec(any::<u8>(), 0..2000), framed in any::<bool>()) {
        let (mut server, _) = pair();
        if framed && junk.len() >= HEADER {
            let length = u16::try_from(junk.len() - HEADER).unwrap().to_be_bytes();
            junk[..HEADER].copy_from_slice(&[23, 3, 3, length[0], length[1]]);
        }
        let mut copy = junk.clone();
        let mut room = vec![0; junk.len()];
        prop_assert!(server.open(&junk, &mut room).is_err());
        prop_assert!(server.open_in_place(&mut copy).is_err());
        prop_assert!(!matches!(open_all(&mut server, &junk), Ok(data) if !data.is_empty()));
    }

    #[test]
    fn what_the_right_key_protects_never_panics(inner in proptest::collection::vec(any::<u8>(), 1..300), kind in 20_u8..25) {
        let (mut server, mut client) = pair();
        let inner = [inner, vec![kind]].concat();
        let record = forge(&mut client, &inner);
        let _ = open_all(&mut server, &record);
        let record = forge(&mut server, &inner);
        let _ = open_all(&mut client, &record);
    }
}
