//! Workers: one thread each, with a runtime of its own, so that a connection never leaves the core that took it.

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

use crate::error::NetError;
use crate::listen::{Listener, bind_shared};

/// Between two wakings of a worker that has nothing to do.
const TICK: Duration = Duration::from_secs(1);

/// The number that the next worker of this process gets.
static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static NUMBER: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The number of the worker that this thread is, unique in the process and never used again; `None` elsewhere.
#[must_use]
pub fn number() -> Option<u64> {
    NUMBER.get()
}

/// Threads that serve. Clones are handles on the same threads, which end when the last handle has gone.
///
/// ```
/// use gatepost_net::error::NetError;
/// use gatepost_net::workers::Workers;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), NetError> {
/// let workers = Workers::start(2)?;
/// let (say, mut hear) = tokio::sync::mpsc::unbounded_channel();
/// let jobs = (0..2).map(|_| {
///     let say = say.clone();
///     move || async move { say.send(std::thread::current().name().map(str::to_owned)).unwrap() }
/// });
/// workers.run(jobs).ended().await;
/// let mut names = [hear.recv().await.flatten(), hear.recv().await.flatten()];
/// names.sort();
/// assert_eq!(names, [Some("gatepost-worker-0".into()), Some("gatepost-worker-1".into())]);
/// workers.end().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Workers(Arc<Vec<Worker>>);

/// One of them, from outside.
struct Worker {
    runtime: Handle,
    jobs: mpsc::UnboundedSender<Job>,
    gone: oneshot::Receiver<()>,
}

/// Makes a future on the worker's thread. The future need not be `Send`.
type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

impl Workers {
    /// Starts `count` threads, at least one, named `gatepost-worker-N` from 0 on. Works inside and outside of a runtime.
    ///
    /// # Errors
    /// [`NetError::Workers`], if the system has no thread or descriptor left.
    pub fn start(count: usize) -> Result<Self, NetError> {
        let workers: std::io::Result<Vec<Worker>> = (0..count.max(1)).map(hire).collect();
        workers.map(|workers| Self(Arc::new(workers))).map_err(|error| NetError::Workers { detail: error.to_string() })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Listeners on one address for the first `count` workers, at least one and not more than there are, in their
    /// order. Port 0 takes a free port, the same for all. The system spreads connections over them.
    ///
    /// # Errors
    /// [`NetError::PortInUse`], also if who is there would share the port; [`NetError::Listen`].
    pub fn listen(&self, address: SocketAddr, backlog: i32, count: usize) -> Result<Vec<Listener>, NetError> {
        let sockets = bind_shared(address, backlog, count.clamp(1, self.count()))?;
        let adopt = |(socket, worker): (std::net::TcpListener, &Worker)| {
            let _inside = worker.runtime.enter();
            Listener::adopt(socket, address)
        };
        sockets.into_iter().zip(self.0.iter()).map(adopt).collect()
    }

    /// Runs the first job on the first worker, the second on the second, and so on, from the first again when there
    /// are more. Each is called on the thread of its worker, and what it makes stays there.
    ///
    /// They belong together: if one panics, the others are cut as well, so that nothing works on by half.
    pub fn run<M, F>(&self, jobs: impl IntoIterator<Item = M>) -> Jobs
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = ()> + 'static,
    {
        let stop = Arc::new(watch::Sender::new(false));
        let mut ended = Vec::new();
        for (make, worker) in jobs.into_iter().zip(self.0.iter().cycle()) {
            let (done, end) = oneshot::channel();
            // A worker that is gone drops the job, which counts as its end.
            let _ = worker.jobs.send(job(make, Arc::clone(&stop), done));
            ended.push(end);
        }
        Jobs { stop, ended }
    }

    /// Gives this handle up. If it is the last one, waits until the threads have ended; what still runs there is cut.
    pub async fn end(self) {
        let Some(workers) = Arc::into_inner(self.0) else { return };
        let (doors, gone): (Vec<_>, Vec<_>) = workers.into_iter().map(|worker| (worker.jobs, worker.gone)).unzip();
        drop(doors);
        for gone in gone {
            // Nothing is ever sent: the other half goes with its thread.
            let _ = gone.await;
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// What [`Workers::run`] started. Dropping it cuts whatever still runs.
#[derive(Debug)]
pub struct Jobs {
    stop: Arc<watch::Sender<bool>>,
    ended: Vec<oneshot::Receiver<()>>,
}

impl Jobs {
    /// Ready when all have ended.
    pub async fn ended(mut self) {
        for end in &mut self.ended {
            // Nothing is ever sent: the other half goes with the job.
            let _ = end.await;
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Cuts all jobs of a group when one goes without having ended.
struct Alarm {
    stop: Arc<watch::Sender<bool>>,
    armed: bool,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if self.armed {
            self.stop.send_replace(true);
        }
    }
}

fn job<M, F>(make: M, stop: Arc<watch::Sender<bool>>, done: oneshot::Sender<()>) -> Job
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    Box::new(move || {
        Box::pin(async move {
            let _done = done;
            let mut stopped = stop.subscribe();
            let mut alarm = Alarm { stop, armed: true };
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => {}
                () = make() => {}
            }
            alarm.armed = false;
        })
    })
}

fn hire(at: usize) -> std::io::Result<Worker> {
    let runtime = Builder::new_current_thread().thread_name("gatepost-blocking").enable_all().build()?;
    let handle = runtime.handle().clone();
    let (jobs, door) = mpsc::unbounded_channel();
    let (leaving, gone) = oneshot::channel();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let thread = std::thread::Builder::new().name(format!("gatepost-worker-{at}"));
    thread.spawn(move || {
        NUMBER.set(Some(number));
        work(runtime, door);
        drop::<oneshot::Sender<()>>(leaving);
    })?;
    Ok(Worker { runtime: handle, jobs, gone })
}

/// Keeps a timer near. A timer that is set before all others wakes its own thread by a system call, as if another
/// thread had set it; with this one there is hardly one before all others, and each new connection sets some.
async fn tick() {
    loop {
        tokio::time::sleep(TICK).await;
    }
}

/// Takes jobs until nobody can send any more.
fn work(runtime: Runtime, mut door: mpsc::UnboundedReceiver<Job>) {
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        tokio::task::spawn_local(tick());
        while let Some(job) = door.recv().await {
            tokio::task::spawn_local(job());
        }
    });
    drop(local);
    // Not a plain drop: that would wait for blocking work, such as the resolving of a name.
    runtime.shutdown_background();
}
