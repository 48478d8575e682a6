//! NTLM: what a server refuses, and that nothing which can be read makes anybody panic.

#[path = "support/recorded.rs"]
mod recorded;

use gatepost_auth::ntlm::authenticate::Authenticate;
use gatepost_auth::ntlm::broken::Broken;
use gatepost_auth::ntlm::challenge::Challenge;
use gatepost_auth::ntlm::client::{Client, Identity, Occasion};
use gatepost_auth::ntlm::flags::Flags;
use gatepost_auth::ntlm::keys::{Key, nt_hash};
use gatepost_auth::ntlm::negotiate::Negotiate;
use gatepost_auth::ntlm::refused::Refused;
use gatepost_auth::ntlm::server::{self, Claim, Demands};
use gatepost_auth::ntlm::signing::Session;
use gatepost_auth::ntlm::target_info::{self, TargetInfo};
use gatepost_auth::settings::ChannelBinding;
use gatepost_model::time::Timestamp;
use proptest::prelude::{Just, ProptestConfig, any, prop_oneof};
use recorded::{Recorded, demanded};

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// A whole exchange of ours, which a test then tampers with.
struct Exchange {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    authenticate: Vec<u8>,
}

impl Exchange {
    fn new() -> Self {
        Self::bound_to(None)
    }

    fn bound_to(bindings: Option<[u8; 16]>) -> Self {
        let negotiate = Client::default().negotiate().unwrap();
        let challenge = server::challenge(&negotiate, "GATEPOST", [1; 8], NOW).unwrap();
        let authenticate = answer(&negotiate, &challenge, bindings);
        Self { negotiate, challenge, authenticate }
    }

    fn judge(&self, demands: &Demands) -> Result<Session, Refused> {
        Claim::parse(&self.authenticate)?.verify(&self.negotiate, &self.challenge, Some(&nt_hash("password")), demands)
    }

    /// The answer with this change, printed again.
    fn changed(mut self, change: impl FnOnce(&mut Authenticate)) -> Self {
        let mut message = Authenticate::parse(&self.authenticate).unwrap();
        change(&mut message);
        self.authenticate = message.to_octets().unwrap();
        self
    }
}

fn answer(negotiate: &[u8], challenge: &[u8], bindings: Option<[u8; 16]>) -> Vec<u8> {
    let identity = Identity { user: "alice".into(), domain: "GATEPOST".into(), nt_hash: nt_hash("password") };
    let occasion =
        Occasion { now: NOW, nonce: [2; 8], session_key: Key::new([3; 16]), target: Some("HTTP/localhost"), bindings };
    Client::default().authenticate(negotiate, challenge, &identity, &occasion).unwrap().0
}

#[test]
fn a_tampered_answer() {
    type Change = fn(&mut Authenticate);
    let table: [(&str, Change, Refused); 12] = [
        ("anonymous", |m| m.user.clear(), Refused::Anonymous),
        ("flagged anonymous", |m| m.flags = m.flags | Flags::ANONYMOUS, Refused::Anonymous),
        ("no answer", |m| m.nt.clear(), Refused::VersionOne),
        ("an answer of version 1", |m| m.nt.truncate(24), Refused::VersionOne),
        ("a cut answer", |m| m.nt.truncate(43), Refused::Broken(Broken::Length("answer"))),
        ("another version of the answer", |m| m.nt[16] = 2, Refused::Broken(Broken::Length("answer"))),
        ("another user", |m| m.user = "bob".into(), Refused::WrongSecret),
        ("another domain", |m| m.domain = "gatepost".into(), Refused::WrongSecret),
        ("no code", |m| m.mic = None, Refused::Integrity),
        ("a code of zeroes", |m| m.mic = Some([0; 16]), Refused::Integrity),
        ("other flags", |m| m.flags = m.flags - Flags::KEY_128, Refused::Integrity),
        ("no session key", |m| m.session_key.clear(), Refused::SessionKey),
    ];
    assert!(Exchange::new().judge(&Demands::default()).is_ok());
    for (name, change, refused) in table {
        assert_eq!(Exchange::new().changed(change).judge(&Demands::default()), Err(refused), "{name}");
    }
}

/// sspi-rs issue 172, FreeRDP pull request 6082: no code, and noise in the place of the proof.
#[test]
fn a_forged_answer() {
    let mut info = TargetInfo::default();
    info.set(target_info::DOMAIN, b"G\0P\0".to_vec());
    let blob = gatepost_auth::ntlm::response::blob([0; 8], &[7; 8], &info).unwrap();
    for flags in [Flags::UNICODE, Flags::UNICODE | Flags::KEY_EXCHANGE] {
        let message = Authenticate {
            flags: flags | Flags::NTLM | Flags::EXTENDED_SECURITY | Flags::SIGN,
            lm: vec![0; 24],
            nt: [&[0x5a; 16], blob.as_slice()].concat(),
            user: "alice".into(),
            session_key: vec![9; 16],
            version: Some([0; 8]),
            ..Authenticate::default()
        };
        let forged = Exchange { authenticate: message.to_octets().unwrap(), ..Exchange::new() };
        assert_eq!(forged.judge(&Demands::default()), Err(Refused::WrongSecret));
        let claim = Claim::parse(&forged.authenticate).unwrap();
        let nobody = claim.verify(&forged.negotiate, &forged.challenge, None, &Demands::default());
        assert_eq!(nobody, Err(Refused::WrongSecret));
    }
}

/// An unknown user's proof is computed with a key that everybody can guess: that must not let in who guesses it.
#[test]
fn the_key_that_stands_for_nobody() {
    let identity = Identity { user: "nobody".into(), domain: String::new(), nt_hash: Key::new([0; 16]) };
    let occasion = Occasion { now: NOW, nonce: [2; 8], session_key: Key::new([3; 16]), target: None, bindings: None };
    let exchange = Exchange::new();
    let (message, _) =
        Client::default().authenticate(&exchange.negotiate, &exchange.challenge, &identity, &occasion).unwrap();
    let claim = Claim::parse(&message).unwrap();
    let verdict = claim.verify(&exchange.negotiate, &exchange.challenge, None, &Demands::default());
    assert_eq!(verdict, Err(Refused::WrongSecret));
}

#[test]
fn who_sits_between_cannot_change_the_messages_before() {
    let exchange = Exchange::new();
    let weaker = Negotiate { flags: Client::default().flags - Flags::SIGN, ..Negotiate::default() };
    let tampered = Exchange { negotiate: weaker.to_octets().unwrap(), ..Exchange::new() };
    assert_eq!(tampered.judge(&Demands::default()), Err(Refused::Integrity));
    // Without the server's time a client makes no code: but then its proof does not hold that time.
    let mut shown = Challenge::parse(&exchange.challenge).unwrap();
    shown.info = TargetInfo::default();
    shown.info.set(target_info::DOMAIN, b"G\0P\0".to_vec());
    let authenticate = answer(&exchange.negotiate, &shown.to_octets().unwrap(), None);
    assert_eq!(Authenticate::parse(&authenticate).unwrap().mic, None);
    let stripped = Exchange { authenticate, ..exchange };
    assert_eq!(stripped.judge(&Demands::default()), Err(Refused::ChallengeAltered));
    let other = Exchange { challenge: Exchange::new().challenge, ..Exchange::new() };
    assert!(other.judge(&Demands::default()).is_ok());
    let mut nonce = Challenge::parse(&other.challenge).unwrap();
    nonce.nonce = [9; 8];
    let replayed = Exchange { challenge: nonce.to_octets().unwrap(), ..other };
    assert_eq!(replayed.judge(&Demands::default()), Err(Refused::WrongSecret));
}

#[test]
fn channel_bindings() {
    let (ours, theirs) = (Some([5; 16]), Some([6; 16]));
    let table = [
        // given, the server's channel, demanded
        (ours, ours, true, None),
        (ours, ours, false, None),
        (theirs, ours, true, Some(Refused::WrongBindings)),
        (theirs, ours, false, Some(Refused::WrongBindings)),
        (theirs, None, false, Some(Refused::WrongBindings)),
        (theirs, None, true, Some(Refused::WrongBindings)),
        (None, ours, true, Some(Refused::NoBindings)),
        (None, ours, false, None),
        (None, None, false, None),
        (None, None, true, Some(Refused::NoBindings)),
    ];
    for (given, bindings, bound, refused) in table {
        let demands = Demands { bindings, binding: demanded(bound), integrity: true };
        let ignored = Demands { binding: ChannelBinding::DangerIgnored, ..demands };
        assert!(Exchange::bound_to(given).judge(&ignored).is_ok());
        let verdict = Exchange::bound_to(given).judge(&demands);
        assert_eq!(verdict.err(), refused, "{given:?} {bindings:?} {bound}");
    }
}

#[test]
fn recorded_exchanges_with_other_bindings_and_without_their_code() {
    for mut exchange in Recorded::all() {
        let hash = nt_hash(&exchange.password);
        let given = exchange.demands.bindings.is_some();
        let elsewhere = Demands { bindings: Some([9; 16]), ..Demands::default() };
        let verdict = exchange.judge(Some(&hash), &elsewhere);
        assert_eq!(verdict.err(), given.then_some(Refused::WrongBindings), "{}", exchange.name);
        let demanded = Demands { bindings: Some([9; 16]), binding: ChannelBinding::Required, integrity: false };
        let refused = if given { Refused::WrongBindings } else { Refused::NoBindings };
        assert_eq!(exchange.judge(Some(&hash), &demanded), Err(refused), "{}", exchange.name);
        if exchange.is_curl() {
            continue;
        }
        exchange.authenticate[80] ^= 1;
        assert_eq!(exchange.judge(Some(&hash), &exchange.demands), Err(Refused::Integrity), "{}", exchange.name);
        let mut message = Authenticate::parse(&exchange.authenticate).unwrap();
        message.mic = None;
        exchange.authenticate = message.to_octets().unwrap();
        assert_eq!(exchange.judge(Some(&hash), &exchange.demands), Err(Refused::Integrity), "{}", exchange.name);
    }
}

#[test]
fn a_client_that_asks_for_what_is_not_spoken() {
    let all = Client::default().flags;
    let table = [
        (all - Flags::NTLM, "no NTLM"),
        (all - Flags::EXTENDED_SECURITY, "no extended session security"),
        (all - Flags::UNICODE, "no encoding of text"),
    ];
    for (flags, why) in table {
        let negotiate = Negotiate { flags, ..Negotiate::default() }.to_octets().unwrap();
        assert_eq!(server::challenge(&negotiate, "X", [0; 8], NOW), Err(Broken::Flags(why)));
    }
}

#[test]
fn short_and_long_forms_of_the_first_message() {
    let whole = Client::default().negotiate().unwrap();
    assert_eq!(whole.len(), 40);
    let curl = &Recorded::all()[0].negotiate;
    assert_eq!(curl.len(), 32);
    for (octets, broken) in [
        (&whole[..16], None),
        (&whole[..17], Some(Broken::TooShort)),
        (&whole[..31], Some(Broken::TooShort)),
        (&whole[..32], None),
        (&whole[..], None),
        (&whole[..15], Some(Broken::TooShort)),
        (&whole[..11], Some(Broken::TooShort)),
        (&whole[1..], Some(Broken::Signature)),
        (b"", Some(Broken::Signature)),
        (curl, None),
    ] {
        let parsed = Negotiate::parse(octets);
        assert_eq!(parsed.as_ref().err(), broken.as_ref(), "{octets:?}");
    }
    assert_eq!(Challenge::parse(&whole), Err(Broken::Kind { due: 2 }));
    assert_eq!(Negotiate::parse(&[b"NTLMSSP\0\x01\0\0\0".as_slice(), &[0; 20_000]].concat()), Err(Broken::TooLong));
}

#[test]
fn fields_that_point_elsewhere() {
    let message = Exchange::new().authenticate;
    let names = ["LM answer", "answer", "domain", "user", "workstation", "session key"];
    for (at, name) in (12..60).step_by(8).zip(names) {
        for offset in [0, 63, message.len() as u32, u32::MAX, u32::MAX - 8] {
            let mut octets = message.clone();
            octets[at..at + 2].copy_from_slice(&16_u16.to_le_bytes());
            octets[at + 4..at + 8].copy_from_slice(&offset.to_le_bytes());
            assert_eq!(Authenticate::parse(&octets), Err(Broken::Bounds(name)), "{offset}");
        }
    }
    for cut in 0..message.len() {
        assert!(Authenticate::parse(&message[..cut]).is_err(), "{cut}");
    }
}

proptest::proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever one octet is made of, of those that the proof or the code covers: never another verdict than no.
    #[test]
    fn no_octet_of_a_bound_exchange_can_be_changed(which in 0..3_usize, at in any::<proptest::sample::Index>(), flip in 1..=255_u8) {
        let mut exchange = Exchange::bound_to(Some([5; 16]));
        let demands = Demands { bindings: Some([5; 16]), binding: ChannelBinding::Required, integrity: true };
        let octets = match which { 0 => &mut exchange.negotiate, 1 => &mut exchange.challenge, _ => &mut exchange.authenticate };
        let at = at.index(octets.len());
        octets[at] ^= flip;
        proptest::prop_assert!(exchange.judge(&demands).is_err());
    }

    #[test]
    fn what_can_be_read_is_printed_and_read_again(
        kind in 1..=3_u32,
        tail in proptest::collection::vec(prop_oneof![4 => Just(0_u8), 1 => any::<u8>(), 1 => 40..90_u8], 0..160),
    ) {
        let octets = [b"NTLMSSP\0".as_slice(), &kind.to_le_bytes(), &tail].concat();
        if let Ok(message) = Negotiate::parse(&octets) {
            let printed = message.to_octets().unwrap();
            proptest::prop_assert_eq!(Negotiate::parse(&printed).unwrap().to_octets().unwrap(), printed);
        }
        if let Ok(message) = Challenge::parse(&octets) {
            let printed = message.to_octets().unwrap();
            proptest::prop_assert_eq!(Challenge::parse(&printed).unwrap().to_octets().unwrap(), printed);
        }
        if let Ok(message) = Authenticate::parse(&octets) {
            let printed = message.to_octets().unwrap();
            proptest::prop_assert_eq!(Authenticate::parse(&printed).unwrap(), message);
        }
    }
}
