//! Group commit: what waits together is written together, and one sync to disk serves all of it.

use std::path::Path;

use rusqlite::Connection;

use crate::error::StoreError;
use crate::queue::{Failure, Task, Waiting};

/// The most writes that share one transaction: bounds how long the first of them waits.
const BATCH: usize = 512;

/// Serves writes until the store is gone. An answer is given after COMMIT, never before.
pub(crate) fn serve_writes(connection: &Connection, path: &Path, mut waiting: Waiting) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        let outcome = write(connection, path, &mut batch).map_err(|failure| failure.about(path));
        for task in batch {
            task.settle(outcome.clone());
        }
    }
}

/// One transaction. An error means that nothing of the batch was written.
fn write(connection: &Connection, path: &Path, batch: &mut [Box<dyn Task>]) -> Result<(), Failure> {
    // IMMEDIATE: the wait for another process happens here, where nothing is done yet.
    statement(connection, "BEGIN IMMEDIATE")?;
    let written = write_each(connection, path, batch).and_then(|()| statement(connection, "COMMIT"));
    // Some errors (full disk, failed write) have ended the transaction already.
    if written.is_err() && !connection.is_autocommit() {
        statement(connection, "ROLLBACK")?;
    }
    written
}

/// Each write in its own savepoint, so that one that fails leaves the others alone.
fn write_each(connection: &Connection, path: &Path, batch: &mut [Box<dyn Task>]) -> Result<(), Failure> {
    for task in batch {
        statement(connection, "SAVEPOINT one")?;
        if !task.run(connection, path) {
            if connection.is_autocommit() {
                let detail = "the transaction was undone by the system: full disk or failed write".to_owned();
                return Err(StoreError::Unusable { path: path.to_owned(), detail }.into());
            }
            statement(connection, "ROLLBACK TO one")?;
        }
        statement(connection, "RELEASE one")?;
    }
    Ok(())
}

fn statement(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
