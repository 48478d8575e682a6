//! A connection on its own thread, and the questions that wait for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::owner::unusable;

/// How many questions may wait before the next asker waits too.
const DEPTH: usize = 1024;

/// Why one question failed: the database said so, or its answer is an error of ours.
#[derive(Debug)]
pub(crate) enum Failure {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// The error that the caller sees, about the store at `path`.
    pub(crate) fn about(self, path: &Path) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Sql(error) => error,
        };
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                StoreError::Foreign { path, detail: error.to_string() }
            }
            Some(_) => StoreError::Unusable { path, detail: error.to_string() },
            // What SQLite did not refuse is a row that does not have the shape that we wrote.
            None => StoreError::Foreign { path, detail: error.to_string() },
        }
    }
}

/// A question whose type of answer is hidden, so that all kinds can wait in one queue.
pub(crate) trait Task: Send {
    /// Asks the database; true if that went well.
    fn run(&mut self, connection: &Connection, path: &Path) -> bool;
    /// Hands the answer over, or `outcome` if that is an error.
    fn settle(self: Box<Self>, outcome: Result<(), StoreError>);
}

type Work<T> = Box<dyn FnOnce(&Connection) -> Result<T, Failure> + Send>;

struct Question<T> {
    work: Option<Work<T>>,
    answer: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send> Task for Question<T> {
    fn run(&mut self, connection: &Connection, path: &Path) -> bool {
        let answer = self.work.take().map(|work| work(connection).map_err(|failure| failure.about(path)));
        let good = matches!(answer, Some(Ok(_)));
        self.answer = answer;
        good
    }

    fn settle(self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (outcome, self.answer) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(answer)) => answer,
            // Never asked: dropping the reply tells the asker.
            (Ok(()), None) => return,
        };
        // Whoever asked may have gone away; the write stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// A task that does `work`, and where its answer will come.
pub(crate) fn task<T: Send + 'static>(
    work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
) -> (Box<dyn Task>, oneshot::Receiver<Result<T, StoreError>>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Question { work: Some(Box::new(work)), answer: None, reply }), answer)
}

/// The thread of one connection. Dropping it ends the thread after what waits is done, so that the
/// file is closed when the store is gone.
pub(crate) struct Desk {
    path: PathBuf,
    queue: Option<mpsc::Sender<Box<dyn Task>>>,
    thread: Option<JoinHandle<()>>,
}

/// The end of the queue that the thread reads.
pub(crate) type Waiting = mpsc::Receiver<Box<dyn Task>>;

impl Desk {
    /// Starts the thread `name` that serves questions about `path` by `serve`.
    pub(crate) fn start(
        name: &str,
        path: &Path,
        serve: impl FnOnce(Waiting) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(DEPTH);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || serve(waiting));
        let thread = thread.map_err(|error| unusable(path, error))?;
        Ok(Self { path: path.to_owned(), queue: Some(queue), thread: Some(thread) })
    }

    /// Waits for a place in the queue, then for the answer.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ended = || unusable(&self.path, "the store's thread has ended");
        let (task, answer) = task(work);
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(task).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({})", self.path.display())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was answered to whoever asked.
            let _ = thread.join();
        }
    }
}

/// Serves reads, one after the other, each a statement that sees the last commit.
pub(crate) fn serve_reads(connection: &Connection, path: &Path, mut waiting: Waiting) {
    while let Some(mut task) = waiting.blocking_recv() {
        task.run(connection, path);
        task.settle(Ok(()));
    }
}
