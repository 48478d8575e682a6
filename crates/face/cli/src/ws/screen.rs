//! Knows whether what was to be printed above the prompt has been printed.
//!
//! The line editor prints on its own thread and does not say when it has done so; but it draws the prompt again after
//! each piece. So the prompt counts. Without this, the last words of a connection could be lost when the process ends.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustyline::Prompt;

/// What stands before what is typed: the mark of what goes out.
const PROMPT: &str = "> ";

/// How long the end waits for the screen at most.
const PATIENCE: Duration = Duration::from_millis(500);

/// What was asked for, and what was drawn.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    /// Pieces that are not yet on the screen.
    left: u64,
    /// Whether nobody draws any more; what is printed then, is printed at once.
    gone: bool,
}

impl Drawn {
    /// A piece is about to be printed.
    pub(crate) fn ask(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).left += 1;
    }

    /// The thread that draws has ended.
    pub(crate) fn gone(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).gone = true;
        self.changed.notify_all();
    }

    fn draw(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.left = counts.left.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Waits until everything is on the screen, but not long.
    pub(crate) fn settle(&self) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // Whether it was in time or not, the end comes now.
        let _ = self.changed.wait_timeout_while(counts, PATIENCE, |counts| counts.left > 0 && !counts.gone);
    }
}

/// A prompt that counts how often it is drawn.
#[derive(Debug)]
pub(crate) struct Marked(pub(crate) Arc<Drawn>);

impl Prompt for Marked {
    fn raw(&self) -> &str {
        self.0.draw();
        PROMPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_waits_for_what_is_not_drawn_yet() {
        let drawn = Arc::new(Drawn::default());
        drawn.ask();
        drawn.ask();
        let prompt = Marked(Arc::clone(&drawn));
        let drawing = std::thread::spawn(move || (prompt.raw().to_owned(), prompt.raw().to_owned()));
        drawn.settle();
        assert_eq!(drawn.counts.lock().unwrap().left, 0);
        assert_eq!(drawing.join().unwrap(), (PROMPT.into(), PROMPT.into()));
        drawn.ask();
        drawn.gone();
        drawn.settle();
    }
}
