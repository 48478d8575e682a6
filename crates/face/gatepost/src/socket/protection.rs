//! How well a connection is protected at least.

use std::fmt;
use std::str::FromStr;

use gatepost_tls::version::TlsVersion;

use crate::error::Error;

/// How well a connection is protected at least. A server that cannot is refused; there is no going on with less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Protection {
    /// Not at all: everybody on the way can read and change what passes.
    Plain,
    /// By TLS 1.2 or newer.
    #[default]
    Tls12,
    /// By TLS 1.3 or newer.
    Tls13,
}

impl Protection {
    /// The oldest version of TLS that will do; `None` if it need not be TLS.
    #[must_use]
    pub const fn oldest(self) -> Option<TlsVersion> {
        match self {
            Self::Plain => None,
            Self::Tls12 => Some(TlsVersion::V1_2),
            Self::Tls13 => Some(TlsVersion::V1_3),
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Tls12 => "tls1.2",
            Self::Tls13 => "tls1.3",
        })
    }
}

impl FromStr for Protection {
    type Err = Error;

    /// Reads `plain`, `tls1.2`, `tls1.3`, and the names of Windows' `SocketProtectionLevel`, of which those below
    /// TLS 1.2 are refused with the reason.
    fn from_str(text: &str) -> Result<Self, Error> {
        let gone = |why: &str| Err(Error::usage(format!("`{text}` is not to be had: {why}")));
        match text.to_ascii_lowercase().as_str() {
            "plain" | "plainsocket" => Ok(Self::Plain),
            "tls1.2" | "tls12" => Ok(Self::Tls12),
            "tls1.3" | "tls13" => Ok(Self::Tls13),
            "tls10" | "tls1.0" | "tls11" | "tls1.1" => gone("TLS 1.0 and 1.1 are over (RFC 8996)"),
            "ssl" | "ssl3allowweakencryption" => gone("SSL 3 is broken (RFC 7568), and so is RC4 (RFC 7465)"),
            "sslallownullencryption" => gone("encryption that does not encrypt protects nothing"),
            "bluetoothencryptionallownullauthentication" | "bluetoothencryptionwithauthentication" => {
                gone("it is Bluetooth's own")
            }
            _ => Err(Error::usage(format!("there is no protection `{text}`: write plain, tls1.2 or tls1.3"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_weak_is_refused_by_its_name() {
        for protection in [Protection::Plain, Protection::Tls12, Protection::Tls13] {
            assert_eq!(protection.to_string().parse::<Protection>().unwrap(), protection);
        }
        assert_eq!("PlainSocket".parse::<Protection>().unwrap(), Protection::Plain);
        assert_eq!("Tls12".parse::<Protection>().unwrap(), Protection::Tls12);
        for (name, why) in [("Ssl", "RFC 7568"), ("SslAllowNullEncryption", "protects nothing"), ("Tls11", "RFC 8996")]
        {
            let told = name.parse::<Protection>().unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
