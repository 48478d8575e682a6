//! The values that a configuration is written in: each reads itself from text and prints itself back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gatepost::auth::settings::WsseDialect;
use gatepost::http1::fields;
use gatepost::http1::host::Authority;
use gatepost::http1::target;
use gatepost::kerberos::service::Service;
use gatepost::model::url::Url;
use http::HeaderName;
use serde::Deserialize;

use crate::config::suggest;

/// Makes a type that reads itself with `FromStr` readable from a TOML string.
macro_rules! from_toml_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    )+};
}
pub(crate) use from_toml_text;

from_toml_text!(Period, Field, Upstream, Prefix, Host, Dialect, ServiceName);

/// A length of time: `250ms`, `30s`, `5m`, `1h`, `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Deserialize)]
#[serde(try_from = "String")]
pub struct Period(pub Duration);

/// The units of a [`Period`], the longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a time such as `30s`, `5m` or `250ms`, found `{text}`");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let millis = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*millis)).ok_or_else(wrong)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, size) =
            UNITS.into_iter().find(|(_, size)| millis % size == 0 && millis >= *size).unwrap_or(("s", 1000));
        write!(f, "{}{unit}", millis / size)
    }
}

/// The name of a header field.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Field(String);

impl Field {
    /// The name as the wire compares it.
    ///
    /// # Panics
    /// Never: the constructor read it as one.
    #[must_use]
    pub fn name(&self) -> HeaderName {
        HeaderName::from_bytes(self.0.as_bytes()).unwrap_or(HeaderName::from_static("x-gatepost-user"))
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected the name of a header field such as `X-Gatepost-User`, found `{text}`");
        // Only letters, digits and hyphens: any other spelling may be folded into another name behind us.
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain || HeaderName::from_bytes(text.as_bytes()).is_err() {
            return Err(wrong());
        }
        // A user's name in one of these would frame, route or authenticate the request anew.
        if fields::has_its_own_meaning(text) {
            return Err(format!("`{text}` means something else to the upstream; hint: try `X-Gatepost-User`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An upstream: `http://host:port` or `https://host:port`, no path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Upstream(pub Url);

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("{error}; hint: write the service like `http://127.0.0.1:3000`"))?;
        if url.is_websocket() {
            return Err(
                "expected `http://…` or `https://…`; hint: WebSockets are forwarded to the same upstream by themselves"
                    .into(),
            );
        }
        // The path that was decided on is the path that is forwarded, so an upstream cannot change it.
        if url.request_target() != "/" {
            return Err(format!(
                "an upstream has no path, found `{}`; hint: the request's own path is forwarded as it is",
                url.path()
            ));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.origin())
    }
}

/// The path prefix of a route, without a trailing slash unless it is `/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefix(pub String);

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("expected a path such as `/api`, found `{text}`; hint: a path starts with `/`"));
        }
        target::check_path(text).map_err(|fault| format!("the path `{text}` can never be asked for: {fault}"))?;
        if text.contains(['?', ';']) {
            return Err(format!("the path `{text}` has a `?` or `;`; hint: routes go by the plain path"));
        }
        let trimmed = text.trim_end_matches('/');
        Ok(Self(if trimmed.is_empty() { "/".into() } else { trimmed.into() }))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The host of a route, in lower case and without a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Host(pub String);

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("expected a host name such as `example.com`, found `{text}`; hint: without scheme, port and path")
        };
        let authority = Authority::parse(text).map_err(|_| wrong())?;
        if authority.port().is_some() {
            return Err(wrong());
        }
        Ok(Self(authority.host().to_owned()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A WSSE dialect by its name in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Dialect(pub WsseDialect);

/// The dialects and their names.
const DIALECTS: [(&str, WsseDialect); 5] = [
    ("decoded", WsseDialect::Decoded),
    ("literal", WsseDialect::Literal),
    ("hex-sha1", WsseDialect::HexSha1),
    ("sha256", WsseDialect::Sha256),
    ("hex-sha256", WsseDialect::HexSha256),
];

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = DIALECTS.into_iter().find(|(name, _)| *name == text);
        let unknown =
            || format!("unknown dialect `{text}`; hint: {}", suggest::hint(text, DIALECTS.map(|(name, _)| name)));
        known.map(|(_, dialect)| Self(dialect)).ok_or_else(unknown)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = DIALECTS.into_iter().find(|(_, dialect)| *dialect == self.0);
        f.write_str(named.map_or("decoded", |(name, _)| name))
    }
}

/// Several values of a kind: a TOML array, or text with commas between.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr<Err: fmt::Display>> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().map_err(|error: T::Err| error.to_string())).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: fmt::Display> fmt::Display for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(T::to_string).collect();
        write!(f, "[{}]", parts.join(", "))
    }
}

/// A service of Kerberos: `HTTP` or `HTTP/www.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceName(pub Service);

impl FromStr for ServiceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("expected a service such as `HTTP/www.example.com`, found `{text}`");
        text.parse().map(Self).map_err(wrong)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_round_trip() {
        for text in ["250ms", "30s", "5m", "1h", "2d", "0s", "90s"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in ["", "s", "30", "30 s", "1w", "-1s", "99999999999999999999s"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn upstreams_have_no_path() {
        assert_eq!("http://127.0.0.1:3000".parse::<Upstream>().unwrap().to_string(), "http://127.0.0.1:3000");
        for text in ["ws://h/", "http://h/app", "http://h/?q", "127.0.0.1:3000", "ftp://h", "http://u:p@h"] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_prefixes_and_fields() {
        assert_eq!("Example.COM".parse(), Ok(Host("example.com".into())));
        assert!("example.com:443".parse::<Host>().is_err());
        assert!("example.com/a".parse::<Host>().is_err());
        assert_eq!("/api/".parse(), Ok(Prefix("/api".into())));
        assert_eq!("/".parse(), Ok(Prefix("/".into())));
        assert!("/a/../b".parse::<Prefix>().is_err());
        assert!("X_User".parse::<Field>().is_err());
        assert!("X User".parse::<Field>().is_err());
        assert_eq!("X-User".parse::<Field>().unwrap().name(), "x-user");
    }
}
