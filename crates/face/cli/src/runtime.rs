//! The door from a command into async code, and to the state directory.

use std::sync::Arc;

use gatepost::store::store::Store;
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
    Ok(kept::open(&state(args)?, None, None, &environment)?)
}
