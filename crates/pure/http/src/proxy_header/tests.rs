//! Headers as others write them, and as nobody should.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::checksum::crc32c;
use super::fault::Fault;
use super::header::{Announced, AnnouncedTls, Measure, Route};
use super::read::{LONGEST, measure, read};
use super::v2::SIGNATURE;
use super::write::{Version, write};

fn route(source: &str, destination: &str) -> Route {
    Route { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

fn of(source: &str, destination: &str) -> Announced {
    Announced { route: Some(route(source, destination)), ..Announced::default() }
}

/// A header of version 2 with this command, family and rest.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

const FOUR: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb];

fn value(kind: u8, octets: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(octets.len()).unwrap().to_be_bytes(), octets].concat()
}

#[test]
fn lines_of_version_1() {
    let unknown = || Ok(Announced::default());
    let table: [(&str, Result<Announced, Fault>); 21] = [
        ("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", Ok(of("192.0.2.1:12345", "198.51.100.2:443"))),
        ("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", Ok(of("[2001:db8::1]:0", "[::1]:65535"))),
        ("PROXY UNKNOWN\r\n", unknown()),
        ("PROXY UNKNOWN whatever  stands\there\r\n", unknown()),
        ("PROXY UNKNOWNX\r\n", Err(Fault::Malformed("its line"))),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n", Err(Fault::Malformed("its line"))),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443 \r\n", Err(Fault::Malformed("its line"))),
        ("PROXY TCP4  192.0.2.1 198.51.100.2 12345 443\r\n", Err(Fault::Malformed("a port"))),
        ("PROXY TCP4 192.0.2.01 198.51.100.2 12345 443\r\n", Err(Fault::Malformed("an address"))),
        ("PROXY TCP4 2001:db8::1 ::1 1 2\r\n", Err(Fault::Malformed("an address"))),
        ("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", Err(Fault::Malformed("an address"))),
        ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", Err(Fault::Malformed("an address"))),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 012345 443\r\n", Err(Fault::Malformed("a port"))),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n", Err(Fault::Malformed("a port"))),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n", Err(Fault::Malformed("a port"))),
        ("PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", Err(Fault::Malformed("its protocol"))),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", Err(Fault::Malformed("its line does not end in CR LF"))),
        ("PROXY TCP4 192.0.2.1", Err(Fault::Malformed("its length"))),
        ("proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", Err(Fault::Absent)),
        ("GET / HTTP/1.1\r\n", Err(Fault::Absent)),
        ("\u{16}\u{3}\u{1}", Err(Fault::Absent)),
    ];
    for (line, expected) in table {
        assert_eq!(read(line.as_bytes()), expected, "{line:?}");
    }
    let long = format!("PROXY UNKNOWN {}", "x".repeat(93));
    assert_eq!(
        (measure(&long.as_bytes()[..106]), measure(long.as_bytes())),
        (Ok(Measure::NotYet), Err(Fault::TooLong))
    );
}

#[test]
fn octets_of_version_2() {
    let six = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 15], &[1], &[0, 1, 0, 2]].concat();
    let known = || of("192.0.2.1:12345", "198.51.100.2:443");
    let nothing = Announced::default;
    let ssl = |client: u8, verify: u8| {
        let inner = value(0x21, b"TLSv1.3");
        value(0x20, &[&[client, 0, 0, 0, verify][..], &inner, &value(0x22, b"ali")].concat())
    };
    let with = |values: &[Vec<u8>]| v2(0x21, 0x11, &[&FOUR[..], &values.concat()].concat());
    let tls = |verified| Announced { tls: Some(AnnouncedTls { version: Some("TLSv1.3".into()), verified }), ..known() };
    let table = [
        (v2(0x21, 0x11, &FOUR), Ok(known())),
        (v2(0x21, 0x21, &six), Ok(of("[2001:db8::1]:1", "[::1]:2"))),
        (v2(0x21, 0x31, &[0; 216]), Ok(nothing())),
        (v2(0x21, 0x00, b"\xff\xff\xff"), Ok(nothing())),
        (v2(0x20, 0x11, &FOUR), Ok(nothing())),
        (v2(0x20, 0x00, b""), Ok(nothing())),
        (v2(0x20, 0x99, b"junk"), Ok(nothing())),
        (v2(0x21, 0x12, &FOUR), Err(Fault::Datagram)),
        (v2(0x21, 0x13, &FOUR), Err(Fault::Malformed("its family"))),
        (v2(0x21, 0x41, &FOUR), Err(Fault::Malformed("its family"))),
        (v2(0x22, 0x11, &FOUR), Err(Fault::Malformed("its command"))),
        (v2(0x11, 0x11, &FOUR), Err(Fault::Malformed("its version"))),
        (v2(0x21, 0x11, &FOUR[..11]), Err(Fault::Malformed("its addresses"))),
        (v2(0x21, 0x21, &FOUR), Err(Fault::Malformed("its addresses"))),
        (v2(0x21, 0x31, &[0; 215]), Err(Fault::Malformed("its addresses"))),
        (with(&[value(0x02, b"a.test")]), Ok(Announced { authority: Some("a.test".into()), ..known() })),
        (with(&[value(0x01, b"h2"), value(0x04, &[0; 9])]), Ok(Announced { alpn: Some(b"h2".to_vec()), ..known() })),
        (with(&[ssl(0x01, 1)]), Ok(tls(false))),
        (with(&[ssl(0x05, 1)]), Ok(tls(false))),
        (with(&[ssl(0x05, 0)]), Ok(tls(true))),
        (with(&[ssl(0x04, 0)]), Ok(known())),
        (with(&[value(0x20, &[1, 0, 0, 0])]), Err(Fault::Malformed("its TLS"))),
        (with(&[value(0x02, b"a\0b")]), Err(Fault::Malformed("its host name"))),
        (with(&[value(0x02, &[b'a'; 256])]), Err(Fault::Malformed("its host name"))),
        (with(&[value(0x02, b"a"), value(0x02, b"b")]), Err(Fault::Malformed("a value that stands there twice"))),
        (with(&[value(0xee, b"a"), value(0xee, b"b")]), Ok(known())),
        (with(&[vec![0x02]]), Err(Fault::Malformed("a value"))),
        (with(&[vec![0x02, 0, 9, 1]]), Err(Fault::Malformed("a value"))),
        (with(&[value(0x03, b"abc")]), Err(Fault::Malformed("a checksum"))),
        (with(&[value(0x03, &[0; 4])]), Err(Fault::Checksum)),
    ];
    for (header, expected) in table {
        assert_eq!(read(&header), expected, "{header:02x?}");
    }
    let long = [&SIGNATURE[..], &[0x21, 0x11], &u16::try_from(LONGEST - 15).unwrap().to_be_bytes()].concat();
    assert_eq!(measure(&long), Err(Fault::TooLong));
}

#[test]
fn a_checksum_holds_wherever_it_stands() {
    let around = |sum: [u8; 4]| {
        let values = [value(0x02, b"a.test"), value(0x03, &sum), value(0x01, b"h2")].concat();
        v2(0x21, 0x11, &[&FOUR[..], &values].concat())
    };
    let sum = crc32c([around([0; 4]).as_slice()]).to_be_bytes();
    assert!(read(&around(sum)).is_ok());
    let mut bent = around(sum);
    for at in SIGNATURE.len() + 4..bent.len() {
        bent[at] ^= 1;
        assert!(read(&bent) != read(&around(sum)), "{at}");
        bent[at] ^= 1;
    }
}

#[test]
fn what_is_written_is_what_others_write() {
    let table = [
        ("192.0.2.1:12345", "198.51.100.2:443", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"),
        ("[2001:db8::1]:1", "[::1]:2", "PROXY TCP6 2001:db8::1 ::1 1 2\r\n"),
        ("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
        ("[2001:db8::1]:1", "192.0.2.2:2", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 2\r\n"),
    ];
    for (source, destination, line) in table {
        assert_eq!(write(Version::V1, route(source, destination)), line.as_bytes());
    }
    let header = write(Version::V2, route("192.0.2.1:12345", "198.51.100.2:443"));
    assert_eq!((&header[..16], &header[16..28], header.len()), (&v2(0x21, 0x11, &[0; 19])[..16], &FOUR[..], 35));
}

fn address() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from),
        (any::<[u16; 8]>(), any::<u16>()).prop_map(SocketAddr::from),
    ]
}

proptest! {
    /// Whatever is told is understood, by whatever pieces it comes.
    #[test]
    fn what_is_written_is_read(source in address(), destination in address(), behind: Vec<u8>, text: bool) {
        let version = if text { Version::V1 } else { Version::V2 };
        let header = write(version, Route { source, destination });
        let wire = [header.as_slice(), &behind].concat();
        for end in 0..header.len() {
            prop_assert_eq!(measure(&wire[..end]), Ok(Measure::NotYet));
        }
        prop_assert_eq!(measure(&wire), Ok(Measure::Whole(header.len())));
        let read = read(&header).unwrap().route.unwrap();
        let plain = |address: SocketAddr| (address.ip().to_canonical(), address.port());
        prop_assert_eq!((plain(read.source), plain(read.destination)), (plain(source), plain(destination)));
        prop_assert_eq!(read.source.is_ipv4(), read.destination.is_ipv4());
    }

    /// Nothing that comes does harm, and what is measured stays measured.
    #[test]
    fn junk_is_read_without_harm(
        front in prop_oneof![Just(b"PROXY TCP4 ".to_vec()), Just(SIGNATURE.to_vec()), Just(v2(0x21, 0x11, &FOUR)), Just(vec![])],
        junk: Vec<u8>,
        at: usize,
        with: u8,
    ) {
        let mut wire = [front, junk].concat();
        if let Some(length) = (!wire.is_empty()).then_some(wire.len()) {
            wire[at % length] = with;
        }
        let _ = read(&wire);
        if let Ok(Measure::Whole(length)) = measure(&wire) {
            prop_assert!(length <= wire.len() && length <= LONGEST);
            let _ = read(&wire[..length]);
            prop_assert_eq!(measure(&wire[..length]), Ok(Measure::Whole(length)));
            prop_assert_eq!(measure(&wire[..length - 1]), Ok(Measure::NotYet));
        }
    }
}
