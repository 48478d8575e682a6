//! Running another program while its output is shown and kept.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

/// How long the pipes of an ended program may stay open and silent.
const SILENCE: Duration = Duration::from_secs(2);

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` when it ended well, else how it ended.
    pub(crate) failure: Option<String>,
    /// Every line of both its outputs, as they came.
    pub(crate) lines: Vec<String>,
}

/// Runs the command to its end, or for `limit`, whichever is first.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Ran {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ran { failure: Some(error.to_string()), lines: Vec::new() },
    };
    let (lines, read) = mpsc::channel();
    if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
        echo(stdout, lines.clone());
        echo(stderr, lines);
    }
    let failure = end_of(&mut child, limit);
    // Until both pipes are closed. A grandchild may hold one open for good, so silence ends it as well.
    let mut kept = Vec::new();
    while let Ok(line) = read.recv_timeout(SILENCE) {
        kept.push(line);
    }
    Ran { failure, lines: kept }
}

fn end_of(child: &mut Child, limit: Duration) -> Option<String> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return None,
            Ok(Some(status)) => return Some(status.to_string()),
            Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let ended = child.kill().and_then(|()| child.wait());
                return Some(format!("not done after {} s ({})", limit.as_secs(), ended.is_ok()));
            }
            Err(error) => return Some(error.to_string()),
        }
    }
}

#[expect(clippy::print_stdout, reason = "the output of a step is shown as it comes")]
fn echo(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            println!("{line}");
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_end_are_kept() {
        let mut ran = run(&mut shell("echo one; echo two >&2"), Duration::from_secs(60));
        ran.lines.sort();
        assert_eq!((ran.failure, ran.lines), (None, vec!["one".to_owned(), "two".to_owned()]));
    }

    #[test]
    fn a_bad_end_is_told() {
        assert_eq!(run(&mut shell("exit 3"), Duration::from_secs(60)).failure.as_deref(), Some("exit status: 3"));
        let endless = run(&mut shell("exec tail -f /dev/null"), Duration::ZERO);
        assert_eq!(endless.failure.as_deref(), Some("not done after 0 s (true)"));
        assert!(run(&mut Command::new("there-is-no-such-program"), Duration::ZERO).failure.is_some());
    }
}
