//! The Kerberos of the process: one for whoever asks, and no call of it without an end.

use std::sync::LazyLock;

use gatepost_auth::context;
use gatepost_kerberos::error::KerberosError;
use gatepost_kerberos::kerberos::Kerberos;
use gatepost_kerberos::lane::Call;
use gatepost_kerberos::mechanism::Mechanism;
use gatepost_model::channel::Channel;

/// Kerberos: its threads are bounded for the whole process, and tickets are asked for once.
static KERBEROS: LazyLock<Kerberos> = LazyLock::new(Kerberos::default);

/// The Kerberos that all sessions and servers share which have none of their own.
#[must_use]
pub fn kerberos() -> Kerberos {
    KERBEROS.clone()
}

/// What a call of Kerberos gives before its deadline.
pub(crate) async fn within<T>(kerberos: &Kerberos, call: Call<T>) -> Result<T, KerberosError> {
    let deadline = kerberos.bounds().deadline;
    tokio::time::timeout(deadline, call).await.unwrap_or(Err(KerberosError::TooSlow(deadline)))
}

/// The mechanism of a context, in the words of the crate that speaks it: the two do not know each other.
pub(crate) fn mechanism(mechanism: context::Mechanism) -> Mechanism {
    match mechanism {
        context::Mechanism::Kerberos => Mechanism::Kerberos,
        context::Mechanism::Spnego => Mechanism::Spnego,
    }
}

/// What a context is bound to a TLS channel by: the type of the binding stands before its value (RFC 5056 §2.1, RFC
/// 5929 §4).
pub(crate) fn end_point(channel: &Channel) -> Option<Vec<u8>> {
    let hash = channel.bindings.end_point.as_ref()?;
    Some([b"tls-server-end-point:", &hash[..]].concat())
}
