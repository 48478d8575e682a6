//! Exchanges over a pair of pipes, where the order of events is ours to choose.

use std::time::Duration;

use bytes::Bytes;
use gatepost_model::limits::Limits;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::body::Body;
use crate::error::{NetError, Wait};
use crate::exchange::drive::Asking;
use crate::exchange::wire::Wire;
use crate::failed::Failed;

const SMALL: usize = 256;

fn wire(limits: &Limits) -> (Box<Wire>, DuplexStream) {
    let (near, far) = duplex(SMALL);
    (Box::new(Wire::new(Box::new(near), limits)), far)
}

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("http://a.example/").body(body.into()).unwrap()
}

async fn ask(wire: Box<Wire>, request: Request<Body>) -> Result<Response<Body>, Failed> {
    Asking::new(wire, request, Box::new(|_| {})).await
}

#[tokio::test]
async fn a_refusal_is_heard_although_the_upload_broke() {
    let (wire, mut far) = wire(&Limits::default());
    let server = async {
        far.read_exact(&mut [0; 16]).await.unwrap();
        far.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
        drop(far);
    };
    let (answer, ()) = tokio::join!(ask(wire, post(vec![0; 4 * SMALL])), server);
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.into_body().collect(9).await.unwrap(), "no");
}

#[tokio::test]
async fn an_answer_that_breaks_off_in_sight_of_its_head_is_none() {
    let early = Err(NetError::ClosedEarly { what: "the answer" });
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", early.clone()),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf", Ok("half")),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", early),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n", Ok("half")),
        ("HTTP/1.1 200 OK\r\n\r\nhalf", Ok("half")),
        ("HTTP/1.1 204 No Content\r\n\r\n", Ok("")),
    ];
    for (said, expected) in table {
        let (wire, mut far) = wire(&Limits::default());
        let server = async {
            far.read_exact(&mut [0; 16]).await.unwrap();
            far.write_all(said.as_bytes()).await.unwrap();
            drop(far);
        };
        let (answer, ()) = tokio::join!(ask(wire, post("body")), server);
        match answer {
            Ok(answer) => {
                assert_eq!(Ok(answer.into_body().collect(9).await.unwrap().as_ref()), expected.map(str::as_bytes))
            }
            Err(failed) => assert_eq!(Err(failed.error), expected, "{said}"),
        }
    }
}

#[tokio::test]
async fn only_what_was_not_begun_is_given_back() {
    // Closed before: nothing went out.
    let (shut, far) = wire(&Limits::default());
    drop(far);
    let failed = ask(shut, post("body")).await.unwrap_err();
    assert_eq!(failed.error, NetError::Unsent);
    assert_eq!(failed.unsent.unwrap().into_body().collect(9).await.unwrap(), "body");

    // Closed within: something did.
    let (cut, mut far) = wire(&Limits::default());
    let server = async {
        far.read_exact(&mut [0; 16]).await.unwrap();
        drop(far);
    };
    let (failed, ()) = tokio::join!(ask(cut, post(vec![0; 4 * SMALL])), server);
    let failed = failed.unwrap_err();
    assert_eq!((failed.error, failed.unsent.is_none()), (NetError::ClosedEarly { what: "the answer" }, true));
}

#[tokio::test]
async fn what_cannot_be_written_costs_no_connection() {
    let (wire, _far) = wire(&Limits::default());
    let (give, given) = tokio::sync::oneshot::channel();
    let request = Request::get("/relative").body(Body::empty()).unwrap();
    let failed = Asking::new(wire, request, Box::new(move |wire| drop(give.send(wire)))).await.unwrap_err();
    assert_eq!(failed.error, NetError::Request { detail: "its URI is not absolute".into() });
    assert!(given.await.unwrap().is_alive());
}

#[tokio::test(start_paused = true)]
async fn the_answer_time_counts_from_the_last_progress() {
    let limit = Duration::from_secs(10);
    let (wire, mut far) = wire(&Limits { answer_time: limit, ..Limits::default() });
    let (feed, body) = Body::channel(1);
    let asking = tokio::spawn(async move { ask(wire, post(body)).await.map(|_| ()).map_err(|failed| failed.error) });
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        all
    });
    for _ in 0..5 {
        feed.send("x").await.unwrap();
        tokio::time::sleep(limit - Duration::from_secs(1)).await;
        assert!(!asking.is_finished());
    }
    let stalled = asking.await.unwrap();
    assert_eq!(stalled, Err(NetError::Timeout { what: Wait::Answer, limit }));
    assert!(reading.await.unwrap().ends_with(b"1\r\nx\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_by_the_octet_is_not_waited_for() {
    let limit = Duration::from_secs(10);
    let (wire, mut far) = wire(&Limits { answer_time: limit, ..Limits::default() });
    let trickle = async {
        for octet in b"HTTP/1.1 200 OK\r\n".iter().cycle() {
            tokio::time::sleep(limit / 4).await;
            if far.write_all(&[*octet]).await.is_err() {
                break;
            }
        }
    };
    let (failed, ()) = tokio::join!(ask(wire, post("")), trickle);
    assert_eq!(failed.unwrap_err().error, NetError::Timeout { what: Wait::Answer, limit });
}

#[tokio::test(start_paused = true)]
async fn a_body_does_not_wait_for_leave_for_ever() {
    let (wire, mut far) = wire(&Limits::default());
    let mut request = post("body");
    request.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let server = async {
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\nbody") {
            far.read_buf(&mut seen).await.unwrap();
        }
        far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(wire, request), server);
    assert_eq!(answer.unwrap().status(), 204);
}

#[tokio::test]
async fn an_unsent_piece_is_part_of_the_body_again() {
    let (feed, body) = Body::channel(2);
    feed.send("rest").await.unwrap();
    feed.finish().await.unwrap();
    let again = body.preceded_by(Bytes::from_static(b"first "));
    assert_eq!(again.collect(20).await.unwrap(), "first rest");
    let known = Body::from("rest").preceded_by(Bytes::from_static(b"first "));
    assert_eq!(http_body::Body::size_hint(&known).exact(), Some(10));
}
