//! Streams that hardly read, within connections that are busy with others, in virtual time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gatepost_model::limits::Limits;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::duplex;
use tokio::time::{Instant, sleep, timeout};

use crate::body::Body;
use crate::drain::Drain;
use crate::handler::Peer;
use crate::http2::drive::serve_http2;

const SECOND: Duration = Duration::from_secs(1);

/// A client of a server that answers with as many octets as the path says. A stream's window has 64 octets.
async fn client(limits: Limits) -> SendRequest<Bytes> {
    let answer = |request: Request<Body>, _: Arc<Peer>| async move {
        let length = request.uri().path().trim_start_matches('/').parse().unwrap();
        Response::new(Body::from(vec![7; length]))
    };
    let (near, far) = duplex(1 << 20);
    let address: SocketAddr = ([127, 0, 0, 1], 1).into();
    let peer = Peer { protocol: "h2", ..Peer::new(address, address) };
    tokio::spawn(serve_http2(near, Arc::new(peer), Arc::new(answer), Arc::new(limits), Drain::default()));
    let handshake = h2::client::Builder::new().initial_window_size(64).handshake(far);
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &SendRequest<Bytes>, octets: usize) -> RecvStream {
    let request = Request::get(format!("https://a.example/{octets}")).body(()).unwrap();
    let (answer, _) = sender.clone().ready().await.unwrap().send_request(request, true).unwrap();
    answer.await.unwrap().into_body()
}

/// Reads to the end, or why there is none, and opens the window again after so long a wait each time.
async fn read(mut body: RecvStream, wait: Duration) -> Result<usize, Option<Reason>> {
    let (mut octets, mut held) = (0, 0);
    loop {
        match timeout(wait, body.data()).await {
            Ok(None) => return Ok(octets),
            Ok(Some(Err(error))) => return Err(error.reason()),
            Ok(Some(Ok(data))) => {
                octets += data.len();
                held += data.len();
            }
            Err(_) => body.flow_control().release_capacity(std::mem::take(&mut held)).unwrap(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_sips_is_reset_although_the_connection_is_busy() {
    let quick = Limits { send_time: 60 * SECOND, read_rate: 240, rate_grace: 10 * SECOND, ..Limits::default() };
    let table = [
        // What one stream's reader waits before each piece, the floor, how long it takes until it is reset.
        (SECOND, 240, Some(11)),
        // Nothing for too long.
        (1000 * SECOND, 240, Some(60)),
        (SECOND, 0, None),
    ];
    for (wait, read_rate, expected) in table {
        let sender = client(Limits { read_rate, ..quick.clone() }).await;
        let sipping = tokio::spawn(read(ask(&sender, 20_000).await, wait));
        let start = Instant::now();
        while !sipping.is_finished() && start.elapsed() < 80 * SECOND {
            // The others get what they ask for, however long it is.
            let others = [ask(&sender, 300).await, ask(&sender, 17_000).await];
            for (body, length) in others.into_iter().zip([300, 17_000]) {
                assert_eq!(read(body, Duration::from_millis(1)).await, Ok(length));
            }
            sleep(SECOND).await;
        }
        let took = start.elapsed().as_secs();
        match expected {
            None => assert!(!sipping.is_finished()),
            Some(least) => {
                assert_eq!(sipping.await.unwrap(), Err(Some(Reason::CANCEL)));
                assert!((least..least + 5).contains(&took), "{wait:?}: {took} s");
            }
        }
    }
}
