//! A host and a port, as people write them: `mail.test:smtp`, `[::1]:25`.

use std::path::Path;

use gatepost_model::url::{Origin, Url};

use crate::error::NetError;

/// Where systems keep the names of ports.
const SERVICES: &str = "/etc/services";

/// The longest such list that is read, in octets.
const MAX_SERVICES: u64 = 4 * 1024 * 1024;

/// Names that are known also where there is no list.
const KNOWN: [(&str, u16); 18] = [
    ("ftp", 21),
    ("smtp", 25),
    ("http", 80),
    ("pop3", 110),
    ("imap", 143),
    ("ldap", 389),
    ("https", 443),
    ("submissions", 465),
    ("submission", 587),
    ("ldaps", 636),
    ("ftps", 990),
    ("imaps", 993),
    ("pop3s", 995),
    ("mysql", 3306),
    ("xmpp-client", 5222),
    ("xmpps-client", 5223),
    ("postgresql", 5432),
    ("postgres", 5432),
];

/// Reads `host:port`, where the port may have its name (`/etc/services`); without one, `usual` is the port. The address
/// is that of TLS with that host.
///
/// # Errors
/// [`NetError::Endpoint`] if it is none.
pub fn parse(text: &str, usual: Option<u16>) -> Result<Origin, NetError> {
    let wrong = |detail: &str| NetError::Endpoint { text: text.to_owned(), detail: detail.to_owned() };
    let is_bare_address = text.parse::<std::net::Ipv6Addr>().is_ok();
    let (host, service) = match text.rsplit_once(':') {
        _ if is_bare_address => (format!("[{text}]"), None),
        Some((host, service)) if !service.contains(']') => (host.to_owned(), Some(service)),
        _ => (text.to_owned(), None),
    };
    let port = match service {
        Some(service) => port(service).ok_or_else(|| wrong("no port has that name"))?,
        None => usual.ok_or_else(|| wrong("it has no port"))?,
    };
    if port == 0 {
        return Err(wrong("port 0 is nowhere"));
    }
    // The URL's parser has one spelling for each host, and takes no user and no path for one.
    let url = Url::parse(&format!("https://{host}:{port}")).map_err(|_| wrong("it is no host"))?;
    if host.is_empty() || host.contains(['/', '\\', '?', '#', '@']) || url.path() != "/" {
        return Err(wrong("it is no host"));
    }
    Ok(url.origin())
}

/// The port of that number or name.
fn port(service: &str) -> Option<u16> {
    if service.bytes().all(|octet| octet.is_ascii_digit()) {
        return service.parse().ok();
    }
    let listed = list().and_then(|list| listed(&list, service));
    listed.or_else(|| KNOWN.iter().find(|(name, _)| *name == service).map(|(_, port)| *port))
}

fn list() -> Option<String> {
    let path = Path::new(SERVICES);
    let fits = std::fs::metadata(path).is_ok_and(|about| about.len() <= MAX_SERVICES);
    fits.then(|| std::fs::read_to_string(path).ok()).flatten()
}

/// The port of TCP that has the name in a list: `name port/tcp alias… # comment`.
fn listed(list: &str, service: &str) -> Option<u16> {
    list.lines().find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let (name, place) = (words.next()?, words.next()?);
        let port = place.strip_suffix("/tcp")?;
        (name == service || words.any(|alias| alias == service)).then(|| port.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        let table = [
            ("Mail.Test:25", None, Some(("mail.test", 25))),
            ("mail.test:smtp", None, Some(("mail.test", 25))),
            ("mail.test", Some(143), Some(("mail.test", 143))),
            ("mail.test:80", None, Some(("mail.test", 80))),
            ("[::1]:443", None, Some(("[::1]", 443))),
            ("[::1]", Some(25), Some(("[::1]", 25))),
            ("::1", Some(25), Some(("[::1]", 25))),
            ("127.0.0.1:5432", None, Some(("127.0.0.1", 5432))),
            ("mail.test", None, None),
            ("mail.test:", None, None),
            ("mail.test:0", None, None),
            ("mail.test:65536", None, None),
            ("mail.test:no-such-service", None, None),
            (":25", None, None),
            ("", Some(25), None),
            ("u@mail.test:25", None, None),
            ("u:p@mail.test:25", None, None),
            ("mail.test/x:25", None, None),
            ("a b:25", None, None),
            ("https://mail.test:25", None, None),
        ];
        for (text, usual, expected) in table {
            let parsed = parse(text, usual).ok();
            let expected = expected.map(|(host, port)| Origin::new(true, host, port));
            assert_eq!(parsed, expected, "{text}");
        }
    }

    #[test]
    fn a_list_of_services() {
        let list = "# ports\nsmtp\t25/tcp mail # mail\nsyslog 514/udp\nshell 514/tcp cmd syslog\n";
        for (name, port) in [("smtp", Some(25)), ("mail", Some(25)), ("syslog", Some(514)), ("#", None), ("x", None)] {
            assert_eq!(listed(list, name), port, "{name}");
        }
    }
}
