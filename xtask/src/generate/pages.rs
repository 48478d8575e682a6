//! x
use crate::finding::Finding;
use crate::tree::Tree;
pub(crate) fn run(_: &Tree) -> Result<Vec<Finding>, String> {
    Ok(vec![])
}
pub(crate) fn write(_: &Tree) -> Result<Vec<Finding>, String> {
    Ok(vec![])
}
pub(crate) fn compare(_: &Tree) -> Result<Vec<Finding>, String> {
    Ok(vec![])
}
