//! Documents with the error that they must have: its place, what is wrong, and what to do.

use std::path::Path;

use crate::config::compose::{Config, Flags, compose};
use crate::config::document::Document;
use crate::error::GatewayError;

fn read(text: &str) -> Result<Config, GatewayError> {
    compose(Some(&Document::new(Path::new("gatepost.toml"), text)), &|_| None, &Flags::default())
}

fn wrong(text: &str) -> (String, String, Option<String>) {
    match read(text) {
        Err(GatewayError::Setting { place, problem, hint }) => (place, problem, hint),
        other => panic!("{text}\n{other:?}"),
    }
}

/// A document; where it is wrong; what is said; what is advised.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("workres = 2", "gatepost.toml:1:1", "unknown key `workres`", "did you mean `workers`?"),
    ("workers = \"two\"", "gatepost.toml:1:11", "expected a whole number, found a text", ""),
    ("a = [", "gatepost.toml:1:6", "unclosed array", ""),
    ("[limits]\nhead_time = \"5 parsecs\"", "gatepost.toml:2:13", "expected a time such as", ""),
    ("[limits]\nhead_time = \"0s\"", "gatepost.toml:2:13", "is from 1ms to 365d, found 0s", ""),
    (
        "[limits]\nhead_fields = 9223372036854775807",
        "gatepost.toml:2:15",
        "`limits.head_fields` is from 1 to 10000, found 9223372036854775807",
        "",
    ),
    ("[limits]\nbody_rate = 2000000", "gatepost.toml:2:13", "from 0 to 1000000", ""),
    ("[limits]\nmemory_bytes = 1000", "gatepost.toml:2:16", "is 0 or at least 67108864, found 1000", "left out"),
    (
        "[limits]\nconnections = 10\nconnections_per_address = 11",
        "gatepost.toml:3:27",
        "`limits.connections_per_address` is from 1 to 10, found 11",
        "",
    ),
    ("[limits]\nconections_per_address = 1", "gatepost.toml:2:1", "unknown key", "`connections_per_address`"),
    ("[limits]\nhandshakes = -1", "gatepost.toml:2:14", "", ""),
    ("[limits]\nstreams = 0", "gatepost.toml:2:11", "from 1 to 10000", ""),
    (
        "identity_header = \"Content-Length\"",
        "gatepost.toml:1:19",
        "`Content-Length` means something else to the upstream",
        "X-Gatepost-User",
    ),
    ("[[listener]]\naddress = \"localhost\"", "gatepost.toml:2:11", "expected an address with its port", ""),
    (
        "[[listener]]\naddress = \"127.0.0.1:1\"\ntls = false",
        "gatepost.toml:3:7",
        "a listener without TLS",
        "plain_listeners",
    ),
    (
        "[[listener]]\naddress = \"127.0.0.1:1\"\nkey = \"k\"",
        "gatepost.toml:3:7",
        "a `key` without its `certificate`",
        "",
    ),
    ("[[route]]\nupstream = \"http://h\"", "gatepost.toml:1:1", "lists no schemes", "schemes = [\"Basic\"]"),
    ("[[route]]\nschemes = []\nupstream = \"http://h\"", "gatepost.toml:2:11", "lists no schemes", "no_auth"),
    (
        "[[route]]\nschemes = [\"Basic\", \"Bearrer\"]\nupstream = \"http://h\"",
        "gatepost.toml:2:21",
        "unknown scheme `Bearrer`",
        "did you mean `Bearer`?",
    ),
    ("[[route]]\nschemes = [\"Basic\"]", "gatepost.toml:1:1", "goes nowhere", "upstream"),
    (
        "[[route]]\nschemes = [\"Basic\"]\nupstream = \"http://h/x\"",
        "gatepost.toml:3:12",
        "an upstream has no path",
        "as it is",
    ),
    ("[[route]]\nschemes = [\"Basic\"]\nrespond = { status = 99 }", "gatepost.toml:3:22", "from 200 to 599", ""),
    ("[auth.bearer]\njwks = { url = \"http://h/k\" }", "gatepost.toml:2:16", "`https://` only", ""),
    (
        "[auth.wsse]\ndialects = [\"sha265\"]",
        "gatepost.toml:2:12",
        "unknown dialect `sha265`",
        "did you mean `sha256`?",
    ),
    (
        "[auth.digest]\nalgorithms = [\"SHA-265\"]",
        "gatepost.toml:2:14",
        "unknown algorithm `SHA-265`",
        "did you mean `SHA-256`?",
    ),
    ("[auth.digest]\nalgorithms = []", "gatepost.toml:2:14", "without an algorithm", "name one"),
    ("[auth.digest]\nqop = []", "gatepost.toml:2:7", "covers nothing", "digest_rfc2069"),
    ("[auth.digest]\nqop = [\"auth-conf\"]", "gatepost.toml:2:7", "unknown qop `auth-conf`", "auth-int"),
    ("[auth.digest]\nnonce_lifetime = \"2d\"", "gatepost.toml:2:18", "from 1s to 1d, found 2d", ""),
    ("[auth.digest]\ndomain = [\"/a /b\"]", "gatepost.toml:2:10", "neither a path nor a URL", ""),
    (
        "[auth.kerberos]\nservice = \"HTTP/a/b\"",
        "gatepost.toml:2:11",
        "expected a service such as `HTTP/www.example.com`, found `HTTP/a/b`",
        "",
    ),
    (
        "[[route]]\nschemes = [\"Basic\"]\nupstream = \"https://h\"\nupstream_credential = { keytab = \"k\" }",
        "gatepost.toml:4:23",
        "a keytab needs the `user`",
        "",
    ),
    (
        "[[route]]\nschemes = [\"Basic\"]\nupstream = \"https://h\"\nupstream_credential = { ambient = true, tickets = \"t\" }",
        "gatepost.toml:4:23",
        "or `{ ambient = true }`",
        "",
    ),
    (
        "[store]\nseal_key = { env = \"A\" }\nseal_passphrase = { env = \"B\" }",
        "gatepost.toml:3:19",
        "a store is sealed with a key or with a passphrase, not with both",
        "",
    ),
    ("[store]\nseal_key = \"hunter2\"", "gatepost.toml:2:12", "expected `{ env = \"NAME\" }`", "never written here"),
    ("[auth]\nschemes = [\"Bearrer\"]", "gatepost.toml:2:11", "unknown scheme `Bearrer`", "did you mean `Bearer`?"),
    ("[auth]\nschemes = []", "gatepost.toml:2:11", "`auth.schemes` lists none", "at the route itself"),
    ("[auth.damping]\nper_usr = 1", "gatepost.toml:2:1", "unknown key `per_usr`", "did you mean `per_user`?"),
    ("[auth.damping]\nfirst_wait = \"0s\"", "gatepost.toml:2:14", "is more than nothing and at most a day", ""),
    ("[auth.damping]\nforget_after = \"5s\"", "gatepost.toml:2:16", "is at least `longest_wait`", ""),
    ("[log]\ndecision_bytes = 5", "gatepost.toml:2:18", "from 65536 to 1073741824, found 5", ""),
    (
        "[[route]]\nschemes = [\"Basic\"]\nmode = \"pas\"\nupstream = \"http://h\"",
        "gatepost.toml:3:8",
        "unknown value `pas`",
        "did you mean `pass`?",
    ),
    (
        "[danger]\nno_auth = true\n[[route]]\nschemes = []\nmode = \"pass\"\nupstream = \"http://h\"",
        "gatepost.toml:5:8",
        "open to everybody has no `mode`",
        "",
    ),
    ("identity_header = \"x-gatepost-auth\"", "gatepost.toml:1:19", "means something else to the upstream", ""),
    ("# nothing", "gatepost.toml:1:1", "no `[[route]]`", ""),
    ("[[route]]\nwebsocket = \"rellay\"", "gatepost.toml:2:13", "unknown way `rellay`", "did you mean `relay`?"),
    ("[[route]]\nwebsocket = 1", "gatepost.toml:2:13", "`\"tunnel\"`, `\"relay\"` or `false`", ""),
    (
        "[[route]]\nwebsocket = \"relay\"\n[route.relay]\nmesage_bytes = 1",
        "gatepost.toml:4:1",
        "unknown key `mesage_bytes`",
        "did you mean `message_bytes`?",
    ),
    (
        "[[route]]\nschemes = [\"Basic\"]\nupstream = \"http://h\"\nwebsocket = \"relay\"\n[route.relay]\nmessage_bytes = 0",
        "gatepost.toml:6:17",
        "`message_bytes` is from 1 to 1073741824, found 0",
        "",
    ),
    (
        "[[route]]\nschemes = [\"Basic\"]\nupstream = \"http://h\"\n[route.relay]\npings = \"pass\"",
        "gatepost.toml:4:1",
        "`relay` is for routes with `websocket = \"relay\"`",
        "",
    ),
    ("[[route]]\n[route.relay]\npings = \"drop\"", "gatepost.toml:3:9", "drop", ""),
];

#[test]
fn wrong_documents_name_the_place_and_say_what_to_do() {
    for &(text, place, problem, hint) in WRONG {
        // What is looked at after the routes needs one to get there.
        let whole = if ["[auth", "[store", "[limits", "[log"].iter().any(|section| text.starts_with(section)) {
            format!("{text}\n[[route]]\nschemes = [\"Basic\"]\nupstream = \"http://h\"\n")
        } else {
            text.to_owned()
        };
        let found = wrong(&whole);
        assert_eq!(found.0, place, "{text}: {found:?}");
        assert!(found.1.contains(problem), "{text}: {found:?}");
        assert!(found.2.clone().unwrap_or_default().contains(hint), "{text}: {found:?}");
        assert!(!found.1.contains("hunter2"), "{found:?}");
    }
}
