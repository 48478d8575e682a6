//! The schemes: one file each, both ends of the wire, one line each in [`ALL`].

pub mod basic;
pub mod bearer;
pub mod certificate;
pub mod digest;
pub mod negotiate;
pub mod ntlm;
pub mod wsse;

use crate::scheme::Scheme;

/// Every scheme that Gatepost speaks, the strongest first. The order is declared here and nowhere else.
pub static ALL: &[&dyn Scheme] = &[
    &certificate::Certificate,
    &bearer::Bearer,
    &negotiate::Negotiate,
    &ntlm::Ntlm,
    &digest::Digest,
    &wsse::Wsse,
    &basic::Basic,
];

/// The scheme of that registered name; names compare without case.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Scheme> {
    ALL.iter().copied().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
}
