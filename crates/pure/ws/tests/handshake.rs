//! Handshakes at both ends, from the examples of RFC 6455 §1.2 and §1.3 and what may go wrong in them.

use gatepost_ws::error::WsError;
use gatepost_ws::handshake::offer::{Agreement, Offer};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use proptest::prelude::*;

/// The request of RFC 6455 §1.2, with its fields of interest.
const REQUEST: &str = "Host: server.example.com\n\
    Upgrade: websocket\n\
    Connection: Upgrade\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\
    Origin: http://example.com\n\
    Sec-WebSocket-Protocol: chat, superchat\n\
    Sec-WebSocket-Version: 13";

/// The answer of RFC 6455 §1.2 and §1.3.
const ANSWER: &str = "Upgrade: websocket\n\
    Connection: Upgrade\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\
    Sec-WebSocket-Protocol: chat";

fn fields(text: &str) -> HeaderMap {
    let pair = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in text.lines().map(pair) {
        headers.append(name, value);
    }
    headers
}

fn ask(text: &str) -> Result<Offer, WsError> {
    Offer::of_request(&Method::GET, Version::HTTP_11, &fields(text))
}

#[test]
fn the_example_of_the_rfc_passes() {
    let offer = ask(REQUEST).unwrap();
    assert_eq!(offer.protocols, ["chat", "superchat"]);
    let [chat, other] = ["chat", "other"].map(|name| Agreement { protocol: Some(name.into()), ..Agreement::default() });
    assert_eq!(offer.answer(&chat), Ok(fields(ANSWER)));
    assert_eq!(offer.check_answer(StatusCode::SWITCHING_PROTOCOLS, &fields(ANSWER)), Ok(chat));
    assert!(matches!(offer.answer(&other), Err(WsError::Unsendable(_))));
}

#[test]
fn browsers_spell_lists_in_their_own_way() {
    let request = REQUEST.replace("Connection: Upgrade", "Connection: keep-alive, Upgrade").replace(
        "Origin: http://example.com",
        "Sec-WebSocket-Extensions: Permessage-Deflate; client_max_window_bits, x; a=\"1\\2\" ;b =c",
    );
    let read: Vec<String> = ask(&request).unwrap().extensions.iter().map(ToString::to_string).collect();
    assert_eq!(read, ["permessage-deflate; client_max_window_bits", "x; a=12; b=c"]);
}

#[test]
fn other_requests_are_refused() {
    let request = |from: &str, to: &str| {
        let changed = REQUEST.replace(from, to);
        assert_ne!(changed, REQUEST, "{from}");
        ask(&changed).unwrap_err()
    };
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let bad_key = "the key is not sixteen octets in base64";
    let twice = "a field that may stand once is given twice";
    let table = [
        ("Upgrade: websocket", "Upgrade: h2c", WsError::Request("Upgrade does not list websocket")),
        ("Upgrade: websocket", "Upgrade: websockets", WsError::Request("Upgrade does not list websocket")),
        ("Connection: Upgrade", "Connection: close", WsError::Request("Connection does not list upgrade")),
        ("Version: 13", "Version: 8", WsError::Version),
        ("Version: 13", "Version: 13, 8", WsError::Version),
        ("Sec-WebSocket-Version: 13", "X: y", WsError::Version),
        (key, "X: y", WsError::Request(bad_key)),
        ("bXBsZSBub25jZQ==", "bXBsZSBub25jZR==", WsError::Request(bad_key)),
        ("bXBsZSBub25jZQ==", "bXBsZSBub25jZQ", WsError::Request(bad_key)),
        ("Origin: http://example.com", key, WsError::Request(twice)),
        ("Origin: http://example.com", "Content-Length: 1", WsError::Request("it has a body")),
        ("Origin: http://example.com", "Transfer-Encoding: chunked", WsError::Request("it has a body")),
        ("chat, superchat", "chat, chat", WsError::Request("a subprotocol is on offer twice")),
        ("chat, superchat", "chat, ", WsError::Request("a name in a list is not a token")),
        ("chat, superchat", "a b", WsError::Request("a name in a list is not a token")),
        (
            "Origin: http://example.com",
            "Sec-WebSocket-Extensions: x; a=\"",
            WsError::Request("a quoted string does not end"),
        ),
    ];
    for (from, to, error) in table {
        assert_eq!(request(from, to), error, "{to}");
    }
    let headers = fields(REQUEST);
    let other = [(Method::POST, Version::HTTP_11), (Method::GET, Version::HTTP_10)];
    for (method, version) in other {
        assert!(matches!(Offer::of_request(&method, version, &headers), Err(WsError::Request(_))));
    }
}

#[test]
fn nothing_but_a_true_101_is_an_answer() {
    let offer = ask(REQUEST).unwrap();
    let protocol = "a subprotocol that was not on offer";
    let extension = "an extension that was not on offer";
    let twice = "a field that may stand once is given twice";
    let proof = "the proof does not fit the key";
    let upgrade = "Upgrade is not websocket";
    let table = [
        ("Upgrade: websocket", "Upgrade: h2c", upgrade),
        ("Upgrade: websocket", "Upgrade: websocket, h2c", upgrade),
        ("Upgrade: websocket", "X: y", upgrade),
        ("Connection: Upgrade", "Connection: close", "Connection does not list upgrade"),
        ("RbK+xOo=", "RbK+xOp=", proof),
        ("s3pPLMB", "S3PPLMB", proof),
        ("Sec-WebSocket-Accept", "X", proof),
        ("Protocol: chat", "Protocol: Chat", protocol),
        ("Protocol: chat", "Protocol: chat, superchat", protocol),
        ("Protocol: chat", "Protocol: chat\nSec-WebSocket-Protocol: chat", twice),
        ("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate", extension),
    ];
    for (from, to, error) in table {
        let answer = ANSWER.replace(from, to);
        assert_ne!(answer, ANSWER, "{from}");
        assert_eq!(
            offer.check_answer(StatusCode::SWITCHING_PROTOCOLS, &fields(&answer)),
            Err(WsError::Answer(error)),
            "{to}"
        );
    }
    for status in [StatusCode::OK, StatusCode::CONTINUE, StatusCode::UNAUTHORIZED] {
        assert_eq!(offer.check_answer(status, &fields(ANSWER)), Err(WsError::Answer("the status is not 101")));
    }
}

proptest! {
    #[test]
    fn each_end_understands_the_other(entropy in any::<[u8; 16]>(), protocols in prop::collection::hash_set("[a-z.]{1,6}", 0..4)) {
        let offer = Offer::new(entropy, protocols.into_iter().collect());
        let mut headers = HeaderMap::new();
        offer.write(&mut headers).unwrap();
        prop_assert_eq!(Offer::of_request(&Method::GET, Version::HTTP_11, &headers), Ok(offer.clone()));
        let protocol = offer.protocols.last().cloned();
        let agreement = Agreement { protocol, extensions: Vec::new() };
        let answer = offer.answer(&agreement).unwrap();
        let agreed = offer.check_answer(StatusCode::SWITCHING_PROTOCOLS, &answer);
        prop_assert_eq!(agreed, Ok(agreement));
    }
}
