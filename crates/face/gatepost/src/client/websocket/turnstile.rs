//! One attempt at a time: RFC 6455 §4.1 allows one WebSocket in the state CONNECTING to a host and port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatepost_model::url::Origin;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

/// Lets attempts to one host and port through one after the other, in the order in which they came. Hosts are
/// told apart by name: which names mean one machine is not known before they resolve.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    gates: Mutex<Gates>,
}

/// The gates that somebody passes or waits at.
type Gates = HashMap<(String, u16), Arc<Gate<()>>>;

/// Leave to connect, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    turnstile: &'a Turnstile,
    place: (String, u16),
    /// `None` once it is dropped.
    turn: Option<OwnedMutexGuard<()>>,
}

impl Turnstile {
    /// Waits for the attempts that came before.
    pub(crate) async fn enter(&self, origin: &Origin) -> Pass<'_> {
        let place = (origin.host().to_owned(), origin.port());
        let gate = Arc::clone(self.gates().entry(place.clone()).or_default());
        // In a pass already, so that who gives up waiting leaves nothing behind.
        let mut pass = Pass { turnstile: self, place, turn: None };
        pass.turn = Some(gate.lock_owned().await);
        pass
    }

    fn gates(&self) -> MutexGuard<'_, Gates> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut gates = self.turnstile.gates();
        self.turn = None;
        // Whoever waits holds it, too.
        if gates.get(&self.place).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            gates.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(port: u16) -> Origin {
        Origin::new(true, "a.example", port)
    }

    #[tokio::test]
    async fn one_after_the_other_in_order_and_nothing_is_left() {
        let turnstile = Turnstile::default();
        let order = Mutex::new(Vec::new());
        let attempt = async |name: u8| {
            let _pass = turnstile.enter(&origin(1)).await;
            order.lock().unwrap().push(name);
            tokio::task::yield_now().await;
            order.lock().unwrap().push(name);
        };
        tokio::join!(attempt(1), attempt(2), attempt(3));
        assert_eq!(*order.lock().unwrap(), [1, 1, 2, 2, 3, 3]);
        assert!(turnstile.gates().is_empty());
    }

    #[tokio::test]
    async fn other_ports_do_not_wait_and_who_gives_up_is_forgotten() {
        let turnstile = Turnstile::default();
        let one = origin(1);
        let first = turnstile.enter(&one).await;
        let other = turnstile.enter(&origin(2)).await;
        tokio::select! {
            biased;
            _ = turnstile.enter(&one) => panic!("it did not wait"),
            () = tokio::task::yield_now() => {}
        }
        drop((first, other));
        assert!(turnstile.gates().is_empty());
    }
}
