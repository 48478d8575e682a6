//! The server's side: listeners, authentication, and the road of a request on its way in.

pub(crate) mod asked;
pub mod authenticate;
#[cfg(test)]
mod authenticate_tests;
pub mod authenticated;
pub mod content;
pub mod contexts;
pub mod damping;
pub mod denied;
pub mod doorkeeper;
pub(crate) mod generations;
pub mod keys;
#[cfg(test)]
mod legs_tests;
pub(crate) mod lookout;
pub(crate) mod minutes;
pub mod passwords;
pub(crate) mod pipeline;
pub(crate) mod pressure;
pub(crate) mod proved;
pub(crate) mod remembered;
pub mod respond;
pub(crate) mod said;
pub mod serve;
pub mod site;
pub(crate) mod standing;
pub(crate) mod tries;
pub mod websocket;
