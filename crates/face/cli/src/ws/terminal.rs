//! The keyboard and the screen of a session: lines with editing and history, and messages printed above the prompt.

use std::path::Path;
use std::sync::Arc;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, History};
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, ExternalPrinter, Helper};
use tokio::sync::mpsc::{Receiver, Sender};

use crate::error::CliError;
use crate::ws::said::Said;
use crate::ws::screen::{Drawn, Marked};
use crate::ws::slash;
use crate::ws::source::{self, Input};

/// Lines that are remembered.
const REMEMBERED: usize = 1000;

/// What is typed, what prints above it, and what puts the terminal back as it was.
pub(crate) struct Terminal {
    pub(crate) typed: Receiver<Input>,
    pub(crate) print: Box<dyn FnMut(String) + Send>,
    pub(crate) restore: Restore,
}

/// Puts the terminal back as it was when it is dropped: the thread that reads it does not end before the process.
pub(crate) struct Restore {
    before: Option<Termios>,
    drawn: Arc<Drawn>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.drawn.settle();
        if let Some(before) = &self.before {
            // What cannot be put back cannot be told there either. The text switches bracketed paste off.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
            let mut stdout = std::io::stdout();
            let _ = std::io::Write::write_all(&mut stdout, b"\x1b[?2004l\r\x1b[K");
            let _ = std::io::Write::flush(&mut stdout);
        }
    }
}

/// Takes the terminal over and says `first`. Lines are remembered in `history` beyond this session, if it is named.
pub(crate) fn open(first: Vec<Said>, history: Option<&Path>) -> Result<Terminal, CliError> {
    let drawn = Arc::new(Drawn::default());
    let restore = Restore { before: tcgetattr(std::io::stdin()).ok(), drawn: Arc::clone(&drawn) };
    let mut editor = editor(history)?;
    let mut printer = editor.create_external_printer().map_err(|error| failed(&error))?;
    let mut hints = editor.create_external_printer().map_err(|error| failed(&error))?;
    let keyboard = Keyboard { history: history.map(Path::to_owned), prompt: Marked(Arc::clone(&drawn)) };
    let asked = Arc::clone(&drawn);
    let typed = source::spawn(move |to| {
        let said = first.into_iter().try_for_each(|said| to.blocking_send(Input::Say(said)));
        let hint = move |detail: String| {
            let _ = hints.print(format!("hint: {detail}\n"));
        };
        if said.is_ok() {
            keyboard.read(&mut editor, &to, hint);
        }
    });
    let print = Box::new(move |text: String| {
        asked.ask();
        // A terminal that is gone ends the reading, too.
        let _ = printer.print(text);
    });
    Ok(Terminal { typed, print, restore })
}

struct Keyboard {
    history: Option<std::path::PathBuf>,
    prompt: Marked,
}

impl Keyboard {
    /// Reads lines until the user goes, or nobody wants them.
    fn read(&self, editor: &mut Editor<Commands, FileHistory>, to: &Sender<Input>, mut hint: impl FnMut(String)) {
        let end = loop {
            let line = match editor.readline(&self.prompt) {
                Ok(line) => line,
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => break Input::Quit,
                Err(error) => break Input::Failed(failed(&error)),
            };
            self.remember(editor, &line);
            let sent = match slash::parse(&line) {
                Ok(typed) => to.blocking_send(Input::Typed(typed)),
                Err(detail) => {
                    hint(detail);
                    Ok(())
                }
            };
            if sent.is_err() {
                return;
            }
        };
        self.prompt.0.gone();
        let _ = to.blocking_send(end);
    }

    fn remember(&self, editor: &mut Editor<Commands, FileHistory>, line: &str) {
        // A line that is not remembered is no reason to end the session.
        let _ = editor.add_history_entry(line);
        if let Some(path) = self.history.as_ref().filter(|_| !editor.history().is_empty()) {
            let _ = editor.save_history(path);
        }
    }
}

fn editor(history: Option<&Path>) -> Result<Editor<Commands, FileHistory>, CliError> {
    let config = Config::builder()
        .max_history_size(REMEMBERED)
        .and_then(|builder| builder.history_ignore_dups(true))
        .map_err(|error| failed(&error))?
        // As in shells: a line that begins with a space is not remembered.
        .history_ignore_space(true)
        .build();
    let mut editor = Editor::with_config(config).map_err(|error| failed(&error))?;
    editor.set_helper(Some(Commands));
    if let Some(path) = history.filter(|path| path.exists()) {
        editor.load_history(path).map_err(|error| failed(&error))?;
    }
    Ok(editor)
}

fn failed(error: &ReadlineError) -> CliError {
    CliError::Io { what: "the terminal".into(), detail: error.to_string() }
}

/// Completes the names of commands.
struct Commands;

impl Helper for Commands {}
impl Hinter for Commands {
    type Hint = String;
}
impl Highlighter for Commands {}
impl Validator for Commands {}

impl Completer for Commands {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..at).unwrap_or_default();
        if !typed.starts_with('/') || typed.contains(' ') {
            return Ok((at, Vec::new()));
        }
        let fitting = slash::ALL.iter().filter(|command| command.name.starts_with(typed));
        Ok((0, fitting.map(|command| format!("{} ", command.name)).collect()))
    }
}
