//! The provider's suites of TLS 1.3 over our key schedule.

use std::sync::LazyLock;

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, CipherSuiteCommon, SupportedCipherSuite, Tls13CipherSuite};

use super::hkdf::{SHA256, SHA384, Schedule};

/// `provider` with this key schedule for its suites of TLS 1.3; all else is as it was.
pub(crate) fn with_schedule(mut provider: CryptoProvider) -> CryptoProvider {
    for suite in &mut provider.cipher_suites {
        if let SupportedCipherSuite::Tls13(known) = suite
            && let Some(ours) = ours(known)
        {
            *suite = SupportedCipherSuite::Tls13(ours);
        }
    }
    provider
}

/// The same suite with our schedule; `None` for one that we do not know.
fn ours(known: &'static Tls13CipherSuite) -> Option<&'static Tls13CipherSuite> {
    use rustls::crypto::aws_lc_rs::cipher_suite as suites;
    static AES_128: LazyLock<Option<Tls13CipherSuite>> =
        LazyLock::new(|| of(suites::TLS13_AES_128_GCM_SHA256, &SHA256));
    static AES_256: LazyLock<Option<Tls13CipherSuite>> =
        LazyLock::new(|| of(suites::TLS13_AES_256_GCM_SHA384, &SHA384));
    static CHACHA20: LazyLock<Option<Tls13CipherSuite>> =
        LazyLock::new(|| of(suites::TLS13_CHACHA20_POLY1305_SHA256, &SHA256));
    match known.common.suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => AES_128.as_ref(),
        CipherSuite::TLS13_AES_256_GCM_SHA384 => AES_256.as_ref(),
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => CHACHA20.as_ref(),
        _ => None,
    }
}

fn of(suite: SupportedCipherSuite, schedule: &'static Schedule) -> Option<Tls13CipherSuite> {
    let SupportedCipherSuite::Tls13(suite) = suite else { return None };
    let CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit } = suite.common;
    let common = CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit };
    Some(Tls13CipherSuite { common, hkdf_provider: schedule, aead_alg: suite.aead_alg, quic: suite.quic })
}
