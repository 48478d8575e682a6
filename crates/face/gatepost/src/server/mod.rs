//! The server's side: listeners, authentication, and the road of a request on its way in.

pub mod authenticate;
pub mod denied;
pub mod doorkeeper;
pub(crate) mod generations;
pub mod keys;
pub(crate) mod lookout;
pub mod passwords;
pub(crate) mod pipeline;
pub(crate) mod pressure;
pub(crate) mod proved;
pub mod respond;
pub mod serve;
pub mod site;
pub mod websocket;
