//! Who is told of everything that happens in a session: stdout or the terminal, the recording, and what `/save` writes.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::path::Path;

use gatepost::clock;

use crate::error::CliError;
use crate::ui::Ui;
use crate::ws::print;
use crate::ws::record::ndjson;
use crate::ws::record::recorder::Recorder;
use crate::ws::said::{Direction, Moment, Opened, Said, What};

/// The most that is kept for `/save`, in octets of messages; the oldest goes first.
const KEPT: usize = 16 * 1024 * 1024;

/// How what happens is shown.
pub(crate) enum Show {
    /// Messages that came, each with a line end.
    Lines,
    /// The octets of messages that came, with nothing between them.
    Stream,
    /// Every event as a JSON document in a line.
    Json,
    /// Everything, with time and direction, through whoever prints above the prompt.
    Terminal(Box<dyn FnMut(String) + Send>),
}

/// Told of everything.
pub(crate) struct Chronicle {
    ui: Ui,
    show: Show,
    /// Whether stdout is a terminal, which would obey what a message says.
    guarded: bool,
    recorder: Option<Recorder>,
    opened: Option<Opened>,
    kept: VecDeque<Moment>,
    octets: usize,
}

impl Chronicle {
    pub(crate) fn new(ui: Ui, show: Show, recorder: Option<Recorder>) -> Self {
        let guarded = std::io::stdout().is_terminal();
        Self { ui, show, guarded, recorder, opened: None, kept: VecDeque::new(), octets: 0 }
    }

    /// Something happened just now.
    pub(crate) fn tell(&mut self, what: What) -> Result<(), CliError> {
        let moment = Moment { at: clock::now(), what };
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&moment)?;
        }
        if let What::Opened(opened) = &moment.what {
            self.opened = Some((**opened).clone());
        }
        self.show(&moment)?;
        if matches!(self.show, Show::Terminal(_)) {
            self.keep(moment);
        }
        Ok(())
    }

    /// Something happened on the way out, after all that was asked for had come: recorded, and told to programs unless
    /// it is one more message.
    pub(crate) fn tell_parting(&mut self, what: What) -> Result<(), CliError> {
        let moment = Moment { at: clock::now(), what };
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&moment)?;
        }
        let is_message = matches!(&moment.what, What::Said(_, said) if said.message().is_some());
        if matches!(self.show, Show::Json) && !is_message { self.show(&moment) } else { Ok(()) }
    }

    /// Shows text that is no event: an answer to a command.
    pub(crate) fn answer(&mut self, text: &str) -> Result<(), CliError> {
        match &mut self.show {
            Show::Terminal(print) => print(format!("{text}\n")),
            Show::Lines | Show::Stream | Show::Json => self.ui.note(text),
        }
        Ok(())
    }

    /// What was agreed on at the start.
    pub(crate) fn opened(&self) -> Option<&Opened> {
        self.opened.as_ref()
    }

    /// Writes what was said so far; gives how many moments that were.
    pub(crate) fn save(&self, path: &Path) -> Result<usize, CliError> {
        let mut recorder = Recorder::create(path)?;
        // The start may be gone already, and a HAR without it holds nothing.
        if let Some(opened) = self.opened.as_ref().filter(|_| !self.has_start()) {
            let at = self.kept.front().map_or_else(clock::now, |first| first.at);
            recorder.write(&Moment { at, what: What::Opened(Box::new(opened.clone())) })?;
        }
        for moment in &self.kept {
            recorder.write(moment)?;
        }
        Ok(self.kept.len())
    }

    fn has_start(&self) -> bool {
        self.kept.front().is_some_and(|first| matches!(first.what, What::Opened(_)))
    }

    fn show(&mut self, moment: &Moment) -> Result<(), CliError> {
        match &mut self.show {
            Show::Json => self.ui.out(&format!("{}\n", ndjson::write(moment))),
            Show::Terminal(print) => {
                // What was typed stands there already.
                if !matches!(moment.what, What::Said(Direction::Out, Said::Text(_) | Said::Fragment(_))) {
                    print(print::moment(moment, &self.ui));
                }
                Ok(())
            }
            Show::Lines | Show::Stream => match &moment.what {
                What::Said(Direction::In, said) => self.message(said),
                What::Said(Direction::Out, _) | What::Opened(_) | What::Broken(_) => Ok(()),
            },
        }
    }

    fn message(&self, said: &Said) -> Result<(), CliError> {
        let Some(octets) = said.message() else { return Ok(()) };
        if self.guarded {
            return self.ui.out(&(print::spoken(said) + "\n"));
        }
        if matches!(self.show, Show::Stream) {
            return self.ui.octets(octets);
        }
        self.ui.octets(&[octets, b"\n"].concat())
    }

    fn keep(&mut self, moment: Moment) {
        self.octets += size(&moment);
        self.kept.push_back(moment);
        while self.octets > KEPT {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.octets -= size(&oldest);
        }
    }
}

fn size(moment: &Moment) -> usize {
    const EACH: usize = 64;
    match &moment.what {
        What::Said(_, said) => EACH + said.message().map_or(0, <[u8]>::len),
        What::Opened(_) | What::Broken(_) => EACH,
    }
}
