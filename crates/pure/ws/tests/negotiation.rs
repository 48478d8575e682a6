//! The negotiation of permessage-deflate (RFC 7692 §7.1), at both ends.

use gatepost_ws::deflate::agreed::{Agreed, agree, check};
use gatepost_ws::deflate::config::Config;
use gatepost_ws::deflate::offer::offers;
use gatepost_ws::error::WsError;
use gatepost_ws::handshake::extension::{self, Extension};
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};
use proptest::prelude::*;

fn list(text: &str) -> Vec<Extension> {
    let mut headers = HeaderMap::new();
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(text).unwrap());
    extension::read(&headers).unwrap()
}

fn config(server_alone: bool, client_alone: bool, server_bits: u8, client_bits: u8) -> Config {
    Config {
        server_no_context_takeover: server_alone,
        client_no_context_takeover: client_alone,
        server_max_window_bits: server_bits,
        client_max_window_bits: client_bits,
        ..Config::default()
    }
}

fn agreed(config: &Config) -> Agreed {
    let Config { level, threshold, .. } = *config;
    Agreed {
        server_no_context_takeover: config.server_no_context_takeover,
        client_no_context_takeover: config.client_no_context_takeover,
        server_max_window_bits: config.server_max_window_bits,
        client_max_window_bits: config.client_max_window_bits,
        level,
        threshold,
    }
}

#[test]
fn what_a_client_offers() {
    let table = [
        (Config::default(), "permessage-deflate; client_max_window_bits"),
        (
            Config::shared(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
        ),
        (config(false, false, 10, 9), "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9"),
        (config(false, false, 0, 99), "permessage-deflate; server_max_window_bits=8; client_max_window_bits"),
    ];
    for (config, text) in table {
        let texts: Vec<String> = offers(&config).iter().map(ToString::to_string).collect();
        assert_eq!(texts, [text]);
    }
}

/// An offer, and what the server makes of it.
type Accepted<'a> = (&'a Config, &'a str, Config, &'a str);

#[test]
fn what_a_server_accepts() {
    let (ready, shared, small) = (Config::default(), Config::shared(), config(false, false, 10, 11));
    let table: [Accepted<'_>; 8] = [
        // What RFC 7692 §7.1.3 shows.
        (&ready, "permessage-deflate", config(false, false, 15, 15), "permessage-deflate"),
        (
            &ready,
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
            config(false, false, 10, 15),
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            &ready,
            "permessage-deflate; x, permessage-deflate; server_max_window_bits=8, permessage-deflate",
            config(false, false, 8, 15),
            "permessage-deflate; server_max_window_bits=8",
        ),
        (
            &ready,
            "x, permessage-deflate; server_no_context_takeover; client_max_window_bits=\"12\"",
            config(true, false, 15, 12),
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=12",
        ),
        (
            &ready,
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=15",
            config(false, true, 15, 15),
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=15",
        ),
        (
            &shared,
            "permessage-deflate",
            config(true, true, 15, 15),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            &small,
            "permessage-deflate, permessage-deflate; client_max_window_bits",
            config(false, false, 10, 11),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11",
        ),
        (
            &small,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=14",
            config(false, false, 9, 11),
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=11",
        ),
    ];
    for (config, offered, expected, answer) in table {
        let got = agree(config, &list(offered)).map(|(agreed, answer)| (agreed, answer.to_string()));
        assert_eq!(got, Some((agreed(&expected), answer.to_owned())), "{offered}");
    }
}

#[test]
fn what_a_server_passes_over() {
    let (ready, small) = (Config::default(), config(false, false, 10, 11));
    let table = [
        (&small, "permessage-deflate"),
        (&ready, "x, y; server_no_context_takeover"),
        (&ready, "permessage-deflate; server_no_context_takeover=1"),
        (&ready, "permessage-deflate; client_no_context_takeover=\"x\""),
        (&ready, "permessage-deflate; server_no_context_takeover; server_no_context_takeover"),
        (&ready, "permessage-deflate; client_max_window_bits; client_max_window_bits=10"),
        (&ready, "permessage-deflate; server_max_window_bits"),
        (&ready, "permessage-deflate; server_max_window_bits=7"),
        (&ready, "permessage-deflate; server_max_window_bits=16"),
        (&ready, "permessage-deflate; server_max_window_bits=08"),
        (&ready, "permessage-deflate; client_max_window_bits=+9"),
    ];
    for (config, offered) in table {
        assert_eq!(agree(config, &list(offered)), None, "{offered}");
    }
}

/// An answer, and what the client takes it for.
type Judged<'a> = (&'a Config, &'a str, Result<Option<Config>, &'static str>);

#[test]
fn what_a_client_takes_for_an_answer() {
    let ready = Config::default();
    let shared = config(true, false, 15, 15);
    let small = config(false, false, 10, 11);
    let table: [Judged<'_>; 19] = [
        (&ready, "permessage-deflate", Ok(Some(config(false, false, 15, 15)))),
        (&ready, "x", Ok(None)),
        (&ready, "permessage-deflate; server_max_window_bits=9", Ok(Some(config(false, false, 9, 15)))),
        (&ready, "permessage-deflate; client_max_window_bits=8", Ok(Some(config(false, false, 15, 8)))),
        (
            &ready,
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            Ok(Some(config(true, true, 15, 15))),
        ),
        (&shared, "permessage-deflate; server_no_context_takeover", Ok(Some(config(true, false, 15, 15)))),
        (&small, "permessage-deflate; server_max_window_bits=10", Ok(Some(config(false, false, 10, 11)))),
        (
            &small,
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=9",
            Ok(Some(config(false, false, 8, 9))),
        ),
        (&shared, "permessage-deflate", Err("the server does not do without context takeover")),
        (&small, "permessage-deflate", Err("the server's window is larger than what was offered")),
        (
            &small,
            "permessage-deflate; server_max_window_bits=11",
            Err("the server's window is larger than what was offered"),
        ),
        (
            &small,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=12",
            Err("the client's window is larger than what was offered"),
        ),
        (&ready, "permessage-deflate; client_max_window_bits", Err("a window without its size")),
        (&ready, "permessage-deflate; server_max_window_bits", Err("a window without its size")),
        (&ready, "permessage-deflate; server_max_window_bits=010", Err("a window size that is not 8 to 15")),
        (&ready, "permessage-deflate; client_no_context_takeover=1", Err("a value where none may be")),
        (&ready, "permessage-deflate; level=9", Err("an unknown parameter of permessage-deflate")),
        (
            &ready,
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
            Err("a parameter of permessage-deflate is given twice"),
        ),
        (&ready, "permessage-deflate, permessage-deflate", Err("permessage-deflate is agreed to twice")),
    ];
    for (config, answered, expected) in table {
        let expected = expected.map(|config| config.as_ref().map(agreed)).map_err(WsError::Answer);
        assert_eq!(check(config, &list(answered)), expected, "{answered}");
    }
}

fn any_config() -> impl Strategy<Value = Config> {
    (any::<(bool, bool)>(), 8..=15_u8, 8..=15_u8)
        .prop_map(|(alone, server, client)| config(alone.0, alone.1, server, client))
}

proptest! {
    #[test]
    fn both_ends_come_to_the_same(client in any_config(), server in any_config()) {
        let (at_server, answer) = agree(&server, &offers(&client)).unwrap();
        prop_assert_eq!(check(&client, &[answer]), Ok(Some(at_server)));
        prop_assert!(at_server.server_max_window_bits <= client.server_max_window_bits.min(server.server_max_window_bits));
        prop_assert!(at_server.client_max_window_bits <= client.client_max_window_bits.min(server.client_max_window_bits));
    }
}
