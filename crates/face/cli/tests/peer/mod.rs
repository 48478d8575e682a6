//! The other end of a WebSocket, in this process: each path is a way to behave.

use gatepost::Server;
use gatepost::net::body::Body;
use gatepost::net::error::NetError;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, handler};
use gatepost::server::websocket::{Acceptance, Accepting, accept};
use gatepost::ws::close::CloseCode;
use gatepost::ws::deflate::config::Config;
use gatepost::ws::message::Message;
use http::{Request, Response};

/// A server on loopback that ends with the test.
pub(crate) struct Peer {
    running: Running,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let site = handler(Guard::DangerOpen, |mut request: Request<Body>, _visitor| {
            let answer = answer(&mut request);
            async move { answer }
        });
        let address = "127.0.0.1:0".parse().unwrap();
        let running = Server::new(site).workers(1).danger_listen_plain(address).start().unwrap();
        Self { running }
    }

    /// The address of a way to behave.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}/{path}", self.running.addresses()[0])
    }
}

fn answer(request: &mut Request<Body>) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    if path == "forbidden" {
        let mut response = Response::new(Body::from("not you\n"));
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        return response;
    }
    let protocols = vec!["chat".to_owned()];
    let deflate = Some(Config::default());
    match accept(request, &Acceptance { protocols, deflate, ..Acceptance::default() }) {
        Ok((response, accepting)) => {
            tokio::spawn(async move {
                // Its end is what a test looks at from the other side.
                let _ = behave(&path, accepting).await;
            });
            response
        }
        Err(rejected) => rejected.respond(),
    }
}

async fn behave(path: &str, accepting: Accepting) -> Result<(), NetError> {
    if path == "drop" {
        return accepting.duplex().await.map(drop);
    }
    let mut socket = accepting.socket().await?;
    match path {
        // The last message and the close come together.
        "three" => {
            for text in ["one", "two", "three"] {
                socket.feed(Message::from(text)).await?;
            }
            socket.close(CloseCode::new(1000).unwrap(), "").await
        }
        "fails" => {
            socket.feed(Message::from("almost")).await?;
            socket.close(CloseCode::new(1011).unwrap(), "out of order").await
        }
        // Answers one message and nothing more, not even a close.
        "deaf" => {
            if let Some(message) = socket.receive().await? {
                socket.send(message).await?;
            }
            std::future::pending().await
        }
        // Answers with what it got so far, at the end of it all.
        "sum" => {
            let mut sum = 0;
            while let Some(message) = socket.receive().await? {
                sum += message.len();
                socket.send(Message::from(sum.to_string())).await?;
            }
            Ok(())
        }
        "asks" => {
            socket.ping(b"there?").await?;
            while socket.receive().await?.is_some() {}
            Ok(())
        }
        _ => {
            while let Some(message) = socket.receive().await? {
                socket.send(message).await?;
            }
            Ok(())
        }
    }
}
