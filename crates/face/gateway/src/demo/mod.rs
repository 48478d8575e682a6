//! The demo inside the process: an echo page and a WebSocket echo, to see what an upstream would see.

pub mod echo;
mod page;
mod websocket;
