//! The one place where an error becomes an exit code and words.

use std::process::ExitCode;

use gatepost::model::event::one_line;
use gatepost::model::fault::{Blame, Fault};
use gatepost::net::error::NetError;

use crate::error::CliError;
use crate::ui::Ui;

/// Says what went wrong (`error:` and `hint:` lines on stderr) and gives the exit code.
pub fn report(error: &CliError, ui: &Ui) -> ExitCode {
    if *error == CliError::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    ui.error(&one_line(&error.to_string()), error.code());
    for hint in error.hint().iter() {
        ui.hint(&one_line(hint));
    }
    ExitCode::from(exit_code(error))
}

/// Lets clap speak for itself: help and version on stdout, wrong usage on stderr with code 2.
pub(crate) fn unreadable(error: &clap::Error) -> ExitCode {
    // There is nowhere left to say that this could not be printed.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// The exit codes by what went wrong, then by who has to act.
fn exit_code(error: &CliError) -> u8 {
    match error {
        CliError::Status { .. } | CliError::Unmet { .. } | CliError::Failed { .. } => 1,
        CliError::Missing { .. } => 4,
        CliError::Exists { .. } => 5,
        CliError::Refused { .. } => 8,
        CliError::Upgrade { .. } => 9,
        CliError::Closed { .. } => 11,
        CliError::Late { .. } => 12,
        CliError::Broken { .. } => 13,
        CliError::Engine(engine) if engine.is_missing() => 4,
        CliError::Engine(engine) if engine.is_existing() || engine.is_changed() => 5,
        CliError::Engine(engine) if engine.is_auth() && engine.blame() == Blame::Peer => 8,
        CliError::Engine(engine) if matches!(engine.net(), Some(NetError::Tls { .. } | NetError::StartTls(_))) => 10,
        CliError::Engine(engine) if matches!(engine.net(), Some(NetError::Timeout { .. })) => 12,
        CliError::Usage { .. }
        | CliError::Script { .. }
        | CliError::Io { .. }
        | CliError::BrokenPipe
        | CliError::Gateway(_)
        | CliError::Engine(_) => by_blame(error.blame()),
    }
}

fn by_blame(blame: Blame) -> u8 {
    match blame {
        Blame::Caller => 2,
        Blame::Config => 3,
        Blame::Environment => 6,
        Blame::Peer => 7,
        // A blame that this version does not know is a bug of it, too.
        _ => 70,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost::tls::error::TlsError;

    /// An error for each code.
    fn table() -> Vec<(CliError, u8)> {
        let tls = NetError::Tls { peer: "h".into(), reason: TlsError::UnknownIssuer };
        vec![
            (CliError::usage("a", "b"), 2),
            (CliError::Missing { what: "x".into(), hint: None }, 4),
            (CliError::Exists { what: "x".into(), hint: None }, 5),
            (CliError::Io { what: "x".into(), detail: "y".into() }, 6),
            (CliError::Refused { status: 401, hint: None }, 8),
            (CliError::Status { status: 404 }, 1),
            (CliError::Unmet { what: "x".into() }, 1),
            (CliError::Failed { failed: 1, all: 2 }, 1),
            (CliError::Script { name: "x".into(), line: 1, column: 1, detail: "y".into() }, 2),
            (CliError::Upgrade { status: 404, hint: None }, 9),
            (CliError::Engine(gatepost::Error::from(tls)), 10),
            (CliError::Closed { farewell: "1011".into() }, 11),
            (CliError::Late { what: "x".into(), limit: "1s".into(), option: "--timeout" }, 12),
            (CliError::Broken { detail: "x".into() }, 13),
            (CliError::Engine(gatepost::Error::config("x")), 3),
            (CliError::Engine(gatepost::Error::refused("x")), 8),
            (CliError::Engine(gatepost::Error::environment("x")), 6),
        ]
    }

    #[test]
    fn exit_codes_by_what_went_wrong_then_by_blame() {
        for (error, code) in table() {
            assert_eq!(exit_code(&error), code, "{error:?}");
        }
    }

    /// Nothing is made by `gatepost ws` that could be there already, which is 5.
    #[test]
    fn the_guide_to_talks_has_every_code() {
        let guide = include_str!("../../../../docs/book/src/guides/talk.md");
        let (_, codes) = guide.split_once("## Exit codes").unwrap();
        for code in table().into_iter().map(|(_, code)| code).filter(|code| *code != 5).chain([0, 7, 70]) {
            assert!(codes.contains(&format!("\n| {code} |")), "{code}");
        }
    }
}
