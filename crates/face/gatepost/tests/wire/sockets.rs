//! Sockets: TLS at once, later and not at all, and what never gets through.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use gatepost::Error;
use gatepost::client::proxy::Proxy;
use gatepost::model::binding::BindingKey;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::fault::Fault;
use gatepost::model::secret::Secret;
use gatepost::model::terms::{ClientCertificate, Terms};
use gatepost::model::url::Origin;
use gatepost::net::dial::Roots;
use gatepost::net::error::NetError;
use gatepost::socket::connect::{Connector, ConnectorBuilder, resolve};
use gatepost::socket::listen::Listener;
use gatepost::socket::protection::Protection;
use gatepost::socket::stream::Socket;
use gatepost::tls::bindings::{BindingTable, Bindings};
use gatepost::tls::bound::{Answer, Bound};
use gatepost::tls::error::TlsError;
use gatepost::tls::identity::Identity;
use gatepost::tls::server::{ServerRules, ServerTls};
use gatepost::tls::server_certificate::ServerCertificate;
use gatepost::tls::starttls;
use gatepost::tls::verify::flaw::Flaw;
use gatepost::tls::verify::pin::{Digest, Pin, Pins, Place};
use gatepost::tls::version::TlsVersion;
use gatepost_testkit::authority::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A server for `localhost`, on these terms.
fn server(authority: &Authority, rules: &ServerRules, terms: &Terms) -> Arc<ServerTls> {
    let leaf = authority.issue(&["localhost"]);
    let certificate = ServerCertificate::new(vec![leaf.certificate_der], &Secret::new(leaf.key_der)).unwrap();
    let key: BindingKey = "0.0.0.0:0".parse().unwrap();
    let table = BindingTable::of([(key, Bound::new(Answer::Certificate(Arc::new(certificate)), terms))]);
    Arc::new(ServerTls::new(rules, Arc::new(Bindings::new(table))).unwrap())
}

fn plain_rules() -> ServerRules {
    ServerRules { alpn: Vec::new(), ..ServerRules::default() }
}

fn usual(authority: &Authority) -> Arc<ServerTls> {
    server(authority, &plain_rules(), &Terms::default())
}

fn trusting(authority: &Authority) -> ConnectorBuilder {
    Connector::builder().roots(Roots::Only(vec![authority.der().to_vec()]))
}

/// Takes one connection, and TLS on it as `starttls` says; gives the target, and the socket.
fn take(tls: Arc<ServerTls>, starttls: Option<&'static str>) -> (String, JoinHandle<Result<Socket, Error>>) {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let target = format!("localhost:{}", listener.local_addr().port());
    let taken = tokio::spawn(async move {
        let socket = listener.accept().await;
        match starttls {
            Some(protocol) => socket.accept_starttls(protocol, &tls).await,
            None => socket.accept_tls(&tls).await,
        }
    });
    (target, taken)
}

/// Says something, hears it back, and ends it in good order.
async fn talk(mut client: Socket, mut server: Socket) {
    let served = tokio::spawn(async move {
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        // The client has said all that it had to say, and listens.
        server.write_all(&heard).await.unwrap();
        server.shutdown().await.unwrap();
    });
    client.write_all(b"hello").await.unwrap();
    client.shutdown().await.unwrap();
    let mut back = Vec::new();
    client.read_to_end(&mut back).await.unwrap();
    served.await.unwrap();
    assert_eq!(back, b"hello");
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn tls_at_once_and_what_both_ends_know() {
    let authority = Authority::new();
    let user = authority.issue_client("ada");
    let identity = Identity::new(vec![user.certificate_der.clone()], Secret::new(user.key_der)).unwrap();
    let terms = Terms {
        client_certificate: ClientCertificate::Require,
        client_authorities: vec![authority.der().to_vec()],
        ..Terms::default()
    };
    let rules = ServerRules { alpn: vec![b"echo/1".to_vec()], ..ServerRules::default() };
    let (target, taken) = take(server(&authority, &rules, &terms), None);
    let port = target.rsplit_once(':').unwrap().1.parse().unwrap();
    let builder = trusting(&authority).alpn(vec![b"echo/1".to_vec()]);
    let builder = builder.client_identity(identity, vec![Origin::new(true, "localhost", port)]);
    let client = builder.build().unwrap().connect(&target).await.unwrap();
    let server = taken.await.unwrap().unwrap();
    let (near, far) = (client.info().clone(), server.info().clone());
    assert_eq!((near.local, near.remote), (far.remote, far.local));
    let said = |info: &gatepost::socket::info::Info| {
        let tls = info.tls.clone().unwrap();
        (tls.version, tls.suite, tls.group, tls.alpn.unwrap(), tls.resumed)
    };
    assert_eq!(said(&near), said(&far));
    assert_eq!((said(&near).0, said(&near).3), (TlsVersion::V1_3, b"echo/1".to_vec()));
    assert_eq!(far.tls.as_ref().unwrap().server_name.as_deref(), Some("localhost"));
    assert_eq!(far.peer_chain(), [user.certificate_der]);
    assert_eq!(near.peer_chain(), near.tls.as_ref().unwrap().judgement.as_ref().unwrap().chain);
    talk(client, server).await;
}

#[tokio::test]
async fn tls_when_both_ends_have_agreed_on_it() {
    let authority = Authority::new();
    let connector = trusting(&authority).build().unwrap();
    for protocol in starttls::ALL.iter().filter(|protocol| protocol.server().is_some()) {
        let (target, taken) = take(usual(&authority), Some(protocol.name()));
        let client = connector.connect_plain(&target).await.unwrap().starttls(protocol.name()).await.unwrap();
        let server = taken.await.unwrap().unwrap();
        for info in [client.info(), server.info()] {
            assert_eq!(info.starttls, Some(protocol.name()));
        }
        talk(client, server).await;
    }
    let (target, taken) = take(usual(&authority), Some("mysql"));
    let refused = connector.connect_plain(&target).await.unwrap().starttls("gopher").await.unwrap_err().to_string();
    assert!(refused.contains("it is of smtp, imap"), "{refused}");
    assert_eq!(code(taken.await.unwrap()), "GP-CORE-004", "only the client's part is known");
}

/// A server that says `greeting`, and `answers` to what comes; gives its address and all that it heard.
async fn scripted(greeting: &'static str, answers: &'static [&'static str]) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        for answer in answers {
            if stream.read_buf(&mut heard).await.unwrap() == 0 {
                return heard;
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        // What comes behind the last answer; a connection that is ended in disorder says nothing more either.
        let _ = stream.read_to_end(&mut heard).await;
        heard
    });
    (target, heard)
}

#[tokio::test]
async fn nothing_that_was_put_behind_the_leave_is_heard() {
    let connector = trusting(&Authority::new()).build().unwrap();
    let answers: &[&str] = &["250-h\r\n250 STARTTLS\r\n", "220 go\r\n250 2.0.0 this was put here\r\n"];
    let (target, heard) = scripted("220 h\r\n", answers).await;
    let refused = connector.connect_plain(&target).await.unwrap().starttls_as("smtp", "localhost").await;
    assert_eq!(code(refused), "GP-STARTTLS-001");
    assert_eq!(heard.await.unwrap(), b"EHLO [127.0.0.1]\r\nSTARTTLS\r\n", "not even a ClientHello");

    // A conversation of the caller's own.
    let (target, heard) = scripted("go ahead\r\nand this\r\n", &[]).await;
    let mut socket = connector.connect_plain(&target).await.unwrap();
    assert_eq!(socket.read_line(100).await.unwrap(), b"go ahead\r\n");
    assert_eq!(code(socket.upgrade_tls("localhost").await), "GP-STARTTLS-001");
    assert_eq!(heard.await.unwrap(), b"");

    // What has come and nobody has read: found out now, or by the handshake, for which it is no TLS.
    let (target, heard) = scripted("early", &[]).await;
    let refused = code(connector.connect_plain(&target).await.unwrap().upgrade_tls("localhost").await);
    assert!(["GP-STARTTLS-001", "GP-TLS-007"].contains(&refused), "{refused}");
    drop(heard.await.unwrap());
}

#[tokio::test]
async fn lines_have_a_bound_and_what_is_behind_them_is_read_next() {
    let connector = Connector::builder().build().unwrap();
    let (target, _heard) = scripted("one\ntwo\nthree is long", &[]).await;
    let mut socket = connector.connect_plain(&target).await.unwrap();
    assert_eq!(socket.read_line(4).await.unwrap(), b"one\n");
    let mut octets = [0; 4];
    socket.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"two\n");
    assert_eq!(socket.read_line(5).await.unwrap_err().kind(), ErrorKind::InvalidData);
}

#[tokio::test]
async fn whoever_asks_in_the_clear_for_more_than_tls_gets_no_tls() {
    let authority = Authority::new();
    let (target, taken) = take(usual(&authority), Some("smtp"));
    let mut stream = TcpStream::connect(&target).await.unwrap();
    stream.write_all(b"STARTTLS\r\nRSET\r\n").await.unwrap();
    assert_eq!(code(taken.await.unwrap()), "GP-STARTTLS-001");
    let mut heard = String::new();
    // The system may end it in disorder, since nobody reads what was said.
    let _ = stream.read_to_string(&mut heard).await;
    assert!(!heard.contains("Ready"), "{heard}");
}

#[tokio::test]
async fn an_end_without_a_word_is_told_apart() {
    let authority = Authority::new();
    let (target, taken) = take(usual(&authority), None);
    let mut client = trusting(&authority).build().unwrap().connect(&target).await.unwrap();
    let mut server = taken.await.unwrap().unwrap();
    server.write_all(b"half").await.unwrap();
    server.flush().await.unwrap();
    drop(server);
    let mut heard = Vec::new();
    assert_eq!(client.read_to_end(&mut heard).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(heard, b"half");
}

/// A server that tells what it reads behind TLS.
fn listening(tls: Arc<ServerTls>) -> (String, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let target = format!("localhost:{}", listener.local_addr().port());
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let mut heard = Vec::new();
            if let Ok(mut socket) = listener.accept().await.accept_tls(&tls).await {
                // It may be cut: what came before that counts.
                let _ = socket.read_to_end(&mut heard).await;
            }
            tell.send(heard).unwrap();
        }
    });
    (target, told)
}

#[tokio::test]
async fn whoever_is_not_wanted_hears_nothing() {
    let authority = Authority::new();
    let (target, mut told) = listening(usual(&authority));
    let pins = Pins {
        any_of: vec![Pin { place: Place::Any, digest: Digest::Spki([0; 32]), until: None }],
        report_only: false,
    };
    let pinned = trusting(&authority).pins(pins).build().unwrap().connect(&target).await;
    assert_eq!(code(pinned), "GP-TLS-014");
    let looked = trusting(&authority).before_send(|_| async { Err("not you".to_owned()) }).build().unwrap();
    assert_eq!(code(looked.connect(&target).await), "GP-NET-021");
    let connector = trusting(&authority).build().unwrap();
    let other_name = connector.connect_plain(&target).await.unwrap().upgrade_tls("127.0.0.1").await.unwrap_err();
    let Some(NetError::Tls { reason: TlsError::Certificate(judgement), .. }) = other_name.net() else {
        panic!("{other_name:?}")
    };
    // All that is wrong, and the chain, though there is no connection.
    assert_eq!((judgement.flaws().iter().collect::<Vec<_>>(), judgement.chain.len()), (vec![Flaw::WrongName], 1));
    let stranger = trusting(&Authority::new()).build().unwrap();
    // Another authority of the same name.
    assert_eq!(code(stranger.connect(&target).await), "GP-TLS-012");
    for _ in 0..4 {
        assert_eq!(told.recv().await.unwrap(), b"");
    }
}

#[tokio::test]
async fn a_session_that_is_resumed_is_judged_again() {
    let authority = Authority::new();
    let tls = usual(&authority);
    let connector = trusting(&authority).build().unwrap();
    let mut resumed = Vec::new();
    for _ in 0..2 {
        let (target, taken) = take(Arc::clone(&tls), None);
        let client = connector.connect(&target).await.unwrap();
        let facts = client.info().tls.clone().unwrap();
        resumed.push((facts.resumed, facts.judgement.unwrap().chain.len()));
        // It takes the ticket along.
        talk(client, taken.await.unwrap().unwrap()).await;
    }
    assert_eq!(resumed, [(false, 1), (true, 1)]);
}

#[tokio::test]
async fn how_well_it_has_to_be_protected() {
    let authority = Authority::new();
    let old = ServerRules { max: TlsVersion::V1_2, ..plain_rules() };
    let (target, _told) = listening(server(&authority, &old, &Terms::default()));
    let strict = trusting(&authority).protection(Protection::Tls13).build().unwrap();
    assert!(code(strict.connect(&target).await).starts_with("GP-TLS-"));
    let usual = trusting(&authority).build().unwrap().connect(&target).await.unwrap();
    assert_eq!(usual.info().tls.as_ref().unwrap().version, TlsVersion::V1_2);
    let plain = || Connector::builder().protection(Protection::Plain);
    assert_eq!(plain().build().unwrap().connect(&target).await.unwrap().info().tls, None);
    let look = plain().before_send(|facts| async move { facts.tls.map(drop).ok_or_else(|| "in the clear".to_owned()) });
    assert_eq!(code(look.build().unwrap().connect(&target).await), "GP-NET-021");
}

#[tokio::test]
async fn each_end_speaks_tls_as_what_it_is_and_once() {
    let authority = Authority::new();
    let (target, taken) = take(usual(&authority), None);
    let connector = trusting(&authority).build().unwrap();
    let client = connector.connect(&target).await.unwrap();
    let server = taken.await.unwrap().unwrap();
    for refused in [client.upgrade_tls("localhost").await, server.accept_tls(&usual(&authority)).await] {
        assert!(refused.unwrap_err().to_string().contains("already"));
    }
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let target = listener.local_addr().to_string();
    let (client, server) = tokio::join!(connector.connect_plain(&target), listener.accept());
    assert_eq!(code(client.unwrap().accept_tls(&usual(&authority)).await), "GP-CORE-004");
    assert_eq!(code(server.upgrade_tls("localhost").await), "GP-CORE-004");
}

/// A SOCKS5 proxy that asks for a password if it has one, and counts who comes.
async fn socks(password: Option<&'static str>) -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("socks5://{}", listener.local_addr().unwrap());
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 2];
                near.read_exact(&mut head).await?;
                let mut methods = vec![0; usize::from(head[1])];
                near.read_exact(&mut methods).await?;
                if let Some(password) = password {
                    if !methods.contains(&2) {
                        return near.write_all(&[5, 0xff]).await;
                    }
                    near.write_all(&[5, 2]).await?;
                    let mut login = vec![0; 3 + 3 + password.len()];
                    near.read_exact(&mut login).await?;
                    let is_right = login == format!("\u{1}\u{3}ali\u{6}{password}").as_bytes();
                    near.write_all(&[1, u8::from(!is_right)]).await?;
                } else {
                    near.write_all(&[5, 0]).await?;
                }
                let mut request = [0; 5];
                near.read_exact(&mut request).await?;
                let mut name = vec![0; usize::from(request[4]) + 2];
                near.read_exact(&mut name).await?;
                let port = u16::from_be_bytes([name[name.len() - 2], name[name.len() - 1]]);
                assert_eq!((request[3], &name[..name.len() - 2]), (3, b"localhost".as_slice()));
                let mut far = TcpStream::connect(("localhost", port)).await?;
                near.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
            });
        }
    });
    (url, count)
}

#[tokio::test]
async fn a_socks_proxy_gives_the_way_and_there_is_no_other() {
    let authority = Authority::new();
    let reached = |count: &Arc<std::sync::atomic::AtomicUsize>| count.load(std::sync::atomic::Ordering::SeqCst);
    let (url, count) = socks(None).await;
    let (target, taken) = take(usual(&authority), Some("smtp"));
    let connector = trusting(&authority).proxy(Proxy::new(&url).unwrap()).build().unwrap();
    let client = connector.connect_plain(&target).await.unwrap().starttls("smtp").await.unwrap();
    assert!(client.info().through_proxy);
    talk(client, taken.await.unwrap().unwrap()).await;
    assert_eq!(reached(&count), 1);

    // A session goes the same way, and says who it is only where that danger was named.
    let (url, count) = socks(Some("sesame")).await;
    let proxy = || Proxy::new(&url).unwrap().credential(Credential::login("ali", "sesame"));
    let (target, taken) = take(usual(&authority), None);
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&events);
    let note = move |event: &Event| noted.lock().unwrap().push(event.to_string());
    let shy = trusting(&authority).proxy(proxy()).on_event(Arc::new(note)).build().unwrap();
    let refused = shy.connect(&target).await.unwrap_err();
    assert!(refused.code() == "GP-NET-022" && refused.to_string().contains("in the clear"), "{refused}");
    assert!(!format!("{refused} {:?}", events.lock().unwrap()).contains("sesame"));
    let bold = trusting(&authority).proxy(proxy().danger_over_plain()).build().unwrap();
    talk(bold.connect(&target).await.unwrap(), taken.await.unwrap().unwrap()).await;
    let wrong = Proxy::new(&url).unwrap().credential(Credential::login("ali", "barley")).danger_over_plain();
    assert_eq!(code(trusting(&authority).proxy(wrong).build().unwrap().connect(&target).await), "GP-NET-022");
    assert_eq!(reached(&count), 3);
}

#[tokio::test]
async fn the_ways_to_a_name() {
    let ways = resolve("127.0.0.1:https").await.unwrap();
    assert_eq!(ways.iter().map(|way| way.remote).collect::<Vec<_>>(), [SocketAddr::from(([127, 0, 0, 1], 443))]);
    assert_eq!(code(resolve("127.0.0.1").await), "GP-SOCKET-002");
}
