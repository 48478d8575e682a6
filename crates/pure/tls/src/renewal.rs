//! How an ACME authority knows again what it issued (renewal information, RFC 9773).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

/// The two halves of a certificate's identifier (RFC 9773 §4.1): the key identifier of its authority and its serial
/// number, each in base64url. `None` if the certificate does not say whose it is.
#[must_use]
pub fn identifier(der: &[u8]) -> Option<(String, String)> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let authority = parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(found) => found.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    })?;
    Some((URL_SAFE_NO_PAD.encode(authority), URL_SAFE_NO_PAD.encode(parsed.raw_serial())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepost_model::time::Timestamp;

    use super::*;
    use crate::issue::Authority;
    use crate::pem::parse_chain_pem;

    /// The example of RFC 9773, appendix A.
    const EXAMPLE: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
";

    #[test]
    fn the_example_of_the_rfc() {
        let der = rustls::pki_types::pem::PemObject::from_pem_slice(EXAMPLE);
        let der: rustls::pki_types::CertificateDer<'_> = der.unwrap();
        let halves = identifier(&der).map(|(authority, serial)| format!("{authority}.{serial}"));
        assert_eq!(halves.as_deref(), Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"));
    }

    #[test]
    fn without_an_authority_there_is_none() {
        let start = Timestamp::from_secs(1_700_000_000);
        let root = Authority::create("One", start, Duration::from_secs(60)).unwrap();
        let root = parse_chain_pem(root.certificate_pem().as_bytes()).unwrap();
        assert_eq!((identifier(&root[0]), identifier(b"x")), (None, None));
    }
}
