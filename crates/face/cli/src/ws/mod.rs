//! What `gatepost ws` is made of: sessions on a terminal, pipes, recordings, scripts, and the twin that listens.

pub(crate) mod caller;
pub(crate) mod chronicle;
mod command;
#[cfg(test)]
mod fakes;
mod halves;
mod hex;
pub(crate) mod listen;
pub(crate) mod options;
pub(crate) mod print;
pub(crate) mod pump;
pub(crate) mod record;
pub(crate) mod refused;
pub(crate) mod said;
mod screen;
pub(crate) mod script;
pub(crate) mod session;
mod slash;
pub(crate) mod source;
pub(crate) mod terminal;
pub(crate) mod wire;
