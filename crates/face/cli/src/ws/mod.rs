//! What `gatepost ws` is made of: sessions on a terminal, pipes, recordings, scripts, and the twin that listens.

mod hex;
mod print;
mod record;
mod said;
mod script;
mod slash;
mod wire;
