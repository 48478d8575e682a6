//! Handshakes at both ends, from the examples of RFC 6455 §1.2 and §1.3 and what may go wrong in them.

use gatepost_ws::error::WsError;
use gatepost_ws::handshake::extension::{self, Extension, Parameter};
use gatepost_ws::handshake::offer::{Agreement, Offer};
use gatepost_ws::handshake::refusal::refusal;
use gatepost_ws::handshake::reserved;
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

/// RFC 8441 §5.1, without its pseudo-fields.
const EXTENDED: &str = "Sec-WebSocket-Protocol: chat, superchat\n\
    Sec-WebSocket-Extensions: permessage-deflate\n\
    Sec-WebSocket-Version: 13\n\
    Origin: http://www.example.com";

#[test]
fn the_example_of_rfc_8441_passes() {
    let offer = Offer::of_request(&Method::CONNECT, Version::HTTP_2, &fields(EXTENDED)).unwrap();
    let deflate = Extension { name: "permessage-deflate".into(), parameters: Vec::new() };
    let mut ours = Offer::extended(vec!["chat".into(), "superchat".into()]);
    ours.extensions.push(deflate.clone());
    assert_eq!(offer, ours);
    let mut written = fields("Origin: http://www.example.com");
    ours.write(&mut written).unwrap();
    assert_eq!(written, fields(EXTENDED));

    let agreement = Agreement { protocol: Some("chat".into()), extensions: vec![deflate] };
    let answer = "Sec-WebSocket-Protocol: chat\nSec-WebSocket-Extensions: permessage-deflate";
    assert_eq!((offer.status(), offer.answer(&agreement)), (StatusCode::OK, Ok(fields(answer))));
    assert_eq!(offer.check_answer(StatusCode::OK, &fields(answer)), Ok(agreement));
    let refused = Err(WsError::Answer("the status is not 2xx"));
    assert_eq!(offer.check_answer(StatusCode::SWITCHING_PROTOCOLS, &fields(answer)), refused);
}

#[test]
fn other_requests_over_http_2_are_refused() {
    let table = [
        (Method::GET, EXTENDED.to_owned(), WsError::Request("the method is not CONNECT")),
        (Method::CONNECT, EXTENDED.replace("13", "12"), WsError::Version),
        (Method::CONNECT, format!("{EXTENDED}\nContent-Length: 5"), WsError::Request("it has a body")),
        (Method::CONNECT, format!("{EXTENDED}\nUpgrade: websocket"), WsError::Request("a field of HTTP/1.1 in HTTP/2")),
    ];
    for (method, request, error) in table {
        assert_eq!(Offer::of_request(&method, Version::HTTP_2, &fields(&request)), Err(error), "{request}");
    }
}

#[test]
fn a_server_says_which_subprotocols_it_accepts() {
    let names = |text: &str| text.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let table = [("a b", "b a", Some("b")), ("a b", "", None), ("", "a", None), ("a b", "c b", Some("b"))];
    for (offered, accepted, chosen) in table {
        let offer = Offer::new([7; 16], names(offered));
        assert_eq!(offer.choose(&names(accepted)), Ok(chosen.map(str::to_owned)), "{offered} {accepted}");
    }
    for offer in [Offer::new([7; 16], names("a b")), Offer::extended(names("a b"))] {
        let error = offer.choose(&names("c d")).unwrap_err();
        assert_eq!(error, WsError::SubprotocolRefused { expected: names("c d") });
        let (status, headers) = refusal(&error, Version::HTTP_11);
        assert_eq!((status, &headers), (StatusCode::BAD_REQUEST, &fields("Sec-WebSocket-Protocol: c, d")));
        // The client hears of it.
        assert_eq!(offer.check_answer(status, &headers), Err(error));
        let other = offer.check_answer(status, &fields("Sec-WebSocket-Protocol: c, a"));
        assert!(matches!(other, Err(WsError::Answer(_))));
    }
}

#[test]
fn a_server_says_which_version_it_speaks() {
    let h1 = fields("Sec-WebSocket-Version: 13\nUpgrade: websocket\nConnection: Upgrade");
    assert_eq!(refusal(&WsError::Version, Version::HTTP_11), (StatusCode::UPGRADE_REQUIRED, h1.clone()));
    let h2 = fields("Sec-WebSocket-Version: 13");
    assert_eq!(refusal(&WsError::Version, Version::HTTP_2), (StatusCode::BAD_REQUEST, h2));
    assert_eq!(refusal(&WsError::Request("x"), Version::HTTP_11), (StatusCode::BAD_REQUEST, HeaderMap::new()));
    let offer = Offer::new([7; 16], Vec::new());
    let old = fields("Sec-WebSocket-Version: 7, 8");
    assert_eq!(offer.check_answer(StatusCode::UPGRADE_REQUIRED, &old), Err(WsError::Version));
    let ours = offer.check_answer(StatusCode::UPGRADE_REQUIRED, &h1);
    assert_eq!(ours, Err(WsError::Answer("the status is not 101")));
}

#[test]
fn fields_of_the_handshake_are_not_the_callers() {
    for name in ["Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "sec-websocket-new", "Upgrade", "Connection"] {
        let headers = fields(&format!("Cookie: a=b\n{name}: x"));
        let error = WsError::Unsendable("a header field that belongs to the handshake");
        assert_eq!(reserved::check(&headers), Err(error), "{name}");
    }
    assert_eq!(reserved::check(&fields("Cookie: a=b\nOrigin: https://a.example\nAuthorization: x")), Ok(()));
}

#[test]
fn lists_of_extensions_are_read_strictly() {
    let read = |text: &str| {
        let headers = fields(&format!("Sec-WebSocket-Extensions: {text}"));
        extension::read(&headers).map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    };
    let name = Err("a name in a list is not a token");
    let parameter = Err("a parameter of an extension is not a token");
    let table = [
        ("A ;b ; c = \"d\"\t,e", Ok("a; b; c=d, e".to_owned())),
        ("a; b=\"\\c\"", Ok("a; b=c".to_owned())),
        ("a,,b", name.clone()),
        ("", name.clone()),
        ("a=b", name.clone()),
        (";a", name.clone()),
        ("a;", parameter.clone()),
        ("a; b=", parameter.clone()),
        ("a; =c", parameter.clone()),
        ("a; b=\"\"", parameter.clone()),
        ("a; b=\"c d\"", parameter.clone()),
        ("a; b=\"c,d\"", parameter.clone()),
        ("a; b=c\"d\"", parameter.clone()),
        ("a; b=\"c\"d", Err("a quoted string is followed by more")),
        ("a; b=\"c\\\"", Err("a quoted string does not end")),
    ];
    for (text, expected) in table {
        assert_eq!(read(text), expected, "{text}");
    }
    let many = vec!["a"; 101].join(",");
    assert_eq!(read(&many), Err("a list of more than a hundred"));
    assert_eq!(read(&format!("a;{}", many.replace(',', ";"))), Err("a list of more than a hundred"));
}

#[test]
fn what_is_not_made_of_tokens_is_not_sent() {
    let parameter = |name: &str, value: &str| Parameter { name: name.into(), value: Some(value.into()) };
    for (name, parameters) in [("a b", vec![]), ("a", vec![parameter("b", "c,d")]), ("a", vec![parameter("", "c")])] {
        let mut offer = Offer::extended(Vec::new());
        offer.extensions.push(Extension { name: name.into(), parameters });
        let error = WsError::Unsendable("an extension that is not made of tokens");
        assert_eq!(offer.write(&mut HeaderMap::new()), Err(error));
    }
    for (protocols, error) in
        [(["a", "a"], "a subprotocol that is on offer twice"), (["a", "b c"], "a subprotocol that is not a token")]
    {
        let offer = Offer::extended(protocols.map(str::to_owned).to_vec());
        assert_eq!(offer.write(&mut HeaderMap::new()), Err(WsError::Unsendable(error)));
    }
}
