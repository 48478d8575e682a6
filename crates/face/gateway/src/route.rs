//! Which route a request takes: the exact host beats none, then the longest path prefix by segment.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::config::routes::Route;

/// The routes of a configuration, compiled for look-up.
///
/// A look-up costs one hash of the host and one comparison for each prefix of the path; it does not
/// grow with the number of routes of other hosts.
#[derive(Debug, Clone, Default)]
pub struct Table {
    hosts: HashMap<String, Vec<usize>>,
    hostless: Vec<usize>,
    routes: Vec<Route>,
}

impl Table {
    /// Compiles routes, no two of which claim the same host and prefix.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let mut table = Self { hosts: HashMap::new(), hostless: Vec::new(), routes };
        let mut order: Vec<usize> = (0..table.routes.len()).collect();
        // The longest prefix first, so that the first that matches is the answer.
        let depth = |at: &usize| table.routes.get(*at).map(|route| segments(&route.prefix).count());
        order.sort_by_key(|at| std::cmp::Reverse(depth(at)));
        for at in order {
            match table.routes.get(at).and_then(|route| route.host.clone()) {
                Some(host) => table.hosts.entry(host).or_default().push(at),
                None => table.hostless.push(at),
            }
        }
        table
    }

    /// The route of a request: `host` as [`Authority::host`](gatepost::http1::host::Authority::host)
    /// gives it; `path` is without query.
    ///
    /// A route of that host wins over a route of any host, even one with a longer prefix, because
    /// who names the host means it.
    ///
    /// Gives its place among [`routes`](Self::routes).
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<usize> {
        let named = self.hosts.get(host).map(Vec::as_slice).unwrap_or_default();
        let mut candidates = named.iter().chain(&self.hostless).copied();
        candidates.find(|at| self.routes.get(*at).is_some_and(|route| covers(&route.prefix, path)))
    }

    /// All routes, as they were written.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

/// Whether `path` is `prefix` or lies below it, by whole segments.
///
/// Path parameters (`/admin;x=1`) are not looked at, because some servers take them away: such a
/// path must meet the guard of `/admin` and not that of `/`. Escapes are undone on both sides,
/// because most servers do so: `/a%3Ab` is `/a:b` to them.
fn covers(prefix: &str, path: &str) -> bool {
    let mut found = path.split('/').skip(1).map(plain);
    segments(prefix).all(|wanted| found.next() == Some(plain(wanted)))
}

fn segments(prefix: &str) -> impl Iterator<Item = &str> {
    prefix.split('/').filter(|segment| !segment.is_empty())
}

/// A segment without escapes and parameters.
fn plain(segment: &str) -> Cow<'_, [u8]> {
    let plain = if segment.contains('%') { Cow::Owned(unescaped(segment)) } else { Cow::Borrowed(segment.as_bytes()) };
    match plain.iter().position(|octet| *octet == b';') {
        None => plain,
        Some(end) => Cow::Owned(plain.iter().take(end).copied().collect()),
    }
}

fn unescaped(segment: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(segment.len());
    let mut parts = segment.split('%');
    octets.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        match part.split_at_checked(2).and_then(|(digits, rest)| Some((u8::from_str_radix(digits, 16).ok()?, rest))) {
            Some((octet, rest)) => {
                octets.push(octet);
                octets.extend_from_slice(rest.as_bytes());
            }
            // The check for ambiguity has refused such a path already.
            None => octets.extend_from_slice(part.as_bytes()),
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::clients::{Clients, Forwarded};
    use crate::config::proxies::Announcing;
    use crate::config::routes::{Guard, Target};
    use crate::config::source::Source;
    use crate::config::websocket::WebSocket;

    fn route(claim: &str) -> Route {
        let (host, prefix) = claim.split_at(claim.find('/').unwrap());
        Route {
            host: (!host.is_empty()).then(|| host.to_owned()),
            prefix: prefix.to_owned(),
            guard: Guard::Open,
            target: Target::Demo,
            credential: None,
            identity: http::HeaderName::from_static("x-gatepost-user"),
            websocket: WebSocket::Tunnel,
            clients: Clients::default(),
            forwarded: Forwarded::Off,
            announcing: Announcing::Off,
            source: Source::Default,
        }
    }

    fn found<'a>(table: &'a Table, host: &str, path: &str) -> Option<&'a Route> {
        table.find(host, path).and_then(|at| table.routes().get(at))
    }

    fn claim(route: &Route) -> String {
        format!("{}{}", route.host.as_deref().unwrap_or(""), route.prefix)
    }

    #[test]
    fn host_then_longest_prefix_by_segment() {
        let table = Table::new(["/", "/api", "/api/v1", "a.example/", "a.example/api", "[::1]/"].map(route).to_vec());
        let expected = [
            ("b.example", "/", "/"),
            ("b.example", "/api", "/api"),
            ("b.example", "/api/", "/api"),
            ("b.example", "/apiary", "/"),
            ("b.example", "/api/v1/x", "/api/v1"),
            ("b.example", "/api;v=2", "/api"),
            ("b.example", "/api;x/v1;y/z", "/api/v1"),
            ("a.example", "/x", "a.example/"),
            ("a.example", "/api/v1/x", "a.example/api"),
            ("[::1]", "/api", "[::1]/"),
        ];
        for (host, path, wanted) in expected {
            assert_eq!(found(&table, host, path).map(claim).as_deref(), Some(wanted), "{host}{path}");
        }
        let table = Table::new(["/", "/a:b", "/caf%C3%A9", "/caf%C3%A9/x"].map(route).to_vec());
        let expected = [
            ("/a%3Ab", "/a:b"),
            ("/a%3ab/c", "/a:b"),
            ("/a:b%3Bx", "/a:b"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/caf%c3%a9%3b/x", "/caf%C3%A9/x"),
            ("/a%253Ab", "/"),
        ];
        for (path, wanted) in expected {
            assert_eq!(found(&table, "h", path).map(claim).as_deref(), Some(wanted), "{path}");
        }
        assert!(Table::new(vec![route("/api")]).find("h", "/").is_none());
    }

    /// The definition, without any preparation: what the compiled table must agree with.
    fn naive<'a>(routes: &'a [Route], host: &str, path: &str) -> Option<&'a Route> {
        let segments = |text: &str| text.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let matches = |route: &&Route| {
            route.host.as_deref().is_none_or(|own| own == host) && segments(path).starts_with(&segments(&route.prefix))
        };
        routes.iter().filter(matches).max_by_key(|route| (route.host.is_some(), segments(&route.prefix).len()))
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_naive_matcher(
            claims in proptest::collection::btree_set("(|a|b)(/|(/[xy]{1,2}){1,3})", 0..8),
            host in "[abc]",
            path in "(/[xy]{1,2}){1,4}",
        ) {
            let routes: Vec<Route> = claims.iter().map(|text| route(text)).collect();
            let table = Table::new(routes.clone());
            proptest::prop_assert_eq!(found(&table, &host, &path), naive(&routes, &host, &path));
        }
    }
}
