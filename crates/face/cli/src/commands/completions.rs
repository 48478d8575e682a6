//! `gatepost completions`: a script for a shell.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::CliError;
use crate::ui::Ui;

/// What `completions` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost completions bash > ~/.local/share/bash-completion/completions/gatepost
  gatepost completions zsh > ~/.zfunc/_gatepost        (with ~/.zfunc in fpath)
  gatepost completions fish > ~/.config/fish/completions/gatepost.fish")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, mut command: Command, ui: &Ui) -> Result<(), CliError> {
    // Into memory first: a closed pipe is then ours to report.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "gatepost", &mut script);
    ui.octets(&script)
}
