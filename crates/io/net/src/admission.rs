//! Who may come in: the bounds of the process, shared by all listeners and workers.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatepost_model::limits::Limits;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::budget::Budget;
use crate::descriptors::Descriptors;

/// The bounds of the process, and who is inside. Whatever is given the same one counts together.
#[derive(Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    per_address: usize,
    addresses: Mutex<HashMap<Network, usize>>,
    descriptors: Descriptors,
    memory: Arc<Budget>,
}

/// Whose connections count as one address's: a household or host has a whole IPv6 /64 to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

impl Admission {
    /// These bounds, with what the system allows now: its memory and file descriptors.
    #[must_use]
    pub fn new(limits: &Limits) -> Arc<Self> {
        let all = limits.connections.clamp(1, Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(all));
        let counted = Arc::clone(&places);
        let memory = Budget::watch(limits.memory_bytes, move || all.saturating_sub(counted.available_permits()));
        Arc::new(Self::over(limits, places, memory))
    }

    /// These bounds, with memory that is as short as a test says.
    #[cfg(test)]
    pub(crate) fn with_memory(limits: &Limits, memory: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self::over(limits, Arc::new(Semaphore::new(limits.connections)), memory))
    }

    fn over(limits: &Limits, places: Arc<Semaphore>, memory: Arc<Budget>) -> Self {
        Self {
            places,
            per_address: limits.connections_per_address.max(1),
            addresses: Mutex::default(),
            descriptors: Descriptors::new(limits.reserved_descriptors),
            memory,
        }
    }

    /// The process's memory.
    #[must_use]
    pub fn memory(&self) -> &Arc<Budget> {
        &self.memory
    }

    /// The process's descriptors.
    pub(crate) fn descriptors(&self) -> Descriptors {
        self.descriptors
    }

    /// A place among all connections, if one is free now.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        Arc::clone(&self.places).try_acquire_owned()
    }

    /// The next place that is free, in turn.
    pub(crate) fn next_place(&self) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + use<> {
        Arc::clone(&self.places).acquire_owned()
    }

    /// A seat among the connections of an address; `None` if that has too many.
    pub(crate) fn seat(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let network = Network::of(address);
        let mut addresses = self.addresses();
        let taken = addresses.entry(network).or_default();
        if *taken >= self.per_address {
            return None;
        }
        *taken += 1;
        Some(Seat { admission: Arc::clone(self), network: Some(network) })
    }

    /// A seat that counts for no address: that of a proxy, which has yet to say whose connection it passes on.
    pub(crate) fn unnamed(self: &Arc<Self>) -> Seat {
        Seat { admission: Arc::clone(self), network: None }
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of an address, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Seat {
    admission: Arc<Admission>,
    /// Whose it is; `None` if it counts for nobody.
    network: Option<Network>,
}

impl Seat {
    /// The process's memory, of which whoever sits here is one of many users.
    pub(crate) fn memory(&self) -> &Budget {
        &self.admission.memory
    }

    /// A seat for this address in the place of this one; `None` if it has too many.
    pub(crate) fn named(&self, address: IpAddr) -> Option<Self> {
        self.admission.seat(address)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut addresses = self.admission.addresses();
        if let Some(taken) = addresses.get_mut(&network) {
            *taken -= 1;
            if *taken == 0 {
                addresses.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_counts_as_one_address() {
        let same = [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ];
        for (left, right, expected) in same {
            let (one, other) = (Network::of(left.parse().unwrap()), Network::of(right.parse().unwrap()));
            assert_eq!(one == other, expected, "{left} {right}");
        }
    }

    #[test]
    fn an_address_has_so_many_seats_and_nothing_is_kept_of_who_left() {
        let limits = Limits { connections_per_address: 2, memory_bytes: Some(u64::MAX), ..Limits::default() };
        let admission = Admission::new(&limits);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let seats = [admission.seat(one).unwrap(), admission.seat(one).unwrap()];
        assert!(admission.seat(one).is_none());
        drop(admission.seat(other).unwrap());
        let [first, second] = seats;
        drop(first);
        let third = admission.seat(one).unwrap();
        assert!(admission.seat(one).is_none());
        let proxied = admission.unnamed();
        assert!(proxied.named(one).is_none() && proxied.named(other).is_some());
        drop((second, third, proxied));
        assert!(admission.addresses().is_empty());
    }
}
