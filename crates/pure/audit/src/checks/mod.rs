//! The checks: one file each, listed once.

mod basic_over_plain;
mod certificate_ending;
mod certificate_name;
mod certificate_time;
mod danger;
mod ntlm;
mod wsse;

use crate::check::Check;

/// Every check there is, in the order in which they run and are shown.
pub static ALL: &[&dyn Check] = &[
    &certificate_time::CertificateTime,
    &certificate_ending::CertificateEnding,
    &certificate_name::CertificateName,
    &basic_over_plain::BasicOverPlain,
    &ntlm::Ntlm,
    &wsse::Wsse,
    &danger::Danger,
];
