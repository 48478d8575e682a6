//! The schemes `NTLM` and `Negotiate` leg by leg, and what a server makes of legs that are not in order.

#[path = "support/world.rs"]
mod world;

use std::sync::Arc;

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_auth::challenge::Challenge;
use gatepost_auth::context::{ContextAsk, ContextFacts, ContextStep, Mechanism as Contexts};
use gatepost_auth::error::AuthError;
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::ntlm::authenticate::Authenticate;
use gatepost_auth::ntlm::client::Client;
use gatepost_auth::scheme::{Confirmation, Confirmed, Proof, Scheme, Step, Turn};
use gatepost_auth::schemes::{negotiate::Negotiate, ntlm::Ntlm};
use gatepost_auth::settings::ChannelBinding;
use gatepost_auth::spnego::mechanism::{Mechanism, Mechanisms};
use gatepost_auth::spnego::token::{Answer, Init, State, Token};
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::channel::{Channel, ChannelBindings};
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::url::Url;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use world::World;

/// The octets in a field of this scheme.
fn octets(value: &HeaderValue, scheme: &str) -> Vec<u8> {
    STANDARD.decode(value.to_str().unwrap().strip_prefix(scheme).unwrap().trim()).unwrap()
}

/// A request that shows these octets.
fn showing(scheme: &str, octets: &[u8]) -> HeaderMap {
    let value = format!("{scheme} {}", STANDARD.encode(octets)).parse().unwrap();
    [(AUTHORIZATION, value)].into_iter().collect()
}

fn tls(end_point: Option<&[u8]>) -> Arc<Channel> {
    let bindings = ChannelBindings { end_point: end_point.map(Arc::from), exporter: None };
    Arc::new(Channel { tls: true, multiplexed: false, bindings, client: None })
}

fn not_taken(why: &str) -> Verdict {
    Verdict::Reject(Refusal::NotTaken(why.into()))
}

/// The answer to a token of ours, and what is remembered for the next.
fn continued(world: &mut World, scheme: &dyn Scheme, token: &[u8]) -> Vec<u8> {
    match world.verify(scheme, &showing(scheme.name(), token)) {
        Verdict::Continue { challenge, memory } => {
            world.legs[1] = memory;
            STANDARD.decode(challenge.token68.unwrap()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn ntlm_init(list: &[Mechanism]) -> Vec<u8> {
    let token = Some(Client::default().negotiate().unwrap());
    Init { mechanisms: Mechanisms::new(list.to_vec()), token, mic: None }.to_octets()
}

fn answer(token: &[u8]) -> Answer {
    match Token::parse(token) {
        Ok(Token::Answer(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proof_is_judged_once_and_on_its_connection_only() {
    for scheme in [&Ntlm as &dyn Scheme, &Negotiate] {
        let mut world = World::of_alice();
        let proof = world.proof(scheme, None);
        assert!(matches!(world.verify(scheme, &proof), Verdict::Accept { .. }));
        // The caller hands the memory back once; without it the same proof answers nothing.
        world.legs[1].clear();
        let unasked = not_taken("an answer to a challenge that was not made on this connection");
        assert_eq!(world.verify(scheme, &proof), unasked);
        let mut other = World::of_alice();
        other.entropy = [7; 32];
        other.proof(scheme, None);
        assert_eq!(other.verify(scheme, &proof), Verdict::Reject(Refusal::WrongSecret), "{}", scheme.name());
    }
}

#[test]
fn requests_that_share_a_connection_have_no_ntlm() {
    let mut world = World::of_alice();
    world.channel = Arc::new(Channel { multiplexed: true, ..Channel::default() });
    for scheme in [&Ntlm as &dyn Scheme, &Negotiate] {
        assert!(matches!(world.prove(scheme, None), Ok(Step::Decline(_))), "{}", scheme.name());
    }
}

#[test]
fn channel_bindings_are_those_of_the_two_ends() {
    let here = tls(Some(b"certificate"));
    let table = [
        // what the client sees, what the server sees, what it demands, whether it lets in
        (&here, &here, ChannelBinding::Required, true),
        (&here, &tls(Some(b"another")), ChannelBinding::Checked, false),
        (&here, &Arc::new(Channel::default()), ChannelBinding::Checked, false),
        (&here, &Arc::new(Channel::default()), ChannelBinding::DangerIgnored, true),
        (&tls(None), &here, ChannelBinding::Checked, true),
        (&tls(None), &here, ChannelBinding::Required, false),
        (&Arc::new(Channel::default()), &Arc::new(Channel::default()), ChannelBinding::Required, false),
    ];
    for (client, server, binding, taken) in table {
        for scheme in [&Ntlm as &dyn Scheme, &Negotiate] {
            let mut world = World::of_alice();
            (world.channel, world.settings.channel_binding) = (Arc::clone(client), binding);
            let proof = world.proof(scheme, None);
            world.channel = Arc::clone(server);
            let expected = if taken { None } else { Some(Verdict::Reject(Refusal::WrongChannel)) };
            let verdict = world.verify(scheme, &proof);
            let refused = (!matches!(verdict, Verdict::Accept { .. })).then_some(verdict);
            assert_eq!(refused, expected, "{} {client:?} {server:?}", scheme.name());
        }
    }
}

#[test]
fn both_ends_sign_what_was_offered() {
    let mut world = World::of_alice();
    let proof = world.proof(&Negotiate, None);
    assert_eq!(world.legs[0][0], b'm', "what was sent is not forgotten");
    let sent = answer(&octets(&proof[AUTHORIZATION], "Negotiate"));
    assert!(sent.mic.is_some());
    let Verdict::Accept { principal, fields } = world.verify(&Negotiate, &proof) else { panic!() };
    assert_eq!(principal, Principal::new("alice", "Negotiate"));
    let fields: HeaderMap = fields.into_iter().collect();
    let said = answer(&octets(&fields[WWW_AUTHENTICATE], "Negotiate"));
    assert_eq!(said.state, Some(State::Completed));
    let mutual = |answer: &Answer| {
        let fields = [(WWW_AUTHENTICATE, showing("Negotiate", &answer.to_octets())[AUTHORIZATION].clone())];
        confirmed(&world, &Answers::default(), &fields.into_iter().collect())
    };
    let is = |mutual| Ok(Confirmed::Done(Confirmation { mutual, ..Confirmation::default() }));
    assert_eq!(mutual(&said), is(true));
    assert_eq!(mutual(&Answer { mic: None, ..said.clone() }), is(false));
    assert_eq!(confirmed(&world, &Answers::default(), &HeaderMap::new()), is(false));
    let wrong = Answer { mic: sent.mic, ..said };
    assert_eq!(mutual(&wrong), Err(AuthError::Unconfirmed { scheme: "Negotiate" }));
}

fn confirmed(world: &World, answers: &Answers, fields: &HeaderMap) -> Result<Confirmed, AuthError> {
    let confirm = |turn: &Turn<'_>| Negotiate.confirm(turn, &Proof::new(), fields);
    turned(world, &HeaderMap::new(), answers, &world.legs[0], None, confirm)
}

/// A list that begins with what is not spoken here could have been cut down to NTLM: it has to be signed.
#[test]
fn what_is_not_the_first_choice_has_to_be_signed() {
    let list = [Mechanism::kerberos(), Mechanism::ntlm()];
    for (tamper, taken) in [("nothing", true), ("no signature", false), ("another list", false), ("bare", false)] {
        let mut world = World::of_alice();
        let chosen = answer(&continued(&mut world, &Negotiate, &ntlm_init(&list)));
        assert_eq!((chosen.state, chosen.token.is_some()), (Some(State::RequestMic), false));
        let negotiate = Client::default().negotiate().unwrap();
        let first = Answer { token: Some(negotiate.clone()), ..Answer::default() };
        let challenged = answer(&continued(&mut world, &Negotiate, &first.to_octets()));
        let challenge = challenged.token.unwrap();
        let (message, session) = proved(&negotiate, &challenge);
        let signed = if tamper == "another list" { &list[1..] } else { &list };
        let side = gatepost_auth::ntlm::signing::Side::Client;
        let mic = session.sign(side, &Mechanisms::new(signed.to_vec()).to_der()).to_vec();
        let mic = (tamper != "no signature").then_some(mic);
        let token = match tamper {
            "bare" => message,
            _ => Answer { token: Some(message), mic, ..Answer::default() }.to_octets(),
        };
        let verdict = world.verify(&Negotiate, &showing("Negotiate", &token));
        assert_eq!(matches!(verdict, Verdict::Accept { .. }), taken, "{tamper}: {verdict:?}");
    }
}

fn proved(negotiate: &[u8], challenge: &[u8]) -> (Vec<u8>, gatepost_auth::ntlm::signing::Session) {
    use gatepost_auth::ntlm::client::{Identity, Occasion};
    use gatepost_auth::ntlm::keys::{Key, nt_hash};
    let world = World::of_alice();
    let password = world.users["alice"].secret.reveal_text().unwrap().to_owned();
    let identity = Identity { user: "alice".into(), domain: "X".into(), nt_hash: nt_hash(&password) };
    let occasion =
        Occasion { now: world.now, nonce: [1; 8], session_key: Key::new([2; 16]), target: None, bindings: None };
    Client::default().authenticate(negotiate, challenge, &identity, &occasion).unwrap()
}

#[test]
fn ntlm_without_spnego_around_it() {
    let mut world = World::of_alice();
    let negotiate = Client::default().negotiate().unwrap();
    let challenge = continued(&mut world, &Negotiate, &negotiate);
    let (message, _) = proved(&negotiate, &challenge);
    let verdict = world.verify(&Negotiate, &showing("Negotiate", &message));
    assert_eq!(verdict, Verdict::accept(Principal::new("alice", "Negotiate")));
    let wrapped = Answer { token: Some(message), ..Answer::default() }.to_octets();
    let unasked = not_taken("an answer to a challenge that was not made on this connection");
    assert_eq!(world.verify(&Negotiate, &showing("Negotiate", &wrapped)), unasked);
}

#[test]
fn a_claim_without_a_user_and_tokens_that_are_none() {
    let table: [(&dyn Scheme, &[u8]); 4] =
        [(&Ntlm, b"hello"), (&Ntlm, b"NTLMSSP\0\x02\0\0\0"), (&Negotiate, b"hello"), (&Negotiate, b"\x60\x00")];
    for (scheme, token) in table {
        let verdict = World::of_alice().verify(scheme, &showing(scheme.name(), token));
        assert!(matches!(verdict, Verdict::Reject(Refusal::Malformed(_))), "{token:?}: {verdict:?}");
    }
    let unknown = Init { mechanisms: Mechanisms::new(vec![Mechanism::new(b"\x2a\x03")]), token: None, mic: None };
    let verdict = World::of_alice().verify(&Negotiate, &showing("Negotiate", &unknown.to_octets()));
    assert_eq!(verdict, not_taken("none of the mechanisms on offer"));
    let mut world = World::of_alice();
    let proof = world.proof(&Ntlm, None);
    let mut message = Authenticate::parse(&octets(&proof[AUTHORIZATION], "NTLM")).unwrap();
    message.user.clear();
    let verdict = world.verify(&Ntlm, &showing("NTLM", &message.to_octets().unwrap()));
    assert_eq!(verdict, not_taken("an anonymous user"));
}

#[test]
fn a_client_gives_up_where_the_server_breaks_off() {
    for scheme in [&Ntlm as &dyn Scheme, &Negotiate] {
        let mut world = World::of_alice();
        let Ok(Step::Send { memory, preliminary: true, .. }) = world.prove(scheme, None) else { panic!() };
        world.legs[0] = memory;
        let bare = Challenge::new(scheme.name());
        assert!(matches!(world.prove(scheme, Some(&bare)), Ok(Step::Decline(_))), "{}", scheme.name());
        world.legs[0].clear();
        let unasked = Challenge { token68: Some("AAAA".into()), ..bare };
        assert!(matches!(world.prove(scheme, Some(&unasked)), Err(AuthError::Malformed { .. })));
    }
}

/// Kerberos is the system's: the scheme passes tokens on, and says what came of it.
#[test]
fn contexts_of_the_system_at_both_ends() {
    let ask = |number, mechanism, service: &str, token: &[u8]| {
        Need::Context(ContextAsk { number, mechanism, service: service.into(), token: token.to_vec() })
    };
    let ticket = b"\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00";
    let list = [Mechanism::kerberos(), Mechanism::ntlm()];
    let init = ntlm_init(&list);
    let facts = ContextFacts { name: "alice@X".into(), expires: None, mutual: true, bound: false };
    let done = |token: &[u8]| Some(ContextStep::Done { token: token.to_vec(), facts: facts.clone() });
    let world = World::of_alice();
    // Server.
    for (token, mechanism) in [(&init[..], Contexts::Spnego), (ticket, Contexts::Kerberos)] {
        let judge = |context, memory: &[u8]| stepped(&world, token, context, memory);
        assert_eq!(judge(None, b""), Verdict::Need(ask(None, mechanism, "", token)));
        let Verdict::Continue { memory, .. } =
            judge(Some(ContextStep::Continue { number: 7, token: b"more".to_vec() }), b"")
        else {
            panic!()
        };
        if mechanism == Contexts::Kerberos {
            assert_eq!(judge(None, &memory), Verdict::Need(ask(Some(7), mechanism, "", token)));
        }
        let principal = Principal::new("alice@X", "Negotiate");
        let fields = vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Negotiate bGFzdA=="))];
        assert_eq!(judge(done(b"last"), &memory), Verdict::Accept { principal: principal.clone(), fields });
        assert_eq!(judge(done(b""), b""), Verdict::accept(principal));
        assert_eq!(judge(Some(ContextStep::Refused("a replay".into())), b""), not_taken("a replay"));
    }
    let mut strict = World::of_alice();
    strict.settings.channel_binding = ChannelBinding::Required;
    assert_eq!(stepped(&strict, ticket, done(b""), b""), Verdict::Reject(Refusal::WrongChannel));
    // Client.
    let prove = |context: Option<ContextStep>, memory: &[u8], challenge: Option<&Challenge>| {
        let answers = Answers { channel: Some(Arc::default()), context, ..Answers::default() };
        turned(&world, &HeaderMap::new(), &answers, memory, challenge, |turn| Negotiate.prove(turn))
    };
    let begin = Step::Need(ask(None, Contexts::Spnego, "HTTP@example.com", b""));
    assert_eq!(prove(None, b"", None), Ok(begin));
    let Ok(Step::Send { memory, preliminary: false, .. }) =
        prove(Some(ContextStep::Continue { number: 9, token: b"one".to_vec() }), b"", None)
    else {
        panic!()
    };
    let last = Challenge { token68: Some("bGFzdA==".into()), ..Challenge::new("Negotiate") };
    let next = Step::Need(ask(Some(9), Contexts::Spnego, "HTTP@example.com", b"last"));
    assert_eq!(prove(None, &memory, Some(&last)), Ok(next));
    let refused = prove(None, &memory, Some(&Challenge::new("Negotiate")));
    assert!(matches!(refused, Ok(Step::Decline(_))), "{refused:?}");
    let fields: HeaderMap = [(WWW_AUTHENTICATE, last.to_header_value().unwrap())].into_iter().collect();
    let confirm = |context: Option<ContextStep>| {
        let answers = Answers { context, ..Answers::default() };
        turned(&world, &HeaderMap::new(), &answers, &memory, None, |turn| Negotiate.confirm(turn, &vec![], &fields))
    };
    let mutual = Confirmation { mutual: true, ..Confirmation::default() };
    assert_eq!(confirm(done(b"")), Ok(Confirmed::Done(mutual)));
    assert!(matches!(confirm(None), Ok(Confirmed::Need(Need::Context(_)))));
    let wrong = confirm(Some(ContextStep::Refused("no".into())));
    assert_eq!(wrong, Err(AuthError::Unconfirmed { scheme: "Negotiate" }));
}

fn stepped(world: &World, token: &[u8], context: Option<ContextStep>, memory: &[u8]) -> Verdict {
    let answers = Answers { channel: Some(Arc::default()), context, ..Answers::default() };
    turned(world, &showing("Negotiate", token), &answers, memory, None, |turn| Negotiate.verify(turn)).unwrap()
}

fn turned<T>(
    world: &World,
    headers: &HeaderMap,
    answers: &Answers,
    memory: &[u8],
    challenge: Option<&Challenge>,
    run: impl FnOnce(&Turn<'_>) -> T,
) -> T {
    let url = Url::parse(&world.url).unwrap();
    let target = url.request_target();
    let request = RequestHead { method: &world.method, url: &url, target: &target, headers, party: Party::Server };
    let (settings, now, entropy) = (&world.settings, world.now, &world.entropy);
    run(&Turn { request, challenge, answers, settings, now, entropy, memory })
}
