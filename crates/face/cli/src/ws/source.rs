//! Where what we say comes from: stdin, the options, the terminal. Each has a thread of its own, because a thread
//! that waits for a terminal or a pipe cannot be told to stop: it ends with the process.

use std::io::{BufRead, Read};
use std::path::Path;
use std::thread;

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::bounded::read_bounded;
use crate::error::CliError;
use crate::ws::said::Said;
use crate::ws::slash::Typed;

/// Things that may wait to be said. More of them, and stdin waits.
const WAITING: usize = 16;

/// The longest line of stdin, in octets.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Octets of a message of a stream.
const CHUNK: usize = 16 * 1024;

/// What comes from there. When the channel ends, stdin has ended.
#[derive(Debug)]
pub(crate) enum Input {
    /// Say this.
    Say(Said),
    /// Do what was typed.
    Typed(Typed),
    /// The user wants to go.
    Quit,
    /// It cannot be read.
    Failed(CliError),
}

/// How stdin is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A text message for each line.
    Lines,
    /// A binary message for each line.
    BinaryLines,
    /// Binary messages as it comes.
    Stream,
}

/// Says `first`, then what stdin holds.
pub(crate) fn stdin(first: Vec<Said>, cut: Cut) -> Receiver<Input> {
    spawn(move |to| {
        for said in first {
            if to.blocking_send(Input::Say(said)).is_err() {
                return;
            }
        }
        let read = match cut {
            Cut::Stream => stream(&mut std::io::stdin().lock(), &to),
            Cut::Lines | Cut::BinaryLines => lines(&mut std::io::stdin().lock(), cut, &to),
        };
        if let Err(error) = read {
            // Nobody is left to be told if this fails.
            let _ = to.blocking_send(Input::Failed(error));
        }
    })
}

/// Runs what reads on a thread of its own.
pub(crate) fn spawn(read: impl FnOnce(Sender<Input>) + Send + 'static) -> Receiver<Input> {
    let (to, from) = mpsc::channel(WAITING);
    thread::spawn(move || read(to));
    from
}

fn stream(from: &mut impl Read, to: &Sender<Input>) -> Result<(), CliError> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).map_err(|error| CliError::io("stdin", &error))?;
        let octets = chunk.get(..read).unwrap_or_default().to_vec();
        if read == 0 || to.blocking_send(Input::Say(Said::Binary(octets))).is_err() {
            return Ok(());
        }
    }
}

fn lines(from: &mut impl BufRead, cut: Cut, to: &Sender<Input>) -> Result<(), CliError> {
    loop {
        let mut line = Vec::new();
        let read = from.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| CliError::io("stdin", &error))? == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        } else if u64::try_from(line.len()).unwrap_or(u64::MAX) > LONGEST {
            return Err(CliError::usage("a line of stdin is longer than 16 MiB", "`--stream` cuts where it likes"));
        }
        if to.blocking_send(Input::Say(message(line, cut)?)).is_err() {
            return Ok(());
        }
    }
}

fn message(line: Vec<u8>, cut: Cut) -> Result<Said, CliError> {
    if cut == Cut::BinaryLines {
        return Ok(Said::Binary(line));
    }
    let text = String::from_utf8(line);
    text.map(Said::Text).map_err(|_| {
        CliError::usage("a line of stdin is not UTF-8", "send it in binary messages: `--binary` or `--stream`")
    })
}

/// A file as a message.
pub(crate) fn file(path: &Path, binary: bool) -> Result<Said, CliError> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| CliError::io(name.clone(), &error);
    let octets = read_bounded(path, LONGEST).map_err(failed)?;
    let larger = || CliError::usage(format!("{name} is larger than 16 MiB"), "pipe it in with `--stream`");
    let octets = octets.ok_or_else(larger)?;
    if binary {
        return Ok(Said::Binary(octets));
    }
    let text = String::from_utf8(octets);
    text.map(Said::Text).map_err(|_| CliError::usage(format!("{name} is not UTF-8"), "send it as a binary message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(octets: &[u8], cut: Cut) -> Vec<Result<Said, CliError>> {
        let mut octets = std::io::Cursor::new(octets.to_vec());
        let mut from = spawn(move |to| {
            let read = if cut == Cut::Stream { stream(&mut octets, &to) } else { lines(&mut octets, cut, &to) };
            if let Err(error) = read {
                to.blocking_send(Input::Failed(error)).unwrap();
            }
        });
        let mut all = Vec::new();
        while let Some(input) = from.blocking_recv() {
            all.push(match input {
                Input::Say(said) => Ok(said),
                Input::Failed(error) => Err(error),
                other => panic!("{other:?}"),
            });
        }
        all
    }

    #[test]
    fn stdin_is_cut_into_messages() {
        let text = |text: &str| Ok(Said::Text(text.into()));
        assert_eq!(cut(b"a\n\nb c\r\nlast", Cut::Lines), [text("a"), text(""), text("b c"), text("last")]);
        let binary = |octets: &[u8]| Ok(Said::Binary(octets.to_vec()));
        assert_eq!(cut(b"\xff\n\x00", Cut::BinaryLines), [binary(b"\xff"), binary(b"\x00")]);
        assert_eq!(cut(b"a\nb\xff", Cut::Stream), [binary(b"a\nb\xff")]);
        assert_eq!(cut(&[7; CHUNK + 1], Cut::Stream), [binary(&[7; CHUNK]), binary(&[7])]);
        let wrong = cut(b"a\n\xff\nb\n", Cut::Lines);
        assert_eq!((wrong.len(), wrong[1].is_err()), (2, true));
    }
}
