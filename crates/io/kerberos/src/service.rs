//! The name of a service, as people write it and as the library takes it.

use std::fmt;
use std::str::FromStr;

use crate::abi::{HOST_BASED_SERVICE, PRINCIPAL_NAME};
use crate::error::KerberosError;

/// The longest name, in octets.
const LONGEST: usize = 512;

/// A service on a host: `HTTP/www.example.com`, with `@REALM` behind it where the realm is not to be found out.
///
/// For an acceptor the host may be left out, `HTTP`: every key of that service in the keytab is taken then.
///
/// ```
/// use gatepost_kerberos::service::Service;
///
/// let service: Service = "HTTP/www.example.com".parse()?;
/// assert_eq!(Service::on("HTTP", "www.example.com")?, service);
/// assert_eq!(service.to_string(), "HTTP/www.example.com");
/// # Ok::<(), gatepost_kerberos::error::KerberosError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    service: String,
    host: Option<String>,
    realm: Option<String>,
}

impl Service {
    /// This service on this host, in the realm that the machine's configuration or the KDC knows for it.
    ///
    /// # Errors
    /// [`KerberosError::Name`] if it is none.
    pub fn on(service: &str, host: &str) -> Result<Self, KerberosError> {
        let name = Self { service: service.to_owned(), host: Some(host.to_owned()), realm: None };
        if name.is_valid() { Ok(name) } else { Err(KerberosError::Name(name.to_string())) }
    }

    /// Its text and kind for the library.
    pub(crate) fn import(&self) -> (String, &'static [u8]) {
        match self {
            // A principal's name as it is: nobody looks for the realm.
            Self { realm: Some(_), .. } => (self.to_string(), PRINCIPAL_NAME),
            Self { service, host: Some(host), .. } => (format!("{service}@{host}"), HOST_BASED_SERVICE),
            Self { service, host: None, .. } => (service.clone(), HOST_BASED_SERVICE),
        }
    }

    fn is_valid(&self) -> bool {
        let plain = |text: &str| {
            let allowed = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b'/' | b'@' | b'\\');
            !text.is_empty() && text.len() <= LONGEST && text.bytes().all(allowed)
        };
        let whole = self.realm.is_none() || self.host.is_some();
        whole && plain(&self.service) && [&self.host, &self.realm].into_iter().flatten().all(|part| plain(part))
    }
}

impl FromStr for Service {
    type Err = KerberosError;

    /// Reads `HTTP`, `HTTP/host`, `HTTP@host` or `HTTP/host@REALM`.
    fn from_str(text: &str) -> Result<Self, KerberosError> {
        let (service, rest) = match text.split_once(['/', '@']) {
            Some((service, rest)) => (service, Some(rest)),
            None => (text, None),
        };
        let (host, realm) = match rest.map(|rest| rest.split_once('@')) {
            Some(Some((host, realm))) => (Some(host), Some(realm)),
            Some(None) => (rest, None),
            None => (None, None),
        };
        let name = Self { service: service.to_owned(), host: host.map(str::to_owned), realm: realm.map(str::to_owned) };
        if name.is_valid() { Ok(name) } else { Err(KerberosError::Name(text.to_owned())) }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.service)?;
        self.host.iter().try_for_each(|host| write!(f, "/{host}"))?;
        self.realm.iter().try_for_each(|realm| write!(f, "@{realm}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_and_handed_on() {
        let table = [
            ("HTTP", Some(("HTTP", HOST_BASED_SERVICE, "HTTP"))),
            ("HTTP/a.example", Some(("HTTP@a.example", HOST_BASED_SERVICE, "HTTP/a.example"))),
            ("HTTP@a.example", Some(("HTTP@a.example", HOST_BASED_SERVICE, "HTTP/a.example"))),
            (
                "HTTP/a.example@R.EXAMPLE",
                Some(("HTTP/a.example@R.EXAMPLE", PRINCIPAL_NAME, "HTTP/a.example@R.EXAMPLE")),
            ),
            ("", None),
            ("/a", None),
            ("HTTP/", None),
            ("HTTP/a@", None),
            ("HTTP/a/b", None),
            ("HTTP/a@R@S", None),
            ("HTTP/a b", None),
            ("HTTP/a\\@b", None),
            ("HTTP/a\0", None),
        ];
        for (text, expected) in table {
            let read = text.parse::<Service>();
            let seen = read.as_ref().ok().map(|service| (service.import(), service.to_string()));
            let expected = expected.map(|(name, kind, text)| ((name.to_owned(), kind), text.to_owned()));
            assert_eq!(seen, expected, "{text:?}");
        }
        assert_eq!(Service::on("HTTP", "a/b"), Err(KerberosError::Name("HTTP/a/b".to_owned())));
    }
}
