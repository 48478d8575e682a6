//! SPNEGO: recorded tokens, object identifiers, what is refused.

#[path = "support/recorded.rs"]
mod recorded;

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_auth::challenge::Challenge;
use gatepost_auth::credentials::Credentials;
use gatepost_auth::ntlm::signing::Side;
use gatepost_auth::spnego::broken::Broken;
use gatepost_auth::spnego::mechanism::{Mechanism, Mechanisms};
use gatepost_auth::spnego::token::{Answer, Init, State, Token};
use proptest::prelude::any;
use recorded::{Recorded, text, unhex};
use serde_json::Value;

const FILE: &str = include_str!("vectors/negotiate.json");

#[test]
fn object_identifiers() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let list = |names: &[&str]| names.iter().map(|name| Mechanism::new(&unhex(text(&file, name))[2..])).collect();
    let mechanisms: Vec<Mechanism> = list(&["oid_krb5_ms_hex", "oid_krb5_hex", "oid_ntlmssp_hex", "oid_spnego_hex"]);
    let told: Vec<_> = mechanisms.iter().map(|one| (one.is_kerberos(), one.is_ntlm())).collect();
    assert_eq!(told, [(true, false), (true, false), (false, true), (false, false)]);
    assert_eq!([&mechanisms[1], &mechanisms[2]], [&Mechanism::kerberos(), &Mechanism::ntlm()]);
    let init = Init { mechanisms: Mechanisms::new(mechanisms), token: Some(vec![1]), mic: None };
    let octets = init.to_octets();
    assert!(octets[2..].starts_with(&unhex(text(&file, "oid_spnego_hex"))));
    assert_eq!(Token::parse(&octets), Ok(Token::Init(init)));
    assert_eq!(Token::parse(&STANDARD.decode(text(&file, "ntlmssp_prefix")).unwrap()), Ok(Token::Ntlm));
    let ticket = [&[0x60, 13], unhex(text(&file, "oid_krb5_hex")).as_slice(), b"\x01\0"].concat();
    assert_eq!(Token::parse(&ticket), Ok(Token::Kerberos));
}

/// RFC 4559 §5: the fields are well-formed, but what stands in them is none of SPNEGO's tokens.
#[test]
fn the_fields_of_rfc_4559() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let parsed = Challenge::parse_all([text(&file, "challenge"), text(&file, "final")]);
    let [token, last] = ["authorization", "final"].map(|key| text(&file, key).split_once(' ').unwrap().1);
    let with = |token: Option<&str>| Challenge { token68: token.map(str::to_owned), ..Challenge::new("Negotiate") };
    assert_eq!((parsed.challenges, parsed.faults), (vec![with(None), with(Some(last))], vec![]));
    let credentials = Credentials::parse(text(&file, "authorization").as_bytes(), "Negotiate").unwrap();
    assert!(credentials.token68.unwrap().matches(token.as_bytes()));
    assert_eq!(Token::parse(&STANDARD.decode(token).unwrap()), Err(Broken::Unknown));
    assert!(STANDARD.decode(last).is_err());
}

#[test]
fn recorded_tokens_are_printed_as_they_were_and_their_signatures_are_ours() {
    let mut seen = Vec::new();
    for exchange in Recorded::all().into_iter().filter(Recorded::in_spnego) {
        let session = exchange.judged(&exchange.password).unwrap();
        let tokens: Vec<Token> = exchange.tokens.iter().map(|token| Token::parse(token).unwrap()).collect();
        let [Token::Init(init), Token::Answer(second), Token::Answer(third), Token::Answer(last)] = tokens.as_slice()
        else {
            panic!("{}", exchange.name)
        };
        let printed = [init.to_octets(), second.to_octets(), third.to_octets(), last.to_octets()];
        assert_eq!(printed.as_slice(), exchange.tokens, "{}", exchange.name);
        assert_eq!(init.mechanisms, Mechanisms::new(vec![Mechanism::ntlm()]));
        assert_eq!((second.state, &second.mechanism), (Some(State::RequestMic), &Some(Mechanism::ntlm())));
        assert_eq!(last.state, Some(State::Completed));
        let list = init.mechanisms.to_der();
        let signatures = [(Side::Client, &third.mic), (Side::Server, &last.mic)];
        for (side, mic) in signatures {
            let mic = mic.as_deref().unwrap();
            assert_eq!(session.sign(side, &list), mic, "{} {side:?}", exchange.name);
            assert!(session.verify(side, &list, mic) && !session.verify(side, &list[1..], mic));
        }
        seen.push(third.state);
    }
    assert_eq!(seen, [Some(State::Incomplete), Some(State::Incomplete)]);
}

#[test]
fn microsofts_hints_are_read_past() {
    let ntlm = b"\xa0\x0e\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
    let hints = b"\xa3\x07\x30\x05\xa0\x03\x1b\x01x";
    let token = |parts: &[&[u8]]| {
        let wrap = |tag: u8, inside: &[u8]| [&[tag, u8::try_from(inside.len()).unwrap()], inside].concat();
        let offer = wrap(0xa0, &wrap(0x30, &parts.concat()));
        wrap(0x60, &[b"\x06\x06\x2b\x06\x01\x05\x05\x02", offer.as_slice()].concat())
    };
    let init = |mic: Option<&[u8]>| {
        let mechanisms = Mechanisms::new(vec![Mechanism::ntlm()]);
        Ok(Token::Init(Init { mechanisms, token: None, mic: mic.map(<[u8]>::to_vec) }))
    };
    assert_eq!(Token::parse(&token(&[ntlm])), init(None));
    assert_eq!(Token::parse(&token(&[ntlm, hints])), init(None));
    assert_eq!(Token::parse(&token(&[ntlm, hints, b"\xa4\x03\x04\x01m"])), init(Some(b"m")));
    assert_eq!(Token::parse(&token(&[ntlm, b"\xa1\x04\x03\x02\x01\x02", b"\xa3\x03\x04\x01m"])), init(Some(b"m")));
    let table: [(&[&[u8]], Broken); 6] = [
        (&[ntlm, ntlm], Broken::Der),
        (&[hints, ntlm], Broken::Element("list of mechanisms")),
        (&[b"\xa0\x02\x30\0"], Broken::Mechanisms),
        (&[&[b"\xa0\x35\x30\x33".as_slice(), &[6, 1, 1].repeat(17)].concat()], Broken::Mechanisms),
        (&[ntlm, b"\xa2\x03\x05\x01m"], Broken::Element("mechanism's token")),
        (&[ntlm, b"\xa2\x04\x04\x01mm"], Broken::Der),
    ];
    for (parts, broken) in table {
        assert_eq!(Token::parse(&token(parts)), Err(broken), "{parts:?}");
    }
}

#[test]
fn answers_that_are_none() {
    let table: [(&[u8], Broken); 8] = [
        (b"", Broken::Unknown),
        (b"\xa1\x05\x30\x03\xa0\x01\x0a", Broken::Der),
        (b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x04", Broken::Element("state")),
        (b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00\x00", Broken::Der),
        (b"\xa1\x08\x30\x06\xa0\x03\x0a\x01\x00\x00", Broken::Der),
        (b"\xa1\x02\x31\x00", Broken::Element("answer")),
        (b"\xa1\x80\x30\x00\x00\x00", Broken::Der),
        (b"\x60\x02\x06\x00", Broken::Unknown),
    ];
    for (octets, broken) in table {
        assert_eq!(Token::parse(octets), Err(broken), "{octets:?}");
    }
    assert_eq!(Token::parse(b"\xa1\x02\x30\x00"), Ok(Token::Answer(Answer::default())));
}

proptest::proptest! {
    #[test]
    fn what_is_read_is_printed_as_it_was(
        mut octets in proptest::sample::select(
            Recorded::all().into_iter().flat_map(|exchange| exchange.tokens).collect::<Vec<_>>(),
        ),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for (at, octet) in changes {
            let at = at.index(octets.len().min(60));
            octets[at] = octet;
        }
        match Token::parse(&octets) {
            Ok(Token::Answer(answer)) => proptest::prop_assert_eq!(answer.to_octets(), octets),
            Ok(Token::Init(init)) => proptest::prop_assert_eq!(Token::parse(&init.to_octets()), Ok(Token::Init(init))),
            Ok(Token::Ntlm | Token::Kerberos) | Err(_) => {}
        }
    }
}
