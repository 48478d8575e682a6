//! The recorded exchanges of SPNEGO, leg by leg through both ends, with what each end remembers between.

use std::sync::Arc;

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_model::channel::{Channel, ChannelBindings};
use gatepost_model::credential::Credential;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use crate::challenge::Challenge;
use crate::legs;
use crate::need::Answers;
use crate::ntlm::keys::nt_hash;
use crate::ntlm::server::{Claim, Demands};
use crate::ntlm::signing::Session;
use crate::scheme::{Confirmation, Confirmed, Scheme, Step, Turn};
use crate::schemes::negotiate::Negotiate;
use crate::schemes::ntlm::Ntlm;
use crate::settings::{ChannelBinding, Settings};
use crate::spnego::token::Token;
use crate::verdict::{Refusal, Verdict};

const FILE: &str = include_str!("../../tests/vectors/ntlm-transcripts.json");

/// One recorded exchange: the tokens as they went over the wire, and NTLM's three messages in them.
struct Recorded {
    name: String,
    scheme: &'static dyn Scheme,
    tokens: Vec<String>,
    messages: [Vec<u8>; 3],
    channel: Arc<Channel>,
    password: String,
}

fn recorded() -> Vec<Recorded> {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let hash = file["tls_server_end_point_sha256"].as_str().unwrap();
    let hash: Vec<u8> = (0..64).step_by(2).map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap()).collect();
    let read = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        let bound = entry["channel_bindings"].as_bool().unwrap();
        let bindings = ChannelBindings { end_point: bound.then(|| hash.as_slice().into()), exporter: None };
        let tokens: Vec<String> =
            entry["tokens"].as_array().unwrap().iter().map(|token| token["b64"].as_str().unwrap().to_owned()).collect();
        let inner = tokens.iter().filter_map(|token| match Token::parse(&STANDARD.decode(token).unwrap()).unwrap() {
            Token::Init(init) => init.token,
            Token::Answer(answer) => answer.token,
            _ => STANDARD.decode(token).ok(),
        });
        Recorded {
            name: text("client"),
            scheme: if text("scheme") == "NTLM" { &Ntlm } else { &Negotiate },
            messages: inner.collect::<Vec<_>>().try_into().unwrap(),
            tokens,
            channel: Arc::new(Channel { tls: bound, multiplexed: false, bindings, client: None }),
            password: text("password"),
        }
    };
    file["exchanges"].as_array().unwrap().iter().map(read).collect()
}

impl Recorded {
    fn is_spnego(&self) -> bool {
        self.scheme.name() == "Negotiate"
    }

    /// What our server would have remembered if its challenge had been the recorded one.
    fn remembered(&self) -> Vec<u8> {
        let [negotiate, challenge, _] = &self.messages;
        if !self.is_spnego() {
            return legs::pack(b'n', &[negotiate, challenge]);
        }
        let Ok(Token::Init(init)) = Token::parse(&STANDARD.decode(&self.tokens[0]).unwrap()) else { panic!() };
        legs::pack(b'n', &[&init.mechanisms.to_der(), &[1], negotiate, challenge])
    }

    /// The session that both ends had.
    fn session(&self) -> Session {
        let [negotiate, challenge, authenticate] = &self.messages;
        let demands = Demands { binding: ChannelBinding::DangerIgnored, ..Demands::default() };
        let claim = Claim::parse(authenticate).unwrap();
        claim.verify(negotiate, challenge, Some(&nt_hash(&self.password)), &demands).unwrap()
    }

    fn turn<T>(
        &self,
        answers: &Answers,
        memory: &[u8],
        challenge: Option<&Challenge>,
        run: impl FnOnce(&Turn<'_>) -> T,
    ) -> T {
        let url = Url::parse("https://localhost/").unwrap();
        let value = format!("{} {}", self.scheme.name(), self.tokens[2]).parse().unwrap();
        let headers: HeaderMap = [(AUTHORIZATION, value)].into_iter().collect();
        let required = if self.channel.tls { ChannelBinding::Required } else { ChannelBinding::Checked };
        let settings = Settings { channel_binding: required, ..Settings::default() };
        let (party, now) = (Party::Server, Timestamp::from_secs(1_795_000_000));
        let request = RequestHead { method: &Method::GET, url: &url, target: "/", headers: &headers, party };
        run(&Turn { request, challenge, answers, settings: &settings, now, entropy: &[7; 32], memory })
    }
}

#[test]
fn our_server_in_the_place_of_the_recorded_one() {
    let mut signed = 0;
    for recorded in recorded() {
        let judge = |password: &str| {
            let record = Some(Some(Secret::new(nt_hash(password).reveal().to_vec())));
            let answers = Answers { record, channel: Some(Arc::clone(&recorded.channel)), ..Answers::default() };
            recorded.turn(&answers, &recorded.remembered(), None, |turn| recorded.scheme.verify(turn)).unwrap()
        };
        let mut fields = Vec::new();
        if recorded.is_spnego() {
            signed += 1;
            let said = format!("Negotiate {}", recorded.tokens[3]);
            fields.push((WWW_AUTHENTICATE, HeaderValue::try_from(said).unwrap()));
        }
        let principal = Principal::new("alice", recorded.scheme.name());
        assert_eq!(judge(&recorded.password), Verdict::Accept { principal, fields }, "{}", recorded.name);
        assert_eq!(judge("Password"), Verdict::Reject(Refusal::WrongSecret), "{}", recorded.name);
    }
    assert_eq!(signed, 2);
}

#[test]
fn our_client_in_the_place_of_the_recorded_one() {
    for recorded in recorded() {
        let scheme = recorded.scheme.name();
        let challenge = Challenge { token68: Some(recorded.tokens[1].clone()), ..Challenge::new(scheme) };
        let login = Some(Some(Credential::login("GATEPOST\\alice", recorded.password.as_str())));
        let answers = Answers { login, channel: Some(Arc::clone(&recorded.channel)), ..Answers::default() };
        let memory = legs::pack(b'n', &[&recorded.messages[0]]);
        let step = recorded.turn(&answers, &memory, Some(&challenge), |turn| recorded.scheme.prove(turn)).unwrap();
        let Step::Send { preliminary: false, memory, .. } = step else { panic!("{}: {step:?}", recorded.name) };
        assert_eq!(memory.is_empty(), !recorded.is_spnego());
    }
}

/// The recorded server's last word, to a client that has the recorded session.
#[test]
fn the_recorded_servers_signature_is_believed() {
    for recorded in recorded().into_iter().filter(Recorded::is_spnego) {
        let session = recorded.session();
        let memory = legs::pack(b'm', &[session.key.reveal(), &session.flags.bits().to_be_bytes()]);
        let said = format!("Negotiate {}", recorded.tokens[3]).parse().unwrap();
        let fields: HeaderMap = [(WWW_AUTHENTICATE, said)].into_iter().collect();
        let confirm = |turn: &Turn<'_>| recorded.scheme.confirm(turn, &Vec::new(), &fields);
        let confirmed = recorded.turn(&Answers::default(), &memory, None, confirm);
        let mutual = Confirmation { mutual: true, ..Confirmation::default() };
        assert_eq!(confirmed, Ok(Confirmed::Done(mutual)), "{}", recorded.name);
    }
}
