//! Options that many commands share.

use clap::{Args, ValueEnum};

/// How output looks; holds for every command.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Print JSON for programs
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,
    /// Print results and errors only
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where the state directory is.
#[derive(Debug, Clone, Args)]
pub struct StateArgs {
    /// The state directory [default: $XDG_STATE_HOME/gatepost or ~/.local/state/gatepost]
    #[arg(long, env = "GATEPOST_STATE", value_name = "DIR", hide_env_values = true)]
    pub state: Option<std::path::PathBuf>,
}
