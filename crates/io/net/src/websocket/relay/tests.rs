//! Relays between two ends in memory, in virtual time.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::deflate::agreed::{Agreed, agree};
use gatepost_ws::deflate::config::Config;
use gatepost_ws::deflate::offer::offers;
use gatepost_ws::error::WsError;
use gatepost_ws::limits::Limits;
use gatepost_ws::message::{Kind, Message};
use gatepost_ws::role::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::road::relay;
use super::terms::{Ended, Pings, SideTerms, Terms, Why};
use crate::error::{NetError, Wait};
use crate::websocket::heard::SocketEvent;
use crate::websocket::settings::Settings;
use crate::websocket::socket::MessageSocket;

/// A client and an upstream with a relay between them, and how that ends.
struct Pair {
    client: DuplexStream,
    upstream: DuplexStream,
    ended: JoinHandle<Ended>,
}

impl Pair {
    fn new(terms: Terms) -> Self {
        Self::until(terms, pending())
    }

    fn until(terms: Terms, expired: impl Future<Output = ()> + Send + 'static) -> Self {
        let ((client, near), (far, upstream)) = (duplex(16 * 1024), duplex(16 * 1024));
        let relaying = async move { relay(Box::new(near), Box::new(far), &terms, expired).await };
        Self { client, upstream, ended: tokio::spawn(relaying) }
    }

    /// Both ends as sockets, with these agreements.
    fn sockets(self, client: Option<Agreed>, upstream: Option<Agreed>) -> (Socket, Socket, JoinHandle<Ended>) {
        let socket = |stream, role, agreed: Option<Agreed>| {
            MessageSocket::new(stream, role, agreed.as_ref(), Settings::default())
        };
        let Self { client: near, upstream: far, ended } = self;
        (socket(near, Role::Client, client), socket(far, Role::Server, upstream), ended)
    }
}

type Socket = MessageSocket<DuplexStream>;

fn agreed() -> Agreed {
    let config = Config::default();
    agree(&config, &offers(&config)).unwrap().0
}

fn close(code: u16, reason: &str) -> Close {
    Close { code: CloseCode::new(code).unwrap(), reason: reason.to_owned() }
}

/// A frame, masked with zeros if it is a client's.
fn frame(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = if role == Role::Client { 0x80 } else { 0 };
    let mut octets = vec![first, mask | u8::try_from(payload.len()).unwrap()];
    octets.extend(vec![0; if mask == 0 { 0 } else { 4 }]);
    octets.extend(payload);
    octets
}

/// All that comes until the end.
async fn heard(socket: &mut Socket) -> (Vec<SocketEvent>, Result<(), NetError>) {
    let mut events = Vec::new();
    loop {
        match socket.receive_event().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, Ok(())),
            Err(error) => return (events, Err(error)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn messages_pass_both_ways_with_any_compression_on_either_side() {
    let text = "It goes on, and on, and on. ".repeat(10_000);
    for (near, far) in [(None, None), (Some(agreed()), None), (None, Some(agreed())), (Some(agreed()), Some(agreed()))]
    {
        let mut terms = Terms::default();
        (terms.client.deflate, terms.upstream.deflate) = (near, far);
        let (mut client, mut upstream, ended) = Pair::new(terms).sockets(near, far);
        let echo = tokio::spawn(async move {
            while let Some(message) = upstream.receive().await.unwrap() {
                upstream.send(message).await.unwrap();
            }
            upstream.closed().cloned()
        });
        for message in
            [Message::from("é"), Message::from(""), Message::from(text.as_str()), Bytes::from_static(&[0xFF, 0]).into()]
        {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.receive().await.unwrap(), Some(message));
        }
        client.close(CloseCode::new(4321).unwrap(), "enough").await.unwrap();
        assert_eq!(heard(&mut client).await.1, Ok(()));
        assert_eq!(echo.await.unwrap(), Some(close(4321, "enough")));
        let octets = u64::try_from(text.len() + 4).unwrap();
        let why = Why::Client(CloseCode::new(4321));
        assert_eq!(ended.await.unwrap(), Ended { carried: (octets, octets), why });
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_goes_on_before_its_message_has_come() {
    let Pair { mut client, mut upstream, .. } = Pair::new(Terms::default());
    // The head of a message of 1,000 octets, and three of them.
    client.write_all(&[0x82, 0x80 | 126, 0x03, 0xE8, 0, 0, 0, 0, 1, 2, 3]).await.unwrap();
    let mut head = [0; 6];
    upstream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[..2], [0x02, 0x83], "a frame that is not the last, of three octets");
    let mut part = [0; 3];
    upstream.read_exact(&mut part).await.unwrap();
    let unmasked: Vec<u8> = part.iter().zip(&head[2..]).map(|(octet, key)| octet ^ key).collect();
    assert_eq!(unmasked, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_here_or_go_on() {
    for (pings, expected) in [(Pings::Answer, vec![]), (Pings::Pass, vec![SocketEvent::Ping("gatepost".into())])] {
        let terms = Terms { pings, ..Terms::default() };
        let (mut client, mut upstream, _) = Pair::new(terms).sockets(None, None);
        client.ping(b"gatepost").await.unwrap();
        client.send("then".into()).await.unwrap();
        let serving = async {
            let mut seen = Vec::new();
            while !matches!(seen.last(), Some(SocketEvent::Message(_))) {
                seen.push(upstream.receive_event().await.unwrap().unwrap());
            }
            seen.pop();
            upstream.send("there".into()).await.unwrap();
            seen
        };
        let asking = async { [client.receive_event().await.unwrap(), client.receive_event().await.unwrap()] };
        let (seen, told) = tokio::join!(serving, tokio::time::timeout(Duration::from_secs(60), asking));
        let told = told.unwrap();
        assert_eq!(seen, expected);
        for event in [SocketEvent::Pong("gatepost".into()), SocketEvent::Message("there".into())] {
            assert!(told.contains(&Some(event)), "{told:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_goes_on_word_by_word_and_so_does_its_answer() {
    for (said, answered) in [
        (Some(close(1000, "done")), Some(close(1000, "done"))),
        (Some(close(3999, "é")), Some(close(4000, "something else"))),
        (None, None),
        (Some(close(1001, "")), None),
    ] {
        for upstream_first in [false, true] {
            let Pair { client, upstream, ended } = Pair::new(Terms::default());
            let (mut first, mut second, role) =
                if upstream_first { (upstream, client, Role::Server) } else { (client, upstream, Role::Client) };
            let octets = |close: &Option<Close>| close.as_ref().map_or(Vec::new(), |close| close.write().unwrap());
            first.write_all(&frame(role, 0x88, &octets(&said))).await.unwrap();
            assert_eq!(read_close(&mut second).await, said);
            second.write_all(&frame(role.peer(), 0x88, &octets(&answered))).await.unwrap();
            assert_eq!(read_close(&mut first).await, answered);
            for stream in [&mut first, &mut second] {
                stream.shutdown().await.unwrap();
                assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            }
            let code = said.as_ref().map(|close| close.code);
            let why = if upstream_first { Why::Upstream(code) } else { Why::Client(code) };
            assert_eq!(ended.await.unwrap().why, why);
        }
    }
}

/// The Close frame that comes next.
async fn read_close(stream: &mut DuplexStream) -> Option<Close> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 0x88);
    let mut mask = [0; 4];
    if head[1] & 0x80 != 0 {
        stream.read_exact(&mut mask).await.unwrap();
    }
    let mut payload = vec![0; usize::from(head[1] & 0x7F)];
    stream.read_exact(&mut payload).await.unwrap();
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(octet, key)| *octet ^= key);
    Close::read(&payload).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_abrupt_end_is_never_told_as_one_in_order() {
    let (mut client, upstream, ended) = Pair::new(Terms::default()).sockets(None, None);
    drop(upstream);
    let told = heard(&mut client).await;
    assert_eq!(told, (vec![SocketEvent::Close(Some(close(1014, "the upstream was lost")))], Ok(())));
    assert_eq!(ended.await.unwrap().why, Why::UpstreamLost(NetError::Abrupt));

    let (client, mut upstream, ended) = Pair::new(Terms::default()).sockets(None, None);
    drop(client);
    let told = heard(&mut upstream).await;
    assert_eq!(told, (vec![SocketEvent::Close(Some(close(1011, "the client was lost")))], Ok(())));
    assert_eq!(ended.await.unwrap().why, Why::ClientLost(NetError::Abrupt));
}

#[tokio::test(start_paused = true)]
async fn who_breaks_a_rule_reads_which_and_the_other_side_that_it_was_so() {
    let limits = Limits { message: 100, control_frames: 10, ..Limits::default() };
    let long = frame(Role::Client, 0x82, &[0; 101]);
    let flood = frame(Role::Client, 0x89, b"").repeat(30);
    let table = [
        (frame(Role::Server, 0x81, b"unmasked"), 1002),
        (frame(Role::Client, 0x81, b"\xFF"), 1007),
        (long, 1009),
        (flood, 1008),
    ];
    for (said, code) in table {
        let terms = Terms { client: SideTerms { limits, ..SideTerms::default() }, ..Terms::default() };
        let Pair { mut client, upstream, ended } = Pair::new(terms);
        let mut upstream = MessageSocket::new(upstream, Role::Server, None, Settings::default());
        client.write_all(&said).await.unwrap();
        let told = heard(&mut upstream).await;
        let words = "the client broke the protocol or a limit";
        assert_eq!(told, (vec![SocketEvent::Close(Some(close(1011, words)))], Ok(())));
        let mut octets = Vec::new();
        client.read_to_end(&mut octets).await.unwrap();
        let at = octets.windows(2).position(|pair| pair[0] == 0x88).unwrap();
        assert_eq!(u16::from_be_bytes([octets[at + 2], octets[at + 3]]), code);
        drop(client);
        assert!(matches!(ended.await.unwrap().why, Why::ClientBroke(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_broken_rule_is_still_answered() {
    let Pair { mut client, upstream, .. } = Pair::new(Terms::default());
    let mut upstream = MessageSocket::new(upstream, Role::Server, None, Settings::default());
    tokio::spawn(async move {
        while let Some(message) = upstream.receive().await.unwrap() {
            upstream.send(message).await.unwrap();
        }
    });
    let role = Role::Client;
    client
        .write_all(&[frame(role, 0x81, b"one"), frame(role, 0x83, b""), frame(role, 0x81, b"two")].concat())
        .await
        .unwrap();
    let mut echo = [0; 5];
    client.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"\x81\x03one");
    assert_eq!(read_close(&mut client).await.map(|close| close.code), Some(CloseCode::PROTOCOL));
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limit_of_the_upstream_is_a_bad_gateway() {
    let mut terms = Terms::default();
    terms.upstream.limits.message = 1000;
    let (mut client, mut upstream, ended) = Pair::new(terms).sockets(None, None);
    upstream.send("x".repeat(1001).into()).await.unwrap();
    let told = heard(&mut client).await.0;
    assert_eq!(told, [SocketEvent::Close(Some(close(1014, "the upstream broke the protocol or a limit")))]);
    let told = heard(&mut upstream).await.0;
    assert!(matches!(&told[..], [SocketEvent::Close(Some(close))] if close.code == CloseCode::TOO_BIG), "{told:?}");
    assert_eq!(ended.await.unwrap().why, Why::UpstreamBroke(WsError::TooLarge { limit: 1000 }));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_slows_its_writer_down_and_one_that_never_reads_is_lost() {
    let limit = Duration::from_secs(20);
    let (mut client, upstream, ended) = Pair::new(Terms { send_time: limit, ..Terms::default() }).sockets(None, None);
    let mut sent = 0;
    let piece = Bytes::from(vec![7; 1000]);
    let told = loop {
        tokio::select! {
            sending = client.send(piece.clone().into()) => match sending {
                Ok(()) => sent += piece.len(),
                Err(error) => panic!("{error}"),
            },
            () = tokio::time::sleep(Duration::from_secs(5)) => break heard(&mut client).await.0,
        }
    };
    // Two pipes of 16 KiB, 64 KiB that wait, and a read.
    assert!(sent < 200_000, "{sent}");
    assert_eq!(told, [SocketEvent::Close(Some(close(1014, "the upstream was lost")))]);
    assert_eq!(ended.await.unwrap().why, Why::UpstreamLost(NetError::Timeout { what: Wait::Write, limit }));
    drop(upstream);
}

#[tokio::test(start_paused = true)]
async fn a_bomb_grows_no_more_than_what_may_wait() {
    let mut terms = Terms::default();
    terms.client.deflate = Some(agreed());
    let (mut client, mut upstream, _ended) = Pair::new(terms).sockets(Some(agreed()), None);
    // 8 MiB of nothing are a few KiB on the wire.
    let sending = tokio::spawn(async move {
        client.send(Bytes::from(vec![0; 8 << 20]).into()).await.unwrap();
        client
    });
    let mut come = 0;
    while let Some(part) = upstream.receive_part().await.unwrap() {
        assert!(part.data.len() <= 128 * 1024);
        come += part.data.len();
        if part.last {
            break;
        }
    }
    assert_eq!(come, 8 << 20);
    drop(sending.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_silent_side_is_asked_and_then_lost() {
    let mut terms = Terms::default();
    let (interval, timeout) = (Duration::from_secs(30), Duration::from_secs(10));
    terms.upstream.keepalive = Some((interval, timeout));
    let start = tokio::time::Instant::now();
    let Pair { client, mut upstream, ended } = Pair::new(terms);
    let mut client = MessageSocket::new(client, Role::Client, None, Settings::default());
    let told = heard(&mut client).await.0;
    assert_eq!(told, [SocketEvent::Close(Some(close(1014, "the upstream was lost")))]);
    assert!(start.elapsed() >= interval + timeout);
    let mut ping = [0; 2];
    upstream.read_exact(&mut ping).await.unwrap();
    assert_eq!(ping, [0x89, 0x88]);
    assert_eq!(ended.await.unwrap().why, Why::UpstreamLost(NetError::Timeout { what: Wait::Pong, limit: timeout }));
}

#[tokio::test(start_paused = true)]
async fn an_answered_ping_keeps_both_sides() {
    let mut terms = Terms { pings: Pings::Pass, ..Terms::default() };
    terms.client.keepalive = Some((Duration::from_secs(30), Duration::from_secs(10)));
    terms.upstream.keepalive = terms.client.keepalive;
    let (mut client, mut upstream, ended) = Pair::new(terms).sockets(None, None);
    let echo = tokio::spawn(async move { heard(&mut upstream).await.0 });
    let listening = tokio::time::timeout(Duration::from_secs(3600), heard(&mut client)).await;
    assert!(listening.is_err() && !ended.is_finished());
    client.close(CloseCode::NORMAL, "").await.unwrap();
    let seen = heard(&mut client).await.0;
    assert!(!seen.iter().any(|event| matches!(event, SocketEvent::Pong(_))), "our Pings are nobody else's: {seen:?}");
    let seen = echo.await.unwrap();
    assert!(!seen.iter().any(|event| matches!(event, SocketEvent::Pong(_))), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_close_that_nobody_answers_is_answered_in_time() {
    let Pair { client, upstream, ended } = Pair::new(Terms::default());
    let settings = Settings { close_time: Duration::from_secs(60), ..Settings::default() };
    let mut client = MessageSocket::new(client, Role::Client, None, settings);
    client.close(CloseCode::NORMAL, "bye").await.unwrap();
    assert_eq!(heard(&mut client).await.1, Ok(()));
    assert_eq!(client.closed(), Some(&close(1000, "")));
    assert_eq!(ended.await.unwrap().why, Why::Client(Some(CloseCode::NORMAL)));
    drop(upstream);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_credential_is_told_to_both() {
    let expired = tokio::time::sleep(Duration::from_secs(100));
    let (mut client, mut upstream, ended) = Pair::until(Terms::default(), expired).sockets(None, None);
    let (near, far) = tokio::join!(heard(&mut client), heard(&mut upstream));
    assert_eq!(near, (vec![SocketEvent::Close(Some(close(1008, "the credential has ended")))], Ok(())));
    assert_eq!(far, (vec![SocketEvent::Close(Some(close(1001, "the client's credential has ended")))], Ok(())));
    assert_eq!(ended.await.unwrap(), Ended { carried: (0, 0), why: Why::Expired });
}

#[tokio::test(start_paused = true)]
async fn fragments_and_control_frames_between_them() {
    let Pair { mut client, upstream, .. } = Pair::new(Terms { pings: Pings::Pass, ..Terms::default() });
    let mut upstream = MessageSocket::new(upstream, Role::Server, None, Settings::default());
    let role = Role::Client;
    let said =
        [frame(role, 0x01, b"Hel"), frame(role, 0x8A, b"sign"), frame(role, 0x00, b""), frame(role, 0x80, b"lo")];
    client.write_all(&said.concat()).await.unwrap();
    assert_eq!(upstream.receive_event().await.unwrap(), Some(SocketEvent::Pong("sign".into())));
    assert_eq!(upstream.receive_event().await.unwrap(), Some(SocketEvent::Message("Hello".into())));
    upstream.send_part(Kind::Binary, Bytes::new(), true).await.unwrap();
    let mut empty = [0; 2];
    client.read_exact(&mut empty).await.unwrap();
    assert_eq!(empty, [0x82, 0]);
}
