//! The engine over real sockets on loopback: sessions out, guarded sites in.

mod bearer;
mod before_send;
mod digest;
#[path = "../../../../../examples/own_scheme/door_code.rs"]
mod door_code;
mod hops;
mod house;
mod proved;
mod redirects;
mod schemes;
mod sockets;
mod websocket;
mod workers;
