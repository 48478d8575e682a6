//! Sockets over pipes, with a clock that moves by itself when nothing else can.

mod closing;
mod halves;
mod messages;
mod octets;
mod patience;
mod pipes;
