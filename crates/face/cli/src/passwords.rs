//! Where a secret comes from: the terminal, stdin, the environment, a file; never the command line,
//! which every user of the machine can read.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use clap::Args;
use gatepost::model::secret::Secret;
use gatepost_gateway::state::read_secret;

use crate::error::CliError;

/// The most that a secret on stdin may be long.
const LONGEST: usize = 64 * 1024;

/// Where to read the password from.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct PasswordArgs {
    /// Read the password from stdin
    #[arg(long, help_heading = "Password")]
    pub password_stdin: bool,
    /// Read the password from an environment variable
    #[arg(long, value_name = "NAME", help_heading = "Password")]
    pub password_env: Option<String>,
    /// Read the password from a file
    #[arg(long, value_name = "FILE", help_heading = "Password")]
    pub password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// Whether one of them was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.password_stdin || self.password_env.is_some() || self.password_file.is_some()
    }

    /// Reads the password; from the terminal, without echo, if nothing else was said.
    pub(crate) fn read(&self, prompt: &str) -> Result<Secret, CliError> {
        if self.password_stdin {
            return from_stdin();
        }
        if let Some(name) = &self.password_env {
            return from_environment(name);
        }
        match &self.password_file {
            Some(path) => read_secret(path).map_err(|detail| CliError::Io { what: path.display().to_string(), detail }),
            None => from_terminal(prompt),
        }
    }

    /// As [`read`](Self::read); on the terminal the password is asked for twice.
    pub(crate) fn read_new(&self, prompt: &str) -> Result<Secret, CliError> {
        let first = self.read(prompt)?;
        if !self.is_given() && first != from_terminal(&format!("{prompt} again"))? {
            return Err(CliError::usage("the two passwords differ", "nothing was changed; try again"));
        }
        Ok(first)
    }
}

/// A secret from an environment variable.
pub(crate) fn from_environment(name: &str) -> Result<Secret, CliError> {
    let missing = || CliError::Missing {
        what: format!("environment variable `{name}` with a value"),
        hint: Some("give its name, not its value".into()),
    };
    let value = std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(missing)?;
    Ok(Secret::from(value))
}

fn from_stdin() -> Result<Secret, CliError> {
    let mut octets = Vec::new();
    let bound = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    let read = std::io::stdin().lock().take(bound).read_to_end(&mut octets);
    read.map_err(|error| CliError::io("stdin", &error))?;
    if octets.len() > LONGEST {
        return Err(CliError::usage(format!("stdin held more than {LONGEST} octets"), "a secret is shorter"));
    }
    if octets.last() == Some(&b'\n') {
        octets.pop();
        if octets.last() == Some(&b'\r') {
            octets.pop();
        }
    }
    if octets.is_empty() {
        return Err(CliError::usage("stdin held no password", "pipe it in, as in `printf %s … | gatepost …`"));
    }
    Ok(Secret::new(octets))
}

fn from_terminal(prompt: &str) -> Result<Secret, CliError> {
    let hint = "use `--password-stdin`, `--password-env NAME` or `--password-file FILE`";
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage("there is no terminal to ask for the password", hint));
    }
    let entered = rpassword::prompt_password(format!("{prompt}: "));
    let entered = entered.map_err(|error| CliError::io("the terminal", &error))?;
    if entered.is_empty() {
        return Err(CliError::usage("the password is empty", hint));
    }
    Ok(Secret::from(entered))
}

/// Whether there is somebody at a terminal who can be asked and can read the question.
pub(crate) fn is_somebody_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A name that is typed, with echo.
pub(crate) fn name_from_terminal(prompt: &str) -> Result<String, CliError> {
    if !is_somebody_there() {
        return Err(CliError::usage("there is no terminal to ask for the user", "name one with `--user NAME`"));
    }
    line_from_terminal(prompt)
}

/// A yes that is typed; anything else is a no.
pub(crate) fn confirm(question: &str) -> Result<bool, CliError> {
    Ok(matches!(line_from_terminal(&format!("{question} [y/N]"))?.as_str(), "y" | "Y" | "yes"))
}

fn line_from_terminal(prompt: &str) -> Result<String, CliError> {
    let failed = |error: std::io::Error| CliError::io("the terminal", &error);
    write!(std::io::stderr().lock(), "{prompt}: ").map_err(failed)?;
    let mut line = String::new();
    std::io::stdin().lock().take(4096).read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}
