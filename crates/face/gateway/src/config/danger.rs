//! What stands in `[danger]`.

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
