//! Two halves of each end, as tasks that run only when they are woken: who is forgotten stands still for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use gatepost_ws::close::CloseCode;
use gatepost_ws::message::Message;
use gatepost_ws::role::Role;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::oneshot;

use super::pipes::{Slow, binary, pair, socket};
use crate::error::NetError;
use crate::websocket::socket::MessageSocket;
use crate::websocket::split::{Receiver, Sender};

/// Woken, and not yet run.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Runs tasks to their ends in an order that `seed` determines, and each only after it was woken.
fn run(mut seed: u64, tasks: Vec<Task>) {
    let mut tasks: Vec<_> = tasks.into_iter().map(|task| (Arc::new(Flag(AtomicBool::new(true))), task)).collect();
    while !tasks.is_empty() {
        let woken: Vec<_> = (0..tasks.len()).filter(|at| tasks[*at].0.0.load(Ordering::Relaxed)).collect();
        assert!(!woken.is_empty(), "{} tasks wait, and nobody wakes them", tasks.len());
        // Knuth's generator; its high bits are good enough.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chosen = woken[usize::try_from(seed >> 33).unwrap() % woken.len()];
        let (flag, task) = &mut tasks[chosen];
        flag.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(flag));
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(tasks.swap_remove(chosen));
        }
    }
}

const MESSAGES: usize = 12;

/// Sends all, and once `heard` tells that all was received, too, closes.
async fn send_all(mut sender: Sender<Slow<DuplexStream>>, heard: Option<oneshot::Receiver<()>>) {
    for at in 0..MESSAGES {
        if at % 3 == 0 {
            sender.ping(b"and you?").await.unwrap();
        }
        sender.send(binary(at * 13, at)).await.unwrap();
    }
    if let Some(heard) = heard {
        heard.await.unwrap();
        sender.start_close(None).await.unwrap();
    }
}

async fn receive_all(mut receiver: Receiver<Slow<DuplexStream>>, heard: oneshot::Sender<()>) {
    for at in 0..MESSAGES {
        assert!(receiver.receive().await.unwrap() == Some(binary(at * 13, at)));
    }
    // Nobody listens at the end that does not close.
    let _ = heard.send(());
    assert_eq!(receiver.receive().await, Ok(None));
}

#[test]
fn halves_wake_each_other_through_pipes_of_any_size_in_any_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _clock = runtime.enter();
    for seed in 0..300 {
        let size = 1 + usize::try_from(seed % 23).unwrap();
        let (near, far) = duplex(size);
        let most = 1 + usize::try_from(seed % 5).unwrap() * 7;
        let (near, far) = (Slow::new(near, most), Slow::new(far, usize::MAX));
        let (client_receiver, client_sender) = socket(near, Role::Client).split();
        let (server_receiver, server_sender) = socket(far, Role::Server).split();
        let ((client_tells, client_heard), (server_tells, server_heard)) = (oneshot::channel(), oneshot::channel());
        let (client_heard, server_heard) =
            if seed % 2 == 0 { (Some(client_heard), None) } else { (None, Some(server_heard)) };
        let tasks: Vec<Task> = vec![
            Box::pin(send_all(client_sender, client_heard)),
            Box::pin(receive_all(client_receiver, client_tells)),
            Box::pin(send_all(server_sender, server_heard)),
            Box::pin(receive_all(server_receiver, server_tells)),
        ];
        run(seed, tasks);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_reaches_both_halves() {
    let (client, server) = pair(10);
    let (mut receiver, mut sender) = server.split();
    let sending = tokio::spawn(async move { sender.send(binary(1000, 0)).await });
    let receiving = tokio::spawn(async move { receiver.receive().await });
    tokio::task::yield_now().await;
    drop(client);
    assert_eq!(sending.await.unwrap(), Err(NetError::Abrupt));
    assert_eq!(receiving.await.unwrap(), Err(NetError::Abrupt));
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_not_answered_ends_in_time() {
    let (client, _server) = pair(1000);
    let (mut receiver, mut sender) = client.split();
    let receiving = tokio::spawn(async move { receiver.receive().await });
    tokio::task::yield_now().await;
    sender.start_close(None).await.unwrap();
    assert!(matches!(receiving.await.unwrap(), Err(NetError::Timeout { .. })));
}

#[tokio::test(start_paused = true)]
async fn halves_become_a_whole_again() {
    let (client, mut server) = pair(1000);
    let (mut other, _) = pair(1000);
    let (receiver, sender) = client.split();
    let (foreign_receiver, _foreign_sender) = std::mem::replace(&mut other, pair(1).0).split();
    let Err((foreign_receiver, sender)) = MessageSocket::reunite(foreign_receiver, sender) else { panic!("strangers") };
    drop(foreign_receiver);
    let mut client = MessageSocket::reunite(receiver, sender).map_err(|_| "two halves of one").unwrap();
    client.send(Message::from("whole")).await.unwrap();
    assert_eq!(server.receive().await, Ok(Some(Message::from("whole"))));
    let (closed, _) = tokio::join!(client.close(CloseCode::NORMAL, ""), async {
        assert_eq!(server.receive().await, Ok(None));
        drop(server);
    });
    assert_eq!(closed, Ok(()));
}

#[test]
fn polling_a_half_that_waits_is_pending() {
    let (client, _server) = pair(1000);
    let (mut receiver, _sender) = client.split();
    let waiting = std::pin::pin!(receiver.receive()).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(waiting, Poll::Pending);
}
