//! The engine over real sockets on loopback: sessions out, guarded sites in.

mod bearer;
mod before_send;
mod digest;
mod house;
mod ntlm;
mod proved;
mod redirects;
mod schemes;
mod sockets;
mod websocket;
mod workers;
