//! What a certificate is used for.

/// What the certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is a server's (id-kp-serverAuth).
    Server,
    /// It is a client's (id-kp-clientAuth).
    Client,
}
