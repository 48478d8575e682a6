//! The client's side: sessions, and the road of a request on its way out.

pub(crate) mod authenticate;
pub mod backoff;
pub mod context;
pub(crate) mod contexts;
pub(crate) mod counts;
pub(crate) mod detour;
mod forward;
pub(crate) mod held;
pub(crate) mod inspection;
pub mod lane;
pub(crate) mod opener;
mod outgoing;
pub mod payload;
pub mod pinned;
pub(crate) mod pipeline;
pub(crate) mod pool;
pub mod proxy;
pub mod request;
pub mod session;
pub(crate) mod spaces;
pub mod upstream;
pub mod websocket;
