//! A pseudo-terminal that a script types on.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::bench::Bench;
use crate::running::Running;

/// `gatepost` on a terminal of its own.
pub(crate) struct Session {
    pub(crate) running: Running,
    pub(crate) keyboard: File,
    /// What the terminal was set to at first.
    pub(crate) before: Termios,
    pub(crate) screen: String,
}

impl Session {
    /// With these arguments, split at white space.
    pub(crate) fn start(bench: &Bench, arguments: &str) -> Self {
        Self::of(Running::command(bench, arguments))
    }

    /// The same with the terminal as its controlling one, which a password is read from.
    pub(crate) fn start_in_control(bench: &Bench, arguments: &str) -> Self {
        let mut command = Command::new("/usr/bin/setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_gatepost")]).args(arguments.split_whitespace());
        command.env_clear().env("HOME", bench.path()).current_dir(bench.path());
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let before = tcgetattr(&master).unwrap();
        command.env("TERM", "xterm").stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap());
        let running = Running::of(command.stderr(terminal));
        // With its own copies closed, the test sees when nobody has the terminal open any more.
        drop(command);
        Self { running, keyboard: File::from(master), before, screen: String::new() }
    }

    /// Reads the screen until this stands on it, behind what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let mut octets = [0; 4096];
        loop {
            if let Some(at) = self.screen.find(text) {
                self.screen.drain(..at + text.len());
                return;
            }
            // Once nobody has the terminal open any more, reading it fails.
            let read = self.keyboard.read(&mut octets);
            let read = read.unwrap_or_else(|_| panic!("it ended before `{text}` came, with\n{}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&octets[..read]));
        }
    }

    /// Waits until what is typed is not shown: what comes before would stand on the screen.
    pub(crate) fn wait_for_no_echo(&self) {
        while tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO) {
            std::thread::yield_now();
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\r").unwrap();
    }

    /// Reads the screen to the end; gives the code and all that stands there, behind what was waited for.
    pub(crate) fn rest(mut self) -> (Option<i32>, String) {
        let mut octets = [0; 4096];
        while let Ok(read @ 1..) = self.keyboard.read(&mut octets) {
            self.screen.push_str(&String::from_utf8_lossy(&octets[..read]));
        }
        (self.running.code(), self.screen)
    }

    /// Waits for the end; gives the code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.running.code()
    }
}
