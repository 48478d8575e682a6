//! Handshakes: a request that is taken is asked again in the same words; lists of extensions are read back as they were
//! printed; and both ends come to the same agreement, or none. Lines are header fields; the first octet says how.
#![no_main]

use gatepost_ws::deflate::agreed::{agree, check};
use gatepost_ws::deflate::config::Config;
use gatepost_ws::deflate::offer::offers;
use gatepost_ws::handshake::extension;
use gatepost_ws::handshake::offer::{Agreement, Offer};
use gatepost_ws::handshake::refusal::refusal;
use gatepost_ws::handshake::reserved;
use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Some((how, text)) = octets.split_first() else { return };
    let headers = fields(text);
    let config = Config {
        server_no_context_takeover: how & 1 != 0,
        client_no_context_takeover: how & 2 != 0,
        server_max_window_bits: 8 + (how >> 2 & 7),
        client_max_window_bits: 8 + (how >> 5),
        ..Config::default()
    };
    lists(&headers, &config);
    for (method, version) in [(Method::GET, Version::HTTP_11), (Method::CONNECT, Version::HTTP_2)] {
        match Offer::of_request(&method, version, &headers) {
            Ok(offer) => asked(&offer, &method, version, &config),
            Err(error) => {
                let (status, fields) = refusal(&error, version);
                assert!(status.is_client_error());
                assert!(Offer::extended(Vec::new()).check_answer(status, &fields).is_err());
            }
        }
    }
    let offer = Offer { extensions: offers(&config), ..Offer::extended(vec!["a".into(), "b".into()]) };
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        if let Ok(agreement) = offer.check_answer(status, &headers) {
            assert!(agreement.protocol.is_none_or(|name| name == "a" || name == "b"));
            let _ = check(&config, &agreement.extensions);
        }
    }
});

fn fields(text: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in text.split(|octet| *octet == b'\n') {
        let mut halves = line.splitn(2, |octet| *octet == b':');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            headers.append(name, value);
        }
    }
    headers
}

fn lists(headers: &HeaderMap, config: &Config) {
    let Ok(extensions) = extension::read(headers) else { return };
    let mut again = HeaderMap::new();
    if let Some(value) = extension::write(&extensions).unwrap() {
        again.insert(SEC_WEBSOCKET_EXTENSIONS, value);
    }
    assert_eq!(extension::read(&again).as_ref(), Ok(&extensions));
    if let Some((agreed, answer)) = agree(config, &extensions) {
        assert!(agreed.server_max_window_bits <= config.server_max_window_bits);
        assert!(agreed.client_max_window_bits <= config.client_max_window_bits);
        // Whoever offered nothing in particular takes the answer to mean the same, but for what was only hinted at.
        let heard = check(&Config::default(), &[answer]).unwrap().unwrap();
        assert_eq!(heard, agreed);
    }
    let _ = check(config, &extensions);
}

fn asked(offer: &Offer, method: &Method, version: Version, config: &Config) {
    let mut again = HeaderMap::new();
    offer.write(&mut again).unwrap();
    assert!(reserved::check(&again).is_err());
    assert_eq!(Offer::of_request(method, version, &again).as_ref(), Ok(offer));
    let protocol = offer.choose(&offer.protocols).unwrap();
    assert_eq!(protocol.as_ref(), offer.protocols.first());
    let extensions = agree(config, &offer.extensions).map(|(_, answer)| answer).into_iter().collect();
    let agreement = Agreement { protocol, extensions };
    let answer = offer.answer(&agreement).unwrap();
    assert_eq!(offer.check_answer(offer.status(), &answer), Ok(agreement));
}
