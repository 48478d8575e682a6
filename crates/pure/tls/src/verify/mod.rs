//! Is the other end who it says? Every reason why not, not just the first.
//!
//! [`judge::Judge`] judges a chain of certificates and gives a [`judgement::Judgement`]: all that was found
//! ([`flaw::Flaw`]), each with its severity, and the path to the root, against which [`pin`]s are held. What is
//! ignorable is ignored only where a caller says so, one flaw at a time; what is fatal never is.

pub(crate) mod clients;
pub mod flaw;
pub mod judge;
pub mod judgement;
pub mod pin;
pub mod purpose;
mod relaxed;
mod staple;
#[cfg(test)]
mod tests;
pub(crate) mod trust;
pub mod verifier;
mod walk;
