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
        commit(connection, path, batch);
    }
}

fn commit(connection: &Connection, path: &Path, mut batch: Vec<Box<dyn Task>>) {
    let outcome = write(connection, path, &mut batch).map_err(|failure| failure.about(path));
    for task in batch {
        task.settle(outcome.clone());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::task;

    /// Commits these statements as one group; gives which were acknowledged, and the rows after it.
    fn group(connection: &Connection, statements: &[&'static str]) -> (Vec<bool>, Vec<i64>) {
        let work = |sql: &'static str| move |connection: &Connection| statement(connection, sql);
        let (batch, answers): (Vec<_>, Vec<_>) = statements.iter().map(|sql| task(work(sql))).unzip();
        commit(connection, Path::new("store"), batch);
        let answers = answers.into_iter().map(|answer| answer.blocking_recv().unwrap().is_ok()).collect();
        let mut rows = connection.prepare("SELECT x FROM t WHERE typeof(x) = 'integer' ORDER BY x").unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        (answers, rows)
    }

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let sql = "CREATE TABLE t (x UNIQUE);
                   CREATE TABLE late (x REFERENCES t (x) DEFERRABLE INITIALLY DEFERRED);
                   PRAGMA foreign_keys = ON;
                   PRAGMA max_page_count = 20;";
        connection.execute_batch(sql).unwrap();
        connection
    }

    #[test]
    fn a_write_that_fails_leaves_the_others_of_its_group() {
        let connection = table();
        let twice = ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"];
        assert_eq!(group(&connection, &twice), (vec![true, false, true], vec![1, 2]));
    }

    #[test]
    fn a_full_disk_undoes_the_group_and_acknowledges_nothing() {
        let connection = table();
        let full = ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (zeroblob(1000000))", "INSERT INTO t VALUES (2)"];
        assert_eq!(group(&connection, &full), (vec![false; 3], vec![]));
        assert_eq!(group(&connection, &["INSERT INTO t VALUES (3)"]), (vec![true], vec![3]));
    }

    #[test]
    fn a_commit_that_fails_fails_the_whole_group_and_the_next_one_works() {
        let connection = table();
        let late = ["INSERT INTO t VALUES (1)", "INSERT INTO late VALUES (9)", "INSERT INTO t VALUES (2)"];
        assert_eq!(group(&connection, &late), (vec![false; 3], vec![]));
        assert_eq!(group(&connection, &["INSERT INTO t VALUES (3)"]), (vec![true], vec![3]));
    }

    #[test]
    fn a_transaction_that_the_system_undid_is_acknowledged_to_nobody() {
        let connection = table();
        let undone = ["INSERT INTO t VALUES (1)", "INSERT OR ROLLBACK INTO t VALUES (1)", "INSERT INTO t VALUES (2)"];
        assert_eq!(group(&connection, &undone), (vec![false; 3], vec![]));
        assert_eq!(group(&connection, &["INSERT INTO t VALUES (3)"]), (vec![true], vec![3]));
    }
}
