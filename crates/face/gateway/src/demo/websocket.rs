//! The WebSocket echo: every text and binary message comes back.

use std::time::Duration;

use gatepost::clock;
use gatepost::model::time::Timestamp;
use gatepost::net::body::Body;
use gatepost::net::error::NetError;
use gatepost::net::upgrade::Duplex;
use gatepost::net::websocket::settings::{KeepAlive, Settings};
use gatepost::net::websocket::socket::MessageSocket;
use gatepost::server::denied::Denied;
use gatepost::server::respond::{Reader, respond};
use gatepost::server::websocket::{Acceptance, Rejected, accept};
use gatepost::ws::close::CloseCode;
use gatepost::ws::deflate::config::Config;
use gatepost::ws::limits::Limits;
use http::{Request, Response};

/// The longest message that is echoed.
const LONGEST: usize = 64 * 1024;
/// How long a client may be silent before it is asked, and then to answer.
const SILENCE: Duration = Duration::from_secs(60);

/// Opens the WebSocket that `request` asks for, or says that this is where one could be.
pub(super) fn answer(request: &mut Request<Body>, expires: Option<Timestamp>) -> Response<Body> {
    let (response, accepting) = match accept(request, &acceptance()) {
        Ok(granted) => granted,
        // Who looks at it in a browser gets a page.
        Err(Rejected::NotAsked(version)) => {
            return respond(&Denied::UpgradeRequired(version), Reader::of(request.headers()));
        }
        Err(rejected) => return rejected.respond(),
    };
    tokio::spawn(async move {
        let Ok(socket) = accepting.socket().await else { return };
        // How it ends is the client's affair: there is nobody to tell.
        let _ = echo(socket, expires).await;
    });
    response
}

fn acceptance() -> Acceptance {
    let limits = Limits { message: LONGEST, ..Limits::default() };
    let keepalive = Some(KeepAlive::Ping { interval: SILENCE, timeout: SILENCE });
    let settings = Settings { limits, keepalive, ..Settings::default() };
    Acceptance { deflate: Some(Config::shared()), settings, ..Acceptance::default() }
}

/// Echoes until the client has enough, or its credential ends.
async fn echo(mut socket: MessageSocket<Duplex>, expires: Option<Timestamp>) -> Result<(), NetError> {
    let all = async {
        while let Some(message) = socket.receive().await? {
            socket.send(message).await?;
        }
        Ok(())
    };
    let Some(end) = expires else { return all.await };
    match tokio::time::timeout(end.since(clock::now()), all).await {
        Ok(ended) => ended,
        Err(_) => socket.close(CloseCode::POLICY, "the credential has ended").await,
    }
}

#[cfg(test)]
mod tests {
    use gatepost::net::websocket::heard::SocketEvent;
    use gatepost::ws::message::Message;
    use gatepost::ws::role::Role;
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// A client of an echo.
    fn client(expires: Option<Timestamp>) -> MessageSocket<DuplexStream> {
        let (near, far) = duplex(1024);
        let far: Duplex = Box::new(far);
        tokio::spawn(echo(MessageSocket::new(far, Role::Server, None, acceptance().settings), expires));
        MessageSocket::new(near, Role::Client, None, Settings::default())
    }

    #[tokio::test]
    async fn messages_come_back_and_long_ones_do_not() {
        let mut client = client(None);
        for message in [Message::from("Hello"), Message::from(vec![0, 255])] {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.receive().await.unwrap(), Some(message));
        }
        let _ = client.send("x".repeat(LONGEST + 1).into()).await;
        assert_eq!(client.receive().await.unwrap(), None);
        assert_eq!(client.closed().map(|close| close.code), Some(CloseCode::TOO_BIG));
    }

    #[tokio::test]
    async fn it_ends_with_the_credential() {
        let mut client = client(Some(clock::now()));
        let Some(SocketEvent::Close(Some(close))) = client.receive_event().await.unwrap() else { panic!("no Close") };
        assert_eq!((close.code, close.reason.as_str()), (CloseCode::POLICY, "the credential has ended"));
    }
}
