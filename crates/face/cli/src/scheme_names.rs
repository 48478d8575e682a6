//! The names of the schemes, as the command line takes them.

use clap::builder::PossibleValuesParser;
use gatepost::auth::schemes;

/// The names of the schemes, for arguments that take one.
pub(crate) fn scheme_names() -> PossibleValuesParser {
    PossibleValuesParser::new(schemes::ALL.iter().map(|scheme| scheme.name()))
}
