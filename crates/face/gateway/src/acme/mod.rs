//! Certificates of an ACME authority (RFC 8555): asked for, proved, judged, kept, bound, and renewed in time.
//!
//! [`authority`] is whom we ask and who we are to it; [`conversation`] takes an order from its beginning to a
//! certificate, with the names proved by [`proofs`]; [`acceptance`] judges what comes back before anybody is shown it;
//! [`keeping`] puts it into the store and binds it. [`fetch`] is the whole road; [`renewal`] goes it again, in time, by
//! [`schedule`].
//! The conversation itself is `instant-acme`'s, over our own client: `wire`.

pub mod acceptance;
pub mod authority;
pub mod conversation;
mod explain;
pub mod fetch;
pub mod keeping;
pub mod proofs;
pub mod renewal;
pub mod schedule;
pub mod stand;
pub mod wanted;
mod window;
mod wire;
