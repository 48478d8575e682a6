//! A directory of certificates, a file for each host, as it was when it was read last.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::server_certificate::ServerCertificate;

/// What its files hold, by the host that they are for.
#[derive(Debug, Default, Clone)]
pub struct Directory {
    hosts: HashMap<String, Arc<ServerCertificate>>,
    /// Hosts with a file that cannot be shown.
    unfit: HashSet<String>,
    /// Whether it was never read.
    is_unknown: bool,
}

impl Directory {
    /// Takes certificates by host: a name, or `*.domain`.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = (String, Arc<ServerCertificate>)>) -> Self {
        Self { hosts: hosts.into_iter().collect(), ..Self::default() }
    }

    /// One that could not be read yet: there may be a file in it for any name.
    #[must_use]
    pub fn unknown() -> Self {
        Self { is_unknown: true, ..Self::default() }
    }

    /// The same, with hosts that have a file that cannot be shown.
    #[must_use]
    pub fn with_unfit(self, hosts: impl IntoIterator<Item = String>) -> Self {
        Self { unfit: hosts.into_iter().collect(), ..self }
    }

    /// The host that a file is for: `www.example.com.pem` is for `www.example.com`, and `_.example.com.pem` for
    /// `*.example.com`. `None` for what is no such file.
    #[must_use]
    pub fn host_of(file: &str) -> Option<String> {
        let stem = file.strip_suffix(".pem").filter(|stem| !stem.starts_with('.') && !stem.is_empty())?;
        let host = stem.strip_prefix("_.").map_or_else(|| stem.to_owned(), |domain| format!("*.{domain}"));
        if host == "_" {
            return None;
        }
        let name = host.strip_prefix("*.").unwrap_or(&host);
        rustls::pki_types::DnsName::try_from(name).is_ok().then(|| host.to_ascii_lowercase())
    }

    /// The certificate for a name in lower case: of its own file, else of its wildcard's.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<ServerCertificate>> {
        self.hosts.get(name).or_else(|| self.hosts.get(&wildcard(name)))
    }

    /// Whether there is no file for a name in lower case, fit or not.
    #[must_use]
    pub fn has_nothing_for(&self, name: &str) -> bool {
        let is_known = |host: &str| self.hosts.contains_key(host) || self.unfit.contains(host);
        !(self.is_unknown || is_known(name) || is_known(&wildcard(name)))
    }

    /// Its hosts, sorted.
    #[must_use]
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = self.hosts.keys().map(String::as_str).collect();
        hosts.sort_unstable();
        hosts
    }
}

/// The wildcard that stands for a name.
fn wildcard(name: &str) -> String {
    format!("*.{}", name.split_once('.').map_or("", |(_, parent)| parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_for_a_host() {
        let table = [
            ("www.Example.com.pem", Some("www.example.com")),
            ("_.example.com.pem", Some("*.example.com")),
            ("localhost.pem", Some("localhost")),
            ("www.example.com.pem.part", None),
            (".www.example.com.pem", None),
            (".pem", None),
            ("_.pem", None),
            ("a b.pem", None),
            ("www.example.com.key", None),
        ];
        for (file, host) in table {
            assert_eq!(Directory::host_of(file).as_deref(), host, "{file}");
        }
    }
}
