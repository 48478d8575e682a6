//! Scripts: a small language for tests of WebSockets. `parse` reads, `run` does, `report` tells.

mod check;
mod difference;
mod expect;
pub(crate) mod parse;
mod path;
mod pattern;
mod payload;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod step;
mod talk;
pub(crate) mod template;
mod test;

#[cfg(test)]
mod tests;
