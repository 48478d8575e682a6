//! The names of the schemes, as the command line takes them.

use clap::builder::PossibleValuesParser;
use gatepost::auth::schemes;

/// The names of the schemes, for arguments that take one. What is shown in the handshake goes with no request.
pub(crate) fn scheme_names() -> PossibleValuesParser {
    let spoken = schemes::ALL.iter().filter(|scheme| !scheme.fields().is_empty());
    PossibleValuesParser::new(spoken.map(|scheme| scheme.name()))
}
