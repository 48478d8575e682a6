//! The door from a command into async code, and to the state directory.

use std::sync::Arc;

use gatepost::locker::Locker;
use gatepost::model::decided::Decided;
use gatepost::store::journal::{Journal, USUAL_SIZE};
use gatepost::store::store::Store;
use gatepost_gateway::config::keeping::Sealing;
use gatepost_gateway::kept;
use gatepost_gateway::state::State;

use crate::error::CliError;
use crate::options::StateArgs;

/// Runs one future to its end on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CliError::io("the runtime", &error))?.block_on(future)
}

/// One environment variable; one that is not UTF-8 counts as absent.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The state directory that was named, or the usual one.
pub(crate) fn state(args: &StateArgs) -> Result<State, CliError> {
    let place = match &args.state {
        Some(place) => place.clone(),
        None => State::usual_place(&environment)?,
    };
    Ok(State::open(&place)?)
}

/// The store in the state directory.
pub(crate) fn store(args: &StateArgs) -> Result<Arc<dyn Store>, CliError> {
    Ok(kept::open(&state(args)?, None, &Sealing::default(), &environment)?)
}

/// The credentials in that store.
pub(crate) fn locker(args: &StateArgs) -> Result<Locker, CliError> {
    Ok(Locker::of(store(args)?))
}

/// Writes into the decision log of the state directory what was decided here; it is on the disk when this returns.
pub(crate) fn record(args: &StateArgs, decided: Decided) -> Result<(), CliError> {
    let mut journal = Journal::open(&state(args)?.decisions(), USUAL_SIZE).map_err(gatepost::Error::from)?;
    Ok(journal.write(&[decided]).and_then(|()| journal.sync()).map_err(gatepost::Error::from)?)
}

/// Whoever runs this, as the system knows them.
pub(crate) fn own_user() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}
