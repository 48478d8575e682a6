//! What stands in `[danger]`.

use crate::config::layers::Layers;
use crate::config::spec::DangerSpec;
use crate::error::GatewayError;

/// Protections that someone switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Danger {
    /// Routes may be open to everybody.
    pub no_auth: bool,
    /// Listeners may be without TLS.
    pub plain_listeners: bool,
    /// Proofs may go to upstreams in the clear, also off this machine.
    pub plain_credentials: bool,
    /// What ties a proof of NTLM or Negotiate to its TLS channel is not looked at.
    pub ignore_channel_binding: bool,
    /// Digest takes proofs of the form of RFC 2069, which cover neither a count nor a client's nonce.
    pub digest_rfc2069: bool,
}

impl Danger {
    /// What is switched off, by whichever layer.
    pub(crate) fn read(spec: &DangerSpec, layers: &mut Layers<'_>) -> Result<Self, GatewayError> {
        Ok(Self {
            no_auth: layers.pick("danger.no_auth", spec.no_auth.clone(), false)?,
            plain_listeners: layers.pick("danger.plain_listeners", spec.plain_listeners.clone(), false)?,
            digest_rfc2069: layers.pick("danger.digest_rfc2069", spec.digest_rfc2069.clone(), false)?,
            plain_credentials: layers.pick("danger.plain_credentials", spec.plain_credentials.clone(), false)?,
            ignore_channel_binding: layers.pick(
                "danger.ignore_channel_binding",
                spec.ignore_channel_binding.clone(),
                false,
            )?,
        })
    }
}
