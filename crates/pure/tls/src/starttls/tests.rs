//! Dialogues as transcripts: good ones, what is refused, and what holds for every protocol.

use super::dialogue::{Dialogue, MAX_HEARD};
use super::error::StartTlsError;
use super::{ALL, by_name};

/// What one end hears, and what it says to that.
type Turn = (&'static [u8], &'static [u8]);

/// A protocol, what its client hears, and what becomes of that.
type Case = (&'static str, &'static [&'static [u8]], Result<bool, StartTlsError>);

const POSTGRES_ASK: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const LDAP_ASK: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const LDAP_YES: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
const XMPP_OPEN: &[u8] = b"<?xml version='1.0'?><stream:stream to='h.test' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const XMPP_FEATURES: &[u8] = b"<?xml version='1.0'?><stream:stream id='1>2' from=\"h.test\" xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>\
    <required/></starttls><mechanisms xmlns='x'><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
const XMPP_ASK: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const XMPP_YES: &[u8] = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const MYSQL_GREETING: &[u8] = b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0saltsalt\0\xff\xff\xff\x02\0\xff\xdf\x15\
    \0\0\0\0\0\0\0\0\0\0saltsaltsalt\0caching_sha2_password\0";
const MYSQL_ASK: &[u8] = b"\x20\0\0\x01\0\x8a\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// What a client says at once, and what then.
fn client(name: &str) -> (&'static [u8], Vec<Turn>) {
    match name {
        "smtp" => (
            b"",
            vec![
                (b"220-h.test\r\n220 ESMTP\r\n", b"EHLO [127.0.0.1]\r\n"),
                (b"250-h.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n", b"STARTTLS\r\n"),
                (b"220 go\r\n", b""),
            ],
        ),
        "imap" => (
            b"",
            vec![
                (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", b"a1 CAPABILITY\r\n"),
                (b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n", b"a2 STARTTLS\r\n"),
                (b"* OK still here\r\na2 OK begin\r\n", b""),
            ],
        ),
        "pop3" => (
            b"",
            vec![
                (b"+OK <1@h.test>\r\n", b"CAPA\r\n"),
                (b"+OK\r\nUSER\r\nSTLS\r\n.\r\n", b"STLS\r\n"),
                (b"+OK\r\n", b""),
            ],
        ),
        "ftp" => (
            b"",
            vec![(b"220-Hello\r\n 221 is no number of ours\r\n220 go\r\n", b"AUTH TLS\r\n"), (b"234 go\r\n", b"")],
        ),
        "xmpp" => (XMPP_OPEN, vec![(XMPP_FEATURES, XMPP_ASK), (XMPP_YES, b"")]),
        "ldap" => (LDAP_ASK, vec![(LDAP_YES, b"")]),
        "postgres" => (POSTGRES_ASK, vec![(b"S", b"")]),
        "mysql" => (b"", vec![(MYSQL_GREETING, MYSQL_ASK)]),
        other => panic!("{other} has no transcript"),
    }
}

fn begin(name: &str) -> Dialogue {
    Dialogue::client(by_name(name).unwrap(), "h.test").unwrap()
}

/// What becomes of a client that hears this.
fn hear(name: &str, heard: &[&[u8]]) -> Result<bool, StartTlsError> {
    let mut dialogue = begin(name);
    for octets in heard {
        dialogue.receive(octets)?;
        let _ = dialogue.take_output();
    }
    Ok(dialogue.is_agreed())
}

#[test]
fn a_client_says_what_the_protocol_asks_for() {
    for protocol in ALL {
        let (first, turns) = client(protocol.name());
        let mut dialogue = begin(protocol.name());
        assert_eq!(dialogue.take_output(), first, "{protocol:?}");
        for (heard, said) in &turns {
            assert!(!dialogue.is_agreed());
            dialogue.receive(heard).unwrap();
            assert_eq!(dialogue.take_output(), *said, "{protocol:?}");
        }
        assert!(dialogue.is_agreed(), "{protocol:?}");
    }
}

#[test]
fn how_it_is_cut_makes_no_difference_and_half_an_answer_is_none() {
    for protocol in ALL {
        let (first, turns) = client(protocol.name());
        let mut dialogue = begin(protocol.name());
        let mut said = dialogue.take_output();
        for (heard, _) in &turns {
            for octet in *heard {
                assert!(!dialogue.is_agreed(), "{protocol:?}");
                dialogue.receive(&[*octet]).unwrap();
                said.extend(dialogue.take_output());
            }
        }
        let expected = turns.iter().fold(first.to_vec(), |all, (_, said)| [&all[..], said].concat());
        assert_eq!((said, dialogue.is_agreed()), (expected, true), "{protocol:?}");
    }
}

#[test]
fn nothing_in_the_clear_gets_behind_tls() {
    for protocol in ALL {
        let (_, turns) = client(protocol.name());
        for injected in 0..turns.len() {
            let mut dialogue = begin(protocol.name());
            for (heard, _) in &turns[..injected] {
                dialogue.receive(heard).unwrap();
                let _ = dialogue.take_output();
            }
            // Behind the answer, in the same piece: as if it were an answer to what is yet to be asked.
            let octets = [turns[injected].0, turns.get(injected + 1).map_or(b"\r\n", |next| next.0)].concat();
            let error = dialogue.receive(&octets).unwrap_err();
            assert!(matches!(error, StartTlsError::Injected { count: 1.., .. }), "{protocol:?} {error}");
            assert_eq!(dialogue.take_output(), b"", "{protocol:?}: nothing is said to that");
        }
        // And when both ends have agreed, nothing is heard in the clear any more.
        let mut dialogue = begin(protocol.name());
        turns.iter().for_each(|(heard, _)| {
            dialogue.receive(heard).unwrap();
            let _ = dialogue.take_output();
        });
        let expected = StartTlsError::Injected { protocol: protocol.name(), count: 1 };
        assert_eq!((dialogue.receive(b"x"), dialogue.is_agreed()), (Err(expected), false));
    }
}

#[test]
fn nobody_is_heard_for_ever() {
    let endless: [(&str, &[u8]); 8] = [
        ("smtp", b"220-x\r\n"),
        ("imap", b"x"),
        ("pop3", b"x"),
        ("ftp", b"220-x\r\n"),
        ("xmpp", b"<a>"),
        ("ldap", b"\x30\x82\x0f\xff"),
        ("postgres", b"x"),
        ("mysql", b"\xff\xff\xff\0"),
    ];
    for (name, piece) in endless {
        let mut dialogue = begin(name);
        let mut heard = 0;
        let error = loop {
            match dialogue.receive(piece) {
                Ok(()) => heard += piece.len(),
                Err(error) => break error,
            }
        };
        assert!(heard <= MAX_HEARD && !dialogue.is_agreed(), "{name} {error}");
    }
    let capabilities = b"* CAPABILITY x\r\n".repeat(MAX_HEARD / 16);
    let error = hear("imap", &[b"* OK\r\n", &capabilities]).unwrap_err();
    assert_eq!(error, StartTlsError::TooLong { protocol: "imap", limit: MAX_HEARD });
}

#[test]
fn a_server_that_does_not_offer_tls_or_says_no() {
    let not_offered = |protocol| Err(StartTlsError::NotOffered { protocol });
    let refused = |protocol, answer: &str| Err(StartTlsError::Refused { protocol, answer: answer.into() });
    let table: [Case; 23] = [
        ("smtp", &[b"220 x\r\n", b"250-h\r\n250 XSTARTTLS\r\n"], not_offered("smtp")),
        ("smtp", &[b"220 x\r\n", b"250 STARTTLS\r\n"], not_offered("smtp")),
        ("smtp", &[b"220 x\r\n", b"250-h\r\n250 starttls\r\n", b"454 4.7.0 no\r\n"], refused("smtp", "454 4.7.0 no")),
        ("smtp", &[b"554 go away\r\n"], refused("smtp", "554 go away")),
        ("smtp", &[b"220 x\r\n", b"502 what?\r\n"], refused("smtp", "502 what?")),
        ("imap", &[b"* OK [CAPABILITY STARTTLS]\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n"], not_offered("imap")),
        ("imap", &[b"* OK\r\n", b"* CAPABILITY STARTTLS\r\na1 OK\r\n", b"a2 NO full\r\n"], refused("imap", "NO full")),
        // The answer that takes STARTTLS away from a client that would go on.
        ("imap", &[b"* PREAUTH welcome\r\n"], refused("imap", "* PREAUTH welcome")),
        ("imap", &[b"* BYE\r\n"], refused("imap", "* BYE")),
        ("pop3", &[b"+OK\r\n", b"+OK\r\nUSER\r\n.\r\n"], not_offered("pop3")),
        ("pop3", &[b"+OK\r\n", b"-ERR what?\r\n"], not_offered("pop3")),
        ("pop3", &[b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"-ERR no\r\n"], refused("pop3", "-ERR no")),
        ("ftp", &[b"220 x\r\n", b"502 what?\r\n"], not_offered("ftp")),
        ("ftp", &[b"220 x\r\n", b"431 no\r\n"], refused("ftp", "431 no")),
        ("ftp", &[b"421 busy\r\n"], refused("ftp", "421 busy")),
        ("xmpp", &[b"<stream:stream><stream:features><other/></stream:features>"], not_offered("xmpp")),
        // Another namespace's starttls, and one that is no feature.
        ("xmpp", &[b"<stream:stream><stream:features><starttls xmlns='x'/></stream:features>"], not_offered("xmpp")),
        ("xmpp", &[XMPP_FEATURES, b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"], refused("xmpp", "failure")),
        ("ldap", &[b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"], not_offered("ldap")),
        ("ldap", &[b"\x30\x0e\x02\x01\x00\x78\x09\x0a\x01\x34\x04\x00\x04\x02no"], refused("ldap", "result 52 no")),
        ("postgres", &[b"N"], not_offered("postgres")),
        ("mysql", &[b"\x09\0\0\0\xff\x15\x04no way"], refused("mysql", "error 1045")),
        ("mysql", &[b"\x19\0\0\0\x0a8.0\0\x08\0\0\0saltsalt\0\xff\xf7\xff\x02\0\0\0"], not_offered("mysql")),
    ];
    for (name, heard, expected) in table {
        assert_eq!(hear(name, heard), expected, "{name}");
    }
}

#[test]
fn what_breaks_the_rules() {
    let table: [(&str, &[&[u8]]); 24] = [
        ("smtp", &[b"220 x\n"]),
        ("smtp", &[b"220 a\rb\r\n"]),
        ("smtp", &[b"SSH-2.0-x\r\n"]),
        ("smtp", &[b"220-x\r\n221 y\r\n"]),
        ("smtp", &[b"220-x\r\nany text\r\n"]),
        ("smtp", &[b"020 x\r\n"]),
        ("imap", &[b"OK\r\n"]),
        ("imap", &[b"* OK\r\n", b"b9 OK\r\n"]),
        ("pop3", &[b"220 x\r\n"]),
        ("ftp", &[b"hello\r\n"]),
        ("xmpp", &[b"<html>"]),
        ("xmpp", &[b"SSH-2.0-x\r\n"]),
        ("xmpp", &[b"<!DOCTYPE x>"]),
        ("xmpp", &[b"<stream:stream><!-- x -->"]),
        ("xmpp", &[b"<stream:stream><?evil x?>"]),
        ("xmpp", &[b"<stream:stream><message/>"]),
        // A leave before anything was asked for.
        ("xmpp", &[b"<stream:stream>", XMPP_YES]),
        ("xmpp", &[XMPP_FEATURES, b"<proceed xmlns='x'/>"]),
        ("xmpp", &[b"<stream:stream a=b>"]),
        ("ldap", &[b"HTTP/1.1 400"]),
        ("ldap", &[b"\x30\x0c\x02\x01\x07\x78\x07\x0a\x01\x00\x04\x00\x04\x00"]),
        ("ldap", &[b"\x30\x80"]),
        ("postgres", &[b"H"]),
        ("mysql", &[b"\x01\0\0\0\x0a"]),
    ];
    for (name, heard) in table {
        let error = hear(name, heard).unwrap_err();
        assert!(matches!(error, StartTlsError::Broken { .. }), "{name} {heard:?} {error}");
    }
    // An error of an unknown server is not shown to people: its words can be anybody's.
    assert_eq!(
        hear("postgres", &[b"EPay at evil.test\0"]),
        Err(StartTlsError::Refused { protocol: "postgres", answer: "an error".into() })
    );
    for name in ["", "a b", "h'/><x>", "h\r\nQUIT"] {
        assert!(matches!(Dialogue::client(by_name("xmpp").unwrap(), name), Err(StartTlsError::Name { .. })), "{name}");
    }
    let told = StartTlsError::Refused { protocol: "smtp", answer: super::error::quoted("a\u{1b}[31m\u{202e}b") };
    assert_eq!(told.to_string(), "smtp: the other end refuses TLS: a\\u{1b}[31m\\u{202e}b");
}

#[test]
fn both_ends_understand_each_other() {
    let mut servers = Vec::new();
    for protocol in ALL {
        let Some(mut server) = Dialogue::server(*protocol) else { continue };
        let mut client = begin(protocol.name());
        while !(client.is_agreed() && server.is_agreed()) {
            let said = server.take_output();
            client.receive(&said).unwrap();
            let asked = client.take_output();
            assert!(!said.is_empty() || !asked.is_empty(), "{protocol:?} stands still");
            server.receive(&asked).unwrap();
        }
        assert_eq!(server.take_output(), b"", "{protocol:?}");
        servers.push(protocol.name());
    }
    assert_eq!(servers, ["smtp", "imap", "pop3", "ldap", "postgres"]);
}

#[test]
fn a_server_gives_no_leave_to_whoever_says_more() {
    let table: [(&str, &[u8]); 5] = [
        ("smtp", b"STARTTLS\r\nMAIL FROM:<a@b>\r\n"),
        ("imap", b"a STARTTLS\r\nb LOGIN x y\r\n"),
        ("pop3", b"STLS\r\nUSER x\r\n"),
        ("ldap", &[LDAP_ASK, b"\x30"].concat()),
        ("postgres", &[POSTGRES_ASK, b"\0"].concat()),
    ];
    for (name, octets) in table {
        let mut server = Dialogue::server(by_name(name).unwrap()).unwrap();
        let _ = server.take_output();
        assert!(matches!(server.receive(octets), Err(StartTlsError::Injected { .. })), "{name}");
        assert_eq!((server.take_output(), server.is_agreed()), (Vec::new(), false), "{name}");
        assert!(server.receive(b"").is_err(), "{name}: what has failed stays so");
    }
}

#[test]
fn a_server_lets_nothing_else_be_done() {
    let mut server = Dialogue::server(by_name("smtp").unwrap()).unwrap();
    let transcript = [
        ("", "220 localhost ESMTP\r\n"),
        ("MAIL FROM:<a@b>\r\n", "530 5.7.0 Must issue a STARTTLS command first\r\n"),
        ("ehlo x\r\n", "250-localhost\r\n250 STARTTLS\r\n"),
        ("AUTH PLAIN AGEAYg==\r\n", "530 5.7.0 Must issue a STARTTLS command first\r\n"),
        ("starttls\r\n", "220 2.0.0 Ready to start TLS\r\n"),
    ];
    for (heard, said) in transcript {
        assert!(!server.is_agreed());
        server.receive(heard.as_bytes()).unwrap();
        assert_eq!(server.take_output(), said.as_bytes());
    }
    assert!(server.is_agreed());
}

#[test]
fn a_greeting_is_heard_alone() {
    for (name, greeting) in [("smtp", "220-a\r\n220 b\r\n"), ("imap", "* OK a\r\n"), ("pop3", "+OK a\r\n")] {
        let mut dialogue = Dialogue::greeting(by_name(name).unwrap()).unwrap();
        dialogue.receive(greeting.as_bytes()).unwrap();
        assert_eq!((dialogue.is_agreed(), dialogue.take_output()), (true, Vec::new()), "{name}");
    }
    assert!(Dialogue::greeting(by_name("postgres").unwrap()).is_none());
}

/// What comes of octets that come in pieces: whether both ends have agreed, and all that was said.
fn pieces(mut dialogue: Dialogue, octets: &[u8], size: usize) -> (bool, Vec<u8>) {
    let mut said = dialogue.take_output();
    for piece in octets.chunks(size) {
        if dialogue.receive(piece).is_err() {
            return (false, said);
        }
        said.extend(dialogue.take_output());
    }
    (dialogue.is_agreed(), said)
}

proptest::proptest! {
    #[test]
    fn whatever_comes_is_borne(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..600), size in 1_usize..40) {
        for protocol in ALL {
            pieces(begin(protocol.name()), &octets, size);
            if let Some(server) = Dialogue::server(*protocol) {
                pieces(server, &octets, size);
            }
        }
    }

    #[test]
    fn a_good_talk_with_one_octet_changed_is_no_leave_for_more(at in 0_usize..2000, octet: u8) {
        for protocol in ALL {
            let (_, turns) = client(protocol.name());
            let mut heard: Vec<Vec<u8>> = turns.iter().map(|(heard, _)| heard.to_vec()).collect();
            let total: usize = heard.iter().map(Vec::len).sum();
            let mut left = at % total;
            for turn in &mut heard {
                match turn.get_mut(left) {
                    Some(place) => {
                        *place = octet;
                        break;
                    }
                    None => left -= turn.len(),
                }
            }
            let mut dialogue = begin(protocol.name());
            // Whatever became of it, nothing is taken in the clear behind it.
            let went = heard.iter().all(|turn| dialogue.receive(turn).is_ok());
            let agreed = went && dialogue.is_agreed();
            proptest::prop_assert!(!agreed || dialogue.receive(b"x").is_err());
        }
    }
}
