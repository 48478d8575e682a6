//! The door of one listener on one worker: lets in who may come in, one after the other.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::bound::Bound;
use gatepost_model::bucket::Bucket;
use tokio::net::TcpStream;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::admission::{Admission, Seat};
use crate::cut::Cut;
use crate::listen::Listener;
use crate::reports::Reports;

/// Between two looks whether there are descriptors again.
const PAUSE: Duration = Duration::from_millis(50);

/// So many connections are let in all the same while memory is short: the allocator may keep what others have left,
/// and a process that lets nobody in would never make use of it.
const SPARE: usize = 16;

/// A connection that was let in.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) stream: TcpStream,
    pub(crate) address: SocketAddr,
    pub(crate) place: Place,
}

/// What a connection holds for as long as it, or the tunnel that it became, lives.
#[derive(Debug)]
pub(crate) struct Place {
    _place: OwnedSemaphorePermit,
    seat: Seat,
    _spare: Option<OwnedSemaphorePermit>,
    _inside: mpsc::Sender<()>,
    address: IpAddr,
    reports: Reports,
}

impl Place {
    /// Counts it as one of the connections of this address, of which a proxy has told; false if those are too many, which
    /// it notes.
    pub(crate) fn belongs_to(&mut self, address: IpAddr) -> bool {
        let Some(seat) = self.seat.named(address) else {
            self.reports.note(Bound::ConnectionsPerAddress, Some(address));
            return false;
        };
        (self.seat, self.address) = (seat, address);
        true
    }

    /// Whether its holder has to go because it sent more when memory had nearly run out; notes that.
    pub(crate) fn is_forfeit(&self) -> bool {
        let dire = self.seat.memory().is_dire();
        if dire {
            self.reports.note(Bound::LastMemory, Some(self.address));
        }
        dire
    }
}

/// The door. What it holds survives when [`next`](Self::next) is dropped and called again.
pub(crate) struct Door {
    admission: Arc<Admission>,
    reports: Reports,
    pace: Option<Bucket>,
    start: Instant,
    spare: Arc<Semaphore>,
    inside: mpsc::Sender<()>,
    left: mpsc::Receiver<()>,
    held: Option<Held>,
    queue: Option<Queue>,
    rest: Option<Rest>,
}

/// A connection that was accepted and is not in yet.
struct Held {
    stream: TcpStream,
    address: SocketAddr,
    seat: Seat,
    spare: Option<OwnedSemaphorePermit>,
    place: Option<OwnedSemaphorePermit>,
}

type Queue = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// Until when the door stays shut.
#[derive(Clone, Copy)]
struct Rest {
    until: Instant,
    /// Whether it waits for descriptors, and not for its turn.
    for_descriptors: bool,
}

impl Door {
    /// `rate` bounds who comes in a second; 0 for no bound.
    pub(crate) fn new(admission: Arc<Admission>, reports: Reports, rate: u32) -> Self {
        let (inside, left) = mpsc::channel(1);
        Self {
            admission,
            reports,
            pace: Bucket::new(rate, rate / 10),
            start: Instant::now(),
            spare: Arc::new(Semaphore::new(SPARE)),
            inside,
            left,
            held: None,
            queue: None,
            rest: None,
        }
    }

    /// The next connection that may come in. Those that may not are closed; while nobody may, it waits, and
    /// connections wait in the backlog. May be dropped at any time: nobody is lost.
    pub(crate) async fn next(&mut self, listener: &Listener) -> Guest {
        loop {
            self.rest(listener).await;
            let mut held = match self.held.take() {
                Some(held) => held,
                None => match self.judge(listener, listener.accept().await) {
                    Some(held) => held,
                    None => continue,
                },
            };
            if held.place.is_none() {
                self.held = Some(held);
                let place = self.place().await;
                let Some(waited) = self.held.take() else { continue };
                held = Held { place, ..waited };
            }
            if let Some(early) = self.is_early() {
                self.reports.note(Bound::HandshakeRate, Some(held.address.ip()));
                self.rest = Some(Rest { until: Instant::now() + early, for_descriptors: false });
                self.held = Some(held);
                continue;
            }
            let Held { stream, address, seat, spare, place: Some(place) } = held else { continue };
            let (inside, reports) = (self.inside.clone(), self.reports.clone());
            let place = Place { _place: place, seat, _spare: spare, _inside: inside, address: address.ip(), reports };
            return Guest { stream, address, place };
        }
    }

    /// Ready when everybody has left. Nobody is let in any more.
    pub(crate) async fn emptied(self) {
        let Self { inside, mut left, held, queue, .. } = self;
        drop((inside, held, queue));
        // Nothing is ever sent: the last sender that goes ends it.
        let _ = left.recv().await;
    }

    /// Who may not come in at all is turned away here.
    fn judge(&mut self, listener: &Listener, (stream, address): (TcpStream, SocketAddr)) -> Option<Held> {
        if self.admission.descriptors().are_short_with(&stream) {
            self.reports.note(Bound::Descriptors, Some(address.ip()));
            self.rest = Some(Rest { until: Instant::now() + PAUSE, for_descriptors: true });
        }
        let spare = if self.admission.memory().is_short() {
            let Ok(spare) = Arc::clone(&self.spare).try_acquire_owned() else {
                return self.turn_away(&stream, address, Bound::Memory);
            };
            Some(spare)
        } else {
            None
        };
        let seat = match listener.announcers() {
            // All connections come from its proxies; whose they are is told by each.
            Some(announcers) if announcers.are_trusted(address.ip()) => self.admission.unnamed(),
            _ => match self.admission.seat(address.ip()) {
                Some(seat) => seat,
                None => return self.turn_away(&stream, address, Bound::ConnectionsPerAddress),
            },
        };
        Some(Held { stream, address, seat, spare, place: None })
    }

    fn turn_away(&self, stream: &TcpStream, address: SocketAddr, bound: Bound) -> Option<Held> {
        stream.reset_when_dropped();
        self.reports.note(bound, Some(address.ip()));
        None
    }

    /// A place among all connections, in turn. `None` never comes: places are not taken away.
    async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if self.queue.is_none() {
            if let Ok(place) = self.admission.place() {
                return Some(place);
            }
            self.reports.note(Bound::Connections, self.held.as_ref().map(|held| held.address.ip()));
        }
        let admission = &self.admission;
        let place = self.queue.get_or_insert_with(|| Box::pin(admission.next_place())).await;
        self.queue = None;
        place.ok()
    }

    /// How long it is until the next may come in, if not now.
    fn is_early(&mut self) -> Option<Duration> {
        self.pace.as_mut()?.take(self.start.elapsed()).err()
    }

    /// Waits while the door is shut.
    async fn rest(&mut self, listener: &Listener) {
        while let Some(Rest { until, for_descriptors }) = self.rest {
            sleep_until(until).await;
            let short = for_descriptors && self.admission.descriptors().are_short(listener);
            self.rest = short.then(|| Rest { until: Instant::now() + PAUSE, for_descriptors });
        }
    }
}
