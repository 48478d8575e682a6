//! `gatepost man`: the manual pages, made from the same definition as the help.

use std::path::{Path, PathBuf};

use clap::{Args, Command};

use crate::error::CliError;
use crate::ui::Ui;

/// What `man` takes.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder that the pages are written to
    pub folder: PathBuf,
}

pub(crate) fn run(args: &ManArgs, command: Command, ui: &Ui) -> Result<(), CliError> {
    std::fs::create_dir_all(&args.folder).map_err(|error| CliError::io(args.folder.display().to_string(), &error))?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let written = pages(&command, "gatepost", &args.folder)?;
    ui.note(&format!("{written} pages in {}", args.folder.display()));
    Ok(())
}

/// Writes the page of a command and of all below it; gives how many.
fn pages(command: &Command, name: &str, folder: &Path) -> Result<usize, CliError> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command.clone()).title(name).render(&mut page);
    let placed = rendered.and_then(|()| std::fs::write(&path, page));
    placed.map_err(|error| CliError::io(path.display().to_string(), &error))?;
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below
        .map(|below| pages(below, &format!("{name}-{}", below.get_name()), folder))
        .try_fold(1, |sum, count| Ok(sum + count?))
}
