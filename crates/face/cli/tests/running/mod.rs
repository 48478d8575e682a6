//! `gatepost` as a process that goes on while a test does, and ends with it at the latest.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::bench::Bench;

/// A process that is killed when the test ends.
pub(crate) struct Running(Child);

impl Running {
    /// `gatepost` with these arguments, split at white space. Its stdin stays open, and its output can be read.
    pub(crate) fn start(bench: &Bench, arguments: &str) -> Self {
        let mut command = Self::command(bench, arguments);
        Self::of(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// The same, not started yet.
    pub(crate) fn command(bench: &Bench, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.args(arguments.split_whitespace()).env_clear().env("HOME", bench.path()).current_dir(bench.path());
        command
    }

    /// What a command starts.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// What it prints, line by line.
    pub(crate) fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().unwrap()).lines()
    }

    /// The first line of its stderr.
    pub(crate) fn first_told(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Sends it a signal, as in `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; gives the code.
    pub(crate) fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    /// Ends it with a signal; gives what it said on stderr.
    pub(crate) fn said(mut self, signal: &str) -> String {
        self.signal(signal);
        let mut text = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Ends it with a signal; gives the code and what it printed.
    pub(crate) fn end(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let mut text = String::new();
        // Read before it is waited for: it cannot end while nobody takes what it prints.
        self.0.stdout.as_mut().unwrap().read_to_string(&mut text).unwrap();
        (self.code(), text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended in most tests: then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
