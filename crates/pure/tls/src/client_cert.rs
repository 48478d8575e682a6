//! A client's certificate as header fields tell it (RFC 9440).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The most that the value of a field may have, in octets: those who read it have bounds, too.
const LONGEST: usize = 16 * 1024;

/// The values of `Client-Cert` and `Client-Cert-Chain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCert {
    /// The client's own certificate. `None` if it is too long to be told.
    pub leaf: Option<String>,
    /// Those that stand behind it, without the root. Empty if there is none; `None` if they are too long.
    pub chain: Option<String>,
}

impl ClientCert {
    /// The values for a path from the client's own certificate to the root.
    pub(crate) fn of(path: &[Vec<u8>]) -> Self {
        // RFC 9440 §2.3: the client's own is not part of the chain, and the root need not be.
        let between = path.get(1..path.len().saturating_sub(1)).unwrap_or_default();
        let leaf = path.first().map(|der| item(der)).filter(|value| value.len() <= LONGEST);
        let chain: Vec<String> = between.iter().map(|der| item(der)).collect();
        Self { leaf, chain: Some(chain.join(", ")).filter(|value| value.len() <= LONGEST) }
    }
}

/// A byte sequence (RFC 9651 §3.3.5).
fn item(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_byte_sequences_of_the_der() {
        let path = |lengths: &[usize]| lengths.iter().map(|length| vec![0xff; *length]).collect::<Vec<_>>();
        let of = |lengths: &[usize]| {
            let ClientCert { leaf, chain } = ClientCert::of(&path(lengths));
            (leaf, chain)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(&[3]), (some(":////:"), some("")));
        assert_eq!(of(&[3, 1]), (some(":////:"), some("")));
        assert_eq!(of(&[3, 1, 2, 9]), (some(":////:"), some(":/w==:, ://8=:")));
        assert_eq!(of(&[20_000, 20_000, 1]), (None, None));
        assert_eq!(of(&[]), (None, some("")));
    }
}
