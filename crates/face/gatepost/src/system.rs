//! What the process has one of, whoever asks.

use std::sync::LazyLock;

use gatepost_kerberos::kerberos::Kerberos;

/// Kerberos: its threads are bounded for the whole process, and tickets are asked for once.
static KERBEROS: LazyLock<Kerberos> = LazyLock::new(Kerberos::default);

/// The Kerberos that all sessions and servers share which have none of their own.
#[must_use]
pub fn kerberos() -> Kerberos {
    KERBEROS.clone()
}
