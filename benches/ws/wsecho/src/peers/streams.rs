//! The two loops over what is a stream and a sink of messages.

use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};

/// How many messages are gathered before they are flushed at the latest, as yawc's own benchmark has it.
const MOST: usize = 32;

/// The loop that everybody writes: a message comes, a message goes.
pub async fn plain<S, M, E>(mut socket: S, is_data: fn(&M) -> bool) -> Option<()>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
{
    while let Some(message) = socket.next().await {
        let message = message.ok()?;
        if is_data(&message) {
            socket.send(message).await.ok()?;
        }
    }
    Some(())
}

/// The same with one flush for all messages that were ready.
pub async fn batched<S, M, E>(mut socket: S, is_data: fn(&M) -> bool) -> Option<()>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
{
    while let Some(message) = socket.next().await {
        let mut next = Some(message);
        let mut gathered = 0;
        while let Some(message) = next {
            let message = message.ok()?;
            if is_data(&message) {
                socket.feed(message).await.ok()?;
            }
            gathered += 1;
            next = if gathered < MOST { socket.next().now_or_never().flatten() } else { None };
        }
        socket.flush().await.ok()?;
    }
    Some(())
}

/// The same, all messages taken before any is answered: for streams that flush what is due before they look for input.
pub async fn gathered<S, M, E>(mut socket: S, is_data: fn(&M) -> bool) -> Option<()>
where
    S: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
{
    let mut ready = Vec::with_capacity(MOST);
    while let Some(message) = socket.next().await {
        ready.push(message.ok()?);
        while ready.len() < MOST
            && let Some(Some(message)) = socket.next().now_or_never()
        {
            ready.push(message.ok()?);
        }
        for message in ready.drain(..).filter(is_data) {
            socket.feed(message).await.ok()?;
        }
        socket.flush().await.ok()?;
    }
    Some(())
}
