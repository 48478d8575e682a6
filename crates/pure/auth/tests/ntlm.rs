//! NTLM: published examples and recorded exchanges, at both ends.

#[path = "support/recorded.rs"]
mod recorded;

use gatepost_auth::ntlm::authenticate::Authenticate;
use gatepost_auth::ntlm::bindings;
use gatepost_auth::ntlm::challenge::Challenge;
use gatepost_auth::ntlm::client::{Client, Identity, Occasion};
use gatepost_auth::ntlm::flags::Flags;
use gatepost_auth::ntlm::keys::{self, Key};
use gatepost_auth::ntlm::negotiate::Negotiate;
use gatepost_auth::ntlm::refused::Refused;
use gatepost_auth::ntlm::response::{Response, blob};
use gatepost_auth::ntlm::server::{self, Claim, Demands};
use gatepost_auth::ntlm::signing::{Session, Side};
use gatepost_auth::ntlm::target_info::TargetInfo;
use gatepost_auth::settings::ChannelBinding;
use gatepost_model::time::Timestamp;
use rc4::{KeyInit, Rc4, StreamCipher};
use recorded::{Recorded, text, unhex};
use serde_json::Value;

const FILE: &str = include_str!("vectors/ntlm.json");
/// MS-NLMP 4.2.4's messages of version 2, 4.2.2's answer of version 1, Davenport's answer, a channel's hash.
const MS_NLMP: usize = 0;
const VERSION_ONE: usize = 1;
const DAVENPORT: usize = 2;
const BINDINGS: usize = 3;

fn vector(at: usize) -> Value {
    let file: Value = serde_json::from_str(FILE).unwrap();
    assert_eq!(file["vectors"].as_array().unwrap().len(), 4);
    file["vectors"][at].clone()
}

fn octets<const N: usize>(entry: &Value, key: &str) -> [u8; N] {
    unhex(text(entry, key)).try_into().unwrap()
}

#[test]
fn the_arithmetic_of_ms_nlmp() {
    let entry = vector(MS_NLMP);
    let [user, domain, password] = ["user", "domain", "password"].map(|key| text(&entry, key));
    let hash = keys::nt_hash(password);
    assert_eq!(*hash.reveal(), octets(&entry, "ntowfv1"));
    let user_key = keys::user_key(&hash, user, domain);
    assert_eq!(*user_key.reveal(), octets(&entry, "ntowfv2"));
    let (nonce, client_nonce) = (octets(&entry, "server_challenge"), octets(&entry, "client_challenge"));
    let (info, rest) =
        TargetInfo::parse(&unhex(text(&entry, "target_info"))).map(|(info, rest)| (info, rest.len())).unwrap();
    assert_eq!(rest, 0);
    let blob = blob([0; 8], &client_nonce, &info).unwrap();
    assert_eq!(blob, unhex(text(&entry, "temp")));
    let proof = keys::proof(&user_key, &nonce, &blob);
    assert_eq!(proof, octets(&entry, "nt_proof_str"));
    let lm = [&keys::lm_proof(&user_key, &nonce, &client_nonce), client_nonce.as_slice()].concat();
    assert_eq!(lm, unhex(text(&entry, "lmv2_response")));
    let base = keys::session_key(&user_key, &proof);
    assert_eq!(*base.reveal(), octets(&entry, "session_base_key"));
    let chosen = octets(&entry, "random_session_key");
    assert_eq!(keys::exchange(&base, &chosen), octets(&entry, "encrypted_random_session_key"));
    assert_eq!(keys::exchange(&base, &octets(&entry, "encrypted_random_session_key")), chosen);
}

#[test]
fn the_signature_of_ms_nlmp() {
    let entry = vector(MS_NLMP);
    let flags = Authenticate::parse(&unhex(text(&entry, "authenticate_message"))).unwrap().flags;
    let session = Session { key: Key::new(octets(&entry, "random_session_key")), flags };
    let (sign, seal) = (session.sign_key(Side::Client), session.seal_key(Side::Client));
    assert_eq!(*sign.reveal(), octets(&entry, "client_sign_key"));
    assert_eq!(*seal.reveal(), octets(&entry, "client_seal_key"));
    // There the message is sealed first, which takes the beginning of the key stream.
    let mut stream = Rc4::new_from_slice(seal.reveal()).unwrap();
    let plain = unhex(text(&entry, "plaintext_utf16le"));
    let mut sealed = plain.clone();
    stream.apply_keystream(&mut sealed);
    assert_eq!(sealed, unhex(text(&entry, "sealed")));
    let unsealed = Session { flags: flags - Flags::KEY_EXCHANGE, ..session };
    let mut signature = unsealed.sign(Side::Client, &plain);
    stream.apply_keystream(&mut signature[4..12]);
    assert_eq!(signature, octets(&entry, "signature"));
}

#[test]
fn the_messages_of_ms_nlmp() {
    let entry = vector(MS_NLMP);
    let (challenge, authenticate) =
        (unhex(text(&entry, "challenge_message")), unhex(text(&entry, "authenticate_message")));
    let offer = Challenge::parse(&challenge).unwrap();
    assert_eq!((offer.target.as_str(), offer.nonce), ("Server", octets(&entry, "server_challenge")));
    let client = Client {
        flags: Client::default().flags | Flags::SEAL,
        version: Some(*b"\x05\x01\x28\x0a\0\0\0\x0f"),
        workstation: text(&entry, "workstation").into(),
    };
    let identity = Identity {
        user: text(&entry, "user").into(),
        domain: text(&entry, "domain").into(),
        nt_hash: keys::nt_hash(text(&entry, "password")),
    };
    let occasion = Occasion {
        now: Timestamp::from_millis(-11_644_473_600_000),
        nonce: octets(&entry, "client_challenge"),
        session_key: Key::new(octets(&entry, "random_session_key")),
        target: None,
        bindings: None,
    };
    let (message, session) = client.authenticate(b"", &challenge, &identity, &occasion).unwrap();
    assert_eq!(message, authenticate);
    assert_eq!(*session.key.reveal(), octets(&entry, "random_session_key"));
    let claim = Claim::parse(&authenticate).unwrap();
    assert_eq!((claim.user(), claim.domain()), ("User", "Domain"));
    assert_eq!(claim.verify(b"", &challenge, Some(&identity.nt_hash), &Demands::default()), Ok(session));
    assert_eq!(
        claim.verify(b"", &challenge, Some(&keys::nt_hash("password")), &Demands::default()),
        Err(Refused::WrongSecret)
    );
}

#[test]
fn an_answer_of_version_one_is_refused() {
    let entry = vector(VERSION_ONE);
    for (nt, lm) in [("ntlmv1_response", "lmv1_response"), ("", "lmv1_response"), ("ntlmv1_response", "")] {
        let part = |key: &str| if key.is_empty() { Vec::new() } else { unhex(text(&entry, key)) };
        let message = Authenticate {
            flags: Flags::UNICODE,
            user: "User".into(),
            nt: part(nt),
            lm: part(lm),
            ..Authenticate::default()
        };
        assert_eq!(Claim::parse(&message.to_octets().unwrap()), Err(Refused::VersionOne));
    }
}

#[test]
fn the_answer_of_davenport() {
    let entry = vector(DAVENPORT);
    let user_key =
        keys::user_key(&keys::nt_hash(text(&entry, "password")), text(&entry, "user"), text(&entry, "domain"));
    assert_eq!(*user_key.reveal(), octets(&entry, "ntowfv2"));
    let temp = unhex(text(&entry, "temp"));
    let proof = keys::proof(&user_key, &octets(&entry, "server_challenge"), &temp);
    assert_eq!(proof, octets(&entry, "nt_proof_str"));
    let whole = [&proof, temp.as_slice()].concat();
    let response = Response::parse(&whole).unwrap();
    assert_eq!(response.info.value(4), Some(&b"d\0o\0m\0a\0i\0n\0.\0c\0o\0m\0"[..]));
    assert!(!response.info.flags_mic());
}

#[test]
fn the_hash_of_channel_bindings() {
    let entry = vector(BINDINGS);
    assert_eq!(bindings::hash(&unhex(text(&entry, "application_data"))), octets(&entry, "md5"));
}

#[test]
fn what_others_proved_is_taken() {
    let recorded = Recorded::all();
    assert_eq!(recorded.len(), 7);
    for exchange in recorded {
        let claim = Claim::parse(&exchange.authenticate).unwrap();
        assert_eq!((claim.user(), claim.domain()), (exchange.user.as_str(), exchange.domain.as_str()));
        assert!(exchange.judged(&exchange.password).is_ok(), "{}", exchange.name);
        assert_eq!(exchange.judged("Password"), Err(Refused::WrongSecret), "{}", exchange.name);
        assert_eq!(exchange.judge(None, &exchange.demands), Err(Refused::WrongSecret), "{}", exchange.name);
        let demanding = Demands { integrity: true, ..exchange.demands };
        let whole = exchange.judge(Some(&keys::nt_hash(&exchange.password)), &demanding);
        assert_eq!(whole.is_err(), exchange.is_curl(), "{}: {whole:?}", exchange.name);
    }
}

#[test]
fn what_others_sent_is_printed_as_it_was() {
    for exchange in Recorded::all() {
        let negotiate = Negotiate::parse(&exchange.negotiate).unwrap();
        assert_eq!(Negotiate::parse(&negotiate.to_octets().unwrap()).as_ref(), Ok(&negotiate), "{}", exchange.name);
        let challenge = Challenge::parse(&exchange.challenge).unwrap();
        assert_eq!(challenge.to_octets().unwrap(), exchange.challenge, "{}", exchange.name);
        let authenticate = Authenticate::parse(&exchange.authenticate).unwrap();
        let printed = authenticate.to_octets().unwrap();
        assert_eq!(Authenticate::parse(&printed).as_ref(), Ok(&authenticate), "{}", exchange.name);
        // Theirs is our order of fields.
        assert_eq!(printed == exchange.authenticate, exchange.name.starts_with("sspi"), "{}", exchange.name);
    }
}

/// Our client in the other's place: same challenge, nonce and session key. Where the other adds what we add in
/// our order, the whole proof is the same; what differs is the flags, the integrity code over them, and an answer
/// of LM that nobody wants.
#[test]
fn our_client_answers_as_others_did() {
    let mut same = Vec::new();
    for mut exchange in Recorded::all() {
        let theirs = Authenticate::parse(&exchange.authenticate).unwrap();
        let session = exchange.judged(&exchange.password).unwrap();
        let blob = Response::parse(&theirs.nt).unwrap().blob;
        let client = Client { version: theirs.version, workstation: theirs.workstation.clone(), ..Client::default() };
        let identity = Identity {
            user: exchange.user.clone(),
            domain: exchange.domain.clone(),
            nt_hash: keys::nt_hash(&exchange.password),
        };
        let occasion = Occasion {
            now: Timestamp::from_secs(0),
            nonce: blob[16..24].try_into().unwrap(),
            session_key: session.key,
            target: None,
            bindings: exchange.demands.bindings,
        };
        let (message, ours) =
            client.authenticate(&exchange.negotiate, &exchange.challenge, &identity, &occasion).unwrap();
        exchange.authenticate = message;
        let demanding = Demands { integrity: true, ..exchange.demands };
        assert_eq!(exchange.judge(Some(&identity.nt_hash), &demanding), Ok(ours), "{}", exchange.name);
        let ours = Authenticate::parse(&exchange.authenticate).unwrap();
        if (Authenticate { flags: theirs.flags, mic: theirs.mic, lm: theirs.lm.clone(), ..ours }) == theirs {
            same.push(exchange.name);
        }
    }
    assert_eq!(same, ["sspi 0.23.1 NTLM bound true", "sspi 0.23.1 Negotiate bound true"]);
}

#[test]
fn our_server_and_our_client() {
    let (client, now) = (Client::default(), Timestamp::from_secs(1_795_000_000));
    let negotiate = client.negotiate().unwrap();
    let challenge = server::challenge(&negotiate, "GATEPOST", *b"01234567", now).unwrap();
    let offer = Challenge::parse(&challenge).unwrap();
    assert_eq!(offer.target, "GATEPOST");
    let identity =
        Identity { user: "\u{e4}lice".into(), domain: String::new(), nt_hash: keys::nt_hash("\u{fc} \u{1f600}") };
    let occasion = Occasion {
        now,
        nonce: [3; 8],
        session_key: Key::new([4; 16]),
        target: Some("HTTP/example.com"),
        bindings: Some([5; 16]),
    };
    let (message, session) = client.authenticate(&negotiate, &challenge, &identity, &occasion).unwrap();
    assert_eq!(*session.key.reveal(), [4; 16]);
    let demands = Demands { bindings: Some([5; 16]), binding: ChannelBinding::Required, integrity: true };
    let claim = Claim::parse(&message).unwrap();
    assert_eq!(claim.verify(&negotiate, &challenge, Some(&identity.nt_hash), &demands), Ok(session));
    let shown = format!("{claim:?}");
    assert!(shown.contains("\u{e4}lice") && !shown.contains("[1, 1,"), "{shown}");
}
