//! b
use crate::tree::Tree;
pub(crate) fn run(_: &Tree) -> Result<(), String> {
    Ok(())
}
