//! `gatepost log`: what was decided, as it was kept.

use std::collections::VecDeque;
use std::time::Duration;

use clap::{Args, Subcommand};
use gatepost::model::decided::Decided;
use gatepost::model::event::one_line;
use gatepost::store::journal::Reader;
use serde_json::{Value, json};

use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::Ui;

/// How often a log is looked at while it is followed.
const EVERY: Duration = Duration::from_millis(200);

/// Read what was kept of what happened.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Print who was let in or refused, who looked at a secret, and why
    Decisions(DecisionsArgs),
}

/// What `log decisions` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost log decisions --last 20
  gatepost log decisions --denied --follow            Goes on until Ctrl-C
  gatepost log decisions --user ali --json            One JSON object a line")]
pub struct DecisionsArgs {
    /// Go on with what is decided from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last so many
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Only what was refused
    #[arg(long)]
    pub denied: bool,
    /// Only what this user wanted
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Where the log is.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(command: &LogCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        LogCommand::Decisions(args) => decisions(args, ui),
    }
}

fn decisions(args: &DecisionsArgs, ui: &Ui) -> Result<(), CliError> {
    let path = runtime::state(&args.state)?.decisions();
    let mut reader = Reader::open(&path).map_err(gatepost::Error::from)?;
    let mut held = VecDeque::new();
    while let Some(decided) = next(&mut reader, args)? {
        if args.last.is_none() {
            print(&decided, ui)?;
            continue;
        }
        held.push_back(decided);
        if args.last.is_some_and(|last| held.len() > last) {
            held.pop_front();
        }
    }
    held.iter().try_for_each(|decided| print(decided, ui))?;
    if !args.follow {
        return Ok(());
    }
    loop {
        match next(&mut reader, args)? {
            Some(decided) => print(&decided, ui)?,
            None => std::thread::sleep(EVERY),
        }
    }
}

/// The next one that is asked for.
fn next(reader: &mut Reader, args: &DecisionsArgs) -> Result<Option<Decided>, CliError> {
    loop {
        let Some(decided) = reader.read().map_err(gatepost::Error::from)? else { return Ok(None) };
        let of_user = args.user.as_ref().is_none_or(|user| decided.who.as_ref() == Some(user));
        if of_user && !(args.denied && decided.allowed) {
            return Ok(Some(decided));
        }
    }
}

fn print(decided: &Decided, ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.out(&format!("{}\n", object(decided)));
    }
    let Decided { at, subject, allowed, who, from, place, scheme, reason } = decided;
    let word = if *allowed { "allowed" } else { "denied" };
    let who = who.as_deref().unwrap_or("-");
    let mut line = format!("{at}  {word:7}  {subject}  {who}");
    for (what, text) in [("from", from.map(|from| from.to_string())), ("by", scheme.clone()), ("at", place.clone())] {
        if let Some(text) = text {
            line.push_str(&format!("  {what} {text}"));
        }
    }
    ui.out(&format!("{}\n", one_line(&format!("{line}: {reason}"))))
}

fn object(decided: &Decided) -> Value {
    let Decided { at, subject, allowed, who, from, place, scheme, reason } = decided;
    json!({
        "time": at.to_string(), "subject": subject, "allowed": allowed, "who": who, "from": from,
        "place": place, "scheme": scheme, "reason": reason,
    })
}
