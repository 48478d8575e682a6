//! x
pub(crate) mod run;
