//! Runs the scripts of a command line, one after the other, and reports.

use std::path::{Path, PathBuf};

use gatepost::model::event::one_line;

use crate::bounded::read_bounded;
use crate::error::CliError;
use crate::ui::Ui;
use crate::ws::script::parse::parse;
use crate::ws::script::report::{Ran, as_json, as_junit, failure_text};
use crate::ws::script::run::run;
use crate::ws::script::step::Step;
use crate::ws::script::template::Variables;
use crate::ws::wire::Dial;

/// The largest script.
const LARGEST: u64 = 1024 * 1024;

/// Where reports are written to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reports {
    pub(crate) junit: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
}

/// A script that was read.
pub(crate) struct Script {
    name: String,
    folder: PathBuf,
    steps: Vec<Step>,
}

/// Reads all scripts, so that a mistake in the last one is told before the first one runs.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Script>, CliError> {
    paths.iter().map(|path| script(path)).collect()
}

fn script(path: &Path) -> Result<Script, CliError> {
    let name = path.display().to_string();
    // A script that cannot be read was named wrongly: that is the caller's to mend, and no fault of the machine.
    let failed = |error: std::io::Error| CliError::usage(format!("{name}: {error}"), "name scripts that can be read");
    let octets = read_bounded(path, LARGEST).map_err(failed)?;
    let larger = || CliError::usage(format!("{name} is larger than 1 MiB"), "send large payloads with `> @FILE`");
    let text = String::from_utf8(octets.ok_or_else(larger)?);
    let text = text.map_err(|_| CliError::usage(format!("{name} is not UTF-8"), "save it as UTF-8"))?;
    let steps = parse(&text).map_err(|wrong| CliError::Script {
        name: name.clone(),
        line: wrong.place.line,
        column: wrong.place.column,
        detail: wrong.detail,
    })?;
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    Ok(Script { name, folder, steps })
}

/// Runs them all, each with the same variables; an error if one fails.
pub(crate) async fn run_all<D: Dial>(
    scripts: Vec<Script>,
    dial: &mut D,
    variables: &Variables,
    reports: &Reports,
    ui: &Ui,
) -> Result<(), CliError> {
    let mut all = Vec::with_capacity(scripts.len());
    for script in scripts {
        let done = run(&script.steps, dial, &script.folder, variables.clone()).await;
        let ran = Ran { name: script.name, steps: script.steps.into_iter().zip(done).collect() };
        if !ui.is_json() {
            tell(&ran, ui);
        }
        all.push(ran);
    }
    if ui.is_json() {
        ui.json(&as_json(&all))?;
    }
    if let Some(path) = &reports.junit {
        write(path, &as_junit(&all))?;
    }
    if let Some(path) = &reports.json {
        write(path, &format!("{:#}\n", as_json(&all)))?;
    }
    let failed = all.iter().filter(|ran| ran.failure().is_some()).count();
    if failed > 0 { Err(CliError::Failed { failed, all: all.len() }) } else { Ok(()) }
}

fn tell(ran: &Ran, ui: &Ui) {
    match ran.failure() {
        None => ui.note(&format!(
            "{} {}, {} expectations, {} ms",
            ui.paint("32", "passed"),
            ran.name,
            ran.expectations(),
            ran.took().as_millis()
        )),
        // What failed is told in quiet runs, too.
        Some((step, wrong)) => {
            let text = failure_text(&ran.name, step, wrong);
            // Much of it is what the other end said.
            let lines: Vec<String> = text.split('\n').map(one_line).collect();
            ui.failed(&format!("{} {}", ui.paint("31", "failed"), lines.join("\n")));
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|error| CliError::io(path.display().to_string(), &error))
}
