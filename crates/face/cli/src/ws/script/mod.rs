//! Scripts: a small language for tests of WebSockets. `parse` reads, `run` does, `report` tells.

mod check;
mod difference;
mod expect;
mod line;
mod parse;
mod path;
mod pattern;
mod payload;
mod place;
mod report;
mod run;
mod step;
pub(crate) mod suite;
mod talk;
pub(crate) mod template;
mod test;

#[cfg(test)]
mod tests;
