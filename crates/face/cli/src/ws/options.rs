//! The options of `gatepost ws` that are about the talk and the link, and what they mean.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gatepost::net::websocket::settings::{KeepAlive, Settings};
use gatepost::ws::limits::Limits;
use gatepost_gateway::config::value::Period;
use regex_lite::Regex;

use crate::error::CliError;
use crate::payload;
use crate::ui::Ui;
use crate::ws::chronicle::Show;
use crate::ws::pump::Goal;
use crate::ws::record::recorder::{self, Recorder};
use crate::ws::said::Said;
use crate::ws::script::template::{Variables, is_name};
use crate::ws::session::{Plan, Speaker};
use crate::ws::source::{self, Cut};
use crate::ws::wire::Target;

/// How long the end of stdin waits for answers.
const WAIT: Duration = Duration::from_secs(1);

/// What is said, and when it is over.
#[derive(Debug, Args)]
#[command(next_help_heading = "The talk")]
pub struct TalkArgs {
    /// Say this first: text, or @FILE; may stand several times
    #[arg(short, long, value_name = "DATA")]
    pub data: Vec<String>,
    /// Send each line of stdin as a binary message
    #[arg(long, conflicts_with = "stream")]
    pub binary: bool,
    /// Send stdin in binary messages as it comes, and write what comes without line ends
    #[arg(long)]
    pub stream: bool,
    /// End after so many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after a message that matches
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub until: Option<Regex>,
    /// End after this time, with code 12
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Period>,
    /// When stdin has ended, end after this time without a message [default: 1s]
    ///
    /// Holds where there is no --count and no --until. With --replay it is how long an answer may take.
    #[arg(long, value_name = "TIME")]
    pub wait: Option<Period>,
    /// Write all that is said to a .har or .ndjson file
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Say what we said in a recording, each when as many messages have come as then
    #[arg(long, value_name = "FILE", conflicts_with_all = ["binary", "stream", "data"])]
    pub replay: Option<PathBuf>,
    /// Remember what is typed in this file; a line that begins with a space is not remembered
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
}

/// How a connection is opened.
#[derive(Debug, Args)]
#[command(next_help_heading = "The link")]
pub struct LinkArgs {
    /// Offer this subprotocol; several times, the best first
    #[arg(long, value_name = "NAME")]
    pub subprotocol: Vec<String>,
    /// A header field, as in 'X-Trace: 1'
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = payload::field)]
    pub headers: Vec<(String, String)>,
    /// Say whose page asks, as browsers do
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// Offer to compress messages (permessage-deflate)
    #[arg(long, overrides_with = "no_deflate")]
    pub deflate: bool,
    /// Do not offer it: the default
    #[arg(long, overrides_with = "deflate")]
    pub no_deflate: bool,
    /// Open it over HTTP/2 (RFC 8441), and nothing else
    #[arg(long, conflicts_with = "http1")]
    pub http2: bool,
    /// The longest message that is taken, as in 64KiB [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_message: Option<usize>,
    /// Ping a silent server after this time, and give up when it stays silent as long again
    #[arg(long, value_name = "TIME")]
    pub ping_interval: Option<Period>,
}

impl LinkArgs {
    /// What the socket is told.
    pub(crate) fn settings(&self) -> Settings {
        let usual = Settings::default();
        let message = self.max_message.unwrap_or(usual.limits.message);
        let keepalive = self.ping_interval.map(|Period(interval)| KeepAlive::Ping { interval, timeout: interval });
        Settings { limits: Limits { message, ..usual.limits }, keepalive, ..usual }
    }
}

impl TalkArgs {
    /// The session that they ask for.
    pub(crate) fn plan(self, url: String, advice: String, ui: &Ui) -> Result<Plan, CliError> {
        let first = self.data.iter().map(|data| said(data)).collect::<Result<_, _>>()?;
        let speaker = match self.replay {
            Some(path) => Speaker::Recording(recorder::read(&path)?),
            None if self.stream => Speaker::Stdin(Cut::Stream),
            None if self.binary => Speaker::Stdin(Cut::BinaryLines),
            None if !ui.is_json() && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => {
                Speaker::Keyboard(self.history)
            }
            None => Speaker::Stdin(Cut::Lines),
        };
        let show = match self.stream {
            _ if ui.is_json() => Show::Json,
            true => Show::Stream,
            false => Show::Lines,
        };
        Ok(Plan {
            target: Target { url, fields: Vec::new() },
            speaker,
            first,
            goal: Goal { count: self.count, until: self.until, wait: self.wait.map_or(WAIT, |Period(time)| time) },
            timeout: self.timeout.map(|Period(time)| time),
            show,
            recorder: self.record.as_deref().map(Recorder::create).transpose()?,
            advice,
        })
    }
}

/// What `-d` says: `@FILE`, or the text itself. What is not UTF-8 in a file is sent as octets.
fn said(data: &str) -> Result<Said, CliError> {
    match data.strip_prefix('@') {
        Some(path) => source::file(path.as_ref(), true).map(|said| match said {
            Said::Binary(octets) => Said::of(octets),
            other => other,
        }),
        None => Ok(Said::Text(data.to_owned())),
    }
}

/// Reads `name=value`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like `name=value`")?;
    if !is_name(name) {
        return Err(format!("`{name}` is no name of a variable: letters, digits, `_` and `-`"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The variables that `GATEPOST_VAR_name` sets: the way for what is secret, because others can read our options.
pub(crate) fn from_environment(all: impl Iterator<Item = (OsString, OsString)>) -> Variables {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let named =
        all.filter_map(text).filter_map(|(name, value)| Some((name.strip_prefix("GATEPOST_VAR_")?.to_owned(), value)));
    named.filter(|(name, _)| is_name(name)).collect()
}

fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

/// Reads `65536`, `64KiB` or `16MiB`.
fn size(text: &str) -> Result<usize, String> {
    let wrong = || format!("expected a size such as `64KiB` or `16MiB`, found `{text}`");
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1024,
        "M" | "MiB" => 1024 * 1024,
        "G" | "GiB" => 1024 * 1024 * 1024,
        _ => return Err(wrong()),
    };
    number
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|size| *size > 0)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_variables() {
        let table = [
            ("1", Ok(1)),
            ("64KiB", Ok(65_536)),
            ("2M", Ok(2_097_152)),
            ("0", Err(())),
            ("x", Err(())),
            ("1kb", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(size(text).map_err(|_| ()), expected, "{text}");
        }
        assert_eq!(variable("a-b=c=d"), Ok(("a-b".into(), "c=d".into())));
        assert!(variable("a").is_err() && variable("a b=c").is_err());
        let environment = [("GATEPOST_VAR_token", "x"), ("GATEPOST_VAR_", "y"), ("HOME", "z")];
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into()));
        assert_eq!(from_environment(environment), Variables::from([("token".into(), "x".into())]));
    }
}
