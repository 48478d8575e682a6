//! A gateway for tests, as a process of its own.

use std::process::{Child, Command as Process, Stdio};

use crate::bench::Bench;

/// A gateway that ends with the test.
pub(crate) struct Served {
    process: Child,
    ready: serde_json::Value,
}

impl Served {
    pub(crate) fn start(bench: &Bench, arguments: &str) -> Self {
        let process = Process::new(env!("CARGO_BIN_EXE_gatepost"))
            .args(["serve", "--ready", "ready.json"])
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", bench.path())
            .current_dir(bench.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let path = bench.path().join("ready.json");
        let content = loop {
            match std::fs::read(&path) {
                Ok(content) => break content,
                Err(_) => std::thread::yield_now(),
            }
        };
        std::fs::remove_file(path).unwrap();
        Self { process, ready: serde_json::from_slice(&content).unwrap() }
    }

    pub(crate) fn of(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// Sends SIGTERM and gives what it said on stderr.
    #[allow(dead_code, reason = "each test file uses its own part")]
    pub(crate) fn said(mut self) -> String {
        self.terminate();
        let mut text = String::new();
        std::io::Read::read_to_string(self.process.stderr.as_mut().unwrap(), &mut text).unwrap();
        text
    }

    fn terminate(&self) {
        let sent = Process::new("kill").arg("-TERM").arg(self.process.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Sends SIGTERM and gives what it printed.
    #[allow(dead_code, reason = "each test file uses its own part")]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        self.terminate();
        let status = self.process.wait().unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(self.process.stdout.as_mut().unwrap(), &mut text).unwrap();
        (status.code(), text)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Already ended in most tests: then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
