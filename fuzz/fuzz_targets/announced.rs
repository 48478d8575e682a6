//! The PROXY protocol: what is measured stays measured, and what is understood can be said again.
#![no_main]

use gatepost_http::proxy_header::header::Measure;
use gatepost_http::proxy_header::read::{LONGEST, measure, read};
use gatepost_http::proxy_header::write::{Version, write};

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Ok(Measure::Whole(length)) = measure(octets) else { return };
    assert!((8..=LONGEST).contains(&length) && length <= octets.len());
    let header = &octets[..length];
    for end in 0..length {
        assert_eq!(measure(&header[..end]), Ok(Measure::NotYet));
    }
    let Ok(announced) = read(header) else { return };
    let Some(route) = announced.route else { return };
    assert_eq!(route.source.is_ipv4(), route.destination.is_ipv4());
    for version in [Version::V1, Version::V2] {
        let said = read(&write(version, route)).unwrap().route.unwrap();
        let plain = |address: std::net::SocketAddr| (address.ip().to_canonical(), address.port());
        assert_eq!((plain(said.source), plain(said.destination)), (plain(route.source), plain(route.destination)));
    }
});
