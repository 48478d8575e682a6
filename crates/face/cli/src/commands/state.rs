//! `gatepost state`: what holds for the whole state directory.

use clap::{Args, Subcommand};
use gatepost::clock;
use gatepost::model::decided::Decided;
use gatepost::store::open::Options;
use gatepost::store::rekey::{NewKey, rekey};
use gatepost::store::seal::SealingKey;
use gatepost_gateway::config::keeping::Sealing;
use gatepost_gateway::kept::{self, SEAL_KEY, SEAL_PASSPHRASE};
use serde_json::json;

use crate::error::CliError;
use crate::options::StateArgs;
use crate::passwords::{self, PasswordArgs};
use crate::runtime;
use crate::ui::Ui;

/// Manage the state directory.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Seal all secrets of the store with a new key
    Rekey(RekeyArgs),
}

/// What `state rekey` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost state rekey                         A new random key in the state directory's seal.key
  gatepost state rekey --to-passphrase         Asks for it twice; from then on GATEPOST_SEAL_PASSPHRASE holds it
  gatepost state rekey --to-env NEXT_SEAL_KEY  The key in that variable, base64 of 32 octets

Running gateways go on by themselves with a new key file; with anything else they have to be started again.
Backups that were made before need the old key.")]
pub struct RekeyArgs {
    /// A key that Argon2id makes of a passphrase, instead of a key file
    #[arg(long, conflicts_with = "to_env")]
    pub to_passphrase: bool,
    /// The key in this environment variable, instead of a key file
    #[arg(long, value_name = "NAME", conflicts_with_all = ["password_stdin", "password_env", "password_file"])]
    pub to_env: Option<String>,
    /// Where the new passphrase comes from.
    #[command(flatten)]
    pub passphrase: PasswordArgs,
    /// Where the store is.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(command: &StateCommand, ui: &Ui) -> Result<(), CliError> {
    match command {
        StateCommand::Rekey(args) => seal_anew(args, ui),
    }
}

fn seal_anew(args: &RekeyArgs, ui: &Ui) -> Result<(), CliError> {
    let state = runtime::state(&args.state)?;
    if !args.to_passphrase && args.passphrase.is_given() {
        return Err(CliError::usage("a passphrase without a use", "add `--to-passphrase`"));
    }
    let current = kept::source(&state, &Sealing::default(), &runtime::environment)?;
    let (new, next) = match &args.to_env {
        Some(name) => {
            let text = passwords::from_environment(name)?;
            let key = SealingKey::from_env_text(text.reveal_text().unwrap_or_default());
            let next = format!("set {SEAL_KEY} to the value of {name} from now on");
            (NewKey::Key(key.map_err(gatepost::Error::from)?), next)
        }
        None if args.to_passphrase => {
            let passphrase = args.passphrase.read_new("New passphrase of the store")?;
            (NewKey::Passphrase(passphrase), format!("set {SEAL_PASSPHRASE} to it from now on"))
        }
        None => (NewKey::File(state.seal_key_file()), "nothing else has to be changed".to_owned()),
    };
    let resealed = rekey(&state.store(), current, new, &Options::default()).map_err(gatepost::Error::from)?;
    let mut decided = Decided::new(clock::now(), "rekey", true, "asked for on the command line");
    (decided.who, decided.place) = (Some(runtime::own_user()), Some("the store".to_owned()));
    runtime::record(&args.state, decided)?;
    ui.done(&format!("{resealed} secrets are sealed with the new key: {next}."), &json!({ "resealed": resealed }))
}
