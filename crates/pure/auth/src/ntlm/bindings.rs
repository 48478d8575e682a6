//! What ties a proof to the TLS channel that it came by (RFC 5929 §4; MS-NLMP 3.1.5.1.2).

use md5::{Digest, Md5};

/// MD5 over the `gss_channel_bindings_struct` (RFC 4121 §4.1.1.2) whose application data is `data`, such as
/// `tls-server-end-point:` and the hash of the server's certificate. Its addresses are empty.
#[must_use]
pub fn hash(data: &[u8]) -> [u8; 16] {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut digest = Md5::new_with_prefix([0; 16]);
    digest.update(length.to_le_bytes());
    digest.update(data);
    digest.finalize().into()
}
