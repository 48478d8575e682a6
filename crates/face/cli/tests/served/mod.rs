//! A gateway for tests, as a process of its own.

use crate::bench::Bench;
use crate::running::Running;

/// A gateway that ends with the test.
pub(crate) struct Served {
    running: Running,
    ready: serde_json::Value,
}

impl Served {
    pub(crate) fn start(bench: &Bench, arguments: &str) -> Self {
        let mut running = Running::start(bench, &format!("serve --ready ready.json {arguments}"));
        let path = bench.path().join("ready.json");
        let content = loop {
            match std::fs::read(&path) {
                Ok(content) => break content,
                Err(_) if running.has_ended() => panic!("it ended: {}", running.first_told()),
                Err(_) => std::thread::yield_now(),
            }
        };
        std::fs::remove_file(path).unwrap();
        Self { running, ready: serde_json::from_slice(&content).unwrap() }
    }

    pub(crate) fn of(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// Sends SIGTERM and gives what it said on stderr.
    #[allow(dead_code, reason = "each test file uses its own part")]
    pub(crate) fn said(self) -> String {
        self.running.said("TERM")
    }

    /// Sends SIGTERM and gives what it printed.
    #[allow(dead_code, reason = "each test file uses its own part")]
    pub(crate) fn end(self) -> (Option<i32>, String) {
        self.running.end("TERM")
    }
}
