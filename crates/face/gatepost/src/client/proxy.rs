//! The proxy on a client's way out, and who the client is to it: CONNECT and its challenges (407), or SOCKS5.

use std::sync::Arc;

use gatepost_auth::choose::{Order, Preference};
use gatepost_auth::exchange::{Exchange, Leg, Next};
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::scheme::{Scheme, Strength};
use gatepost_auth::schemes;
use gatepost_auth::settings::Settings;
use gatepost_kerberos::kerberos::Kerberos;
use gatepost_model::channel::Channel;
use gatepost_model::credential::{Credential, Means};
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::scope::Scope;
use gatepost_model::url::{Origin, Url};
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;
use gatepost_net::proxy::{Again, Asked, Way};
use gatepost_net::socks::Login;
use gatepost_policy::credentials::{Ask, CredentialRules};
use gatepost_policy::hosts::{HostRule, any_names};
use http::{HeaderMap, Method, StatusCode};

use crate::client::contexts::Contexts;
use crate::client::counts::Counts;
use crate::client::detour::{Detour, Opening};
use crate::client::payload::Payload;
use crate::clock;
use crate::error::Error;
use crate::events::Events;
use crate::needs::World;

/// Proofs that a proxy may ask for on the way to one connection.
const LEGS: usize = 4;

/// The usual port of a SOCKS proxy (RFC 1928 §3).
const SOCKS_PORT: u16 = 1080;

/// What a SOCKS proxy is told is the secret itself (RFC 1929), as by Basic.
const LIKE_BASIC: &str = "Basic";

/// A proxy through which all connections go: an HTTP one by CONNECT (RFC 9110 §9.3.6), or a SOCKS5 one (RFC 1928).
///
/// Nothing goes directly at the same time: a race would tell the way outside the proxy where we are going.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Where it is; of a SOCKS proxy, in the words of `http`, which is as little protected.
    url: Url,
    is_socks: bool,
    credential: Option<Credential>,
    except: Vec<HostRule>,
    over_plain: bool,
}

impl Proxy {
    /// The proxy at `url`: `http://host:port`, `https://` for one that is spoken to over TLS, or `socks5://`
    /// (`socks5h://` is the same). Names are always looked up by the proxy.
    ///
    /// # Errors
    /// If it is no such URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        let socks = ["socks5://", "socks5h://"].into_iter().find_map(|scheme| strip_scheme(url, scheme));
        let (url, is_socks) = match socks {
            Some(place) => (socks_url(place)?, true),
            None => (Url::parse(url)?, false),
        };
        if url.is_websocket() {
            let detail = format!("`{}` is no proxy: one is http://, https:// or socks5://", url.scheme());
            return Err(Error::usage(detail));
        }
        Ok(Self { url, is_socks, credential: None, except: Vec::new(), over_plain: false })
    }

    /// Who we are to the proxy, if it asks. It goes to the proxy alone, whatever its scope says.
    #[must_use]
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(Credential { scope: Some(Scope::of(self.url.origin())), ..credential });
        self
    }

    /// Hosts that are reached directly. Default none.
    #[must_use]
    pub fn except(mut self, hosts: Vec<HostRule>) -> Self {
        self.except = hosts;
        self
    }

    /// Says who we are to a proxy that is spoken to in the clear, too: everyone on the way to it can read along.
    #[must_use]
    pub fn danger_over_plain(mut self) -> Self {
        self.over_plain = true;
        self
    }
}

/// A proxy with what it takes to answer it.
#[derive(Debug)]
pub(crate) struct Proxied {
    proxy: Proxy,
    rules: CredentialRules,
    schemes: Vec<&'static dyn Scheme>,
    settings: Settings,
    kerberos: Kerberos,
    events: Events,
    counts: Counts,
}

impl Detour for Proxied {
    fn leads_to(&self, origin: &Origin) -> bool {
        !any_names(&self.proxy.except, origin)
    }

    fn open<'a>(&'a self, dialer: &'a Dialer, origin: &'a Origin) -> Opening<'a> {
        match self.proxy.is_socks {
            true => Box::pin(self.socks_way(dialer, origin)),
            false => Box::pin(self.way(dialer, origin)),
        }
    }
}

/// The URL without its scheme, if that is it.
fn strip_scheme<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = url.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Where a SOCKS proxy is.
fn socks_url(place: &str) -> Result<Url, Error> {
    let place = place.strip_suffix('/').unwrap_or(place);
    // A URL that names a user is refused as such, before anybody looks for a port in it.
    let url = Url::parse(&format!("http://{place}"))?;
    if place.contains(['/', '?', '#']) {
        return Err(Error::usage("a SOCKS proxy has no path: write it like socks5://HOST:PORT"));
    }
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    Ok(if has_port { url } else { Url::parse(&format!("http://{place}:{SOCKS_PORT}"))? })
}

impl Proxied {
    pub(crate) fn new(
        proxy: Proxy,
        schemes: Vec<&'static dyn Scheme>,
        settings: Settings,
        kerberos: Kerberos,
        events: Events,
    ) -> Arc<Self> {
        let rules = match proxy.over_plain {
            true => CredentialRules::danger_over_plain(),
            false => CredentialRules::default(),
        };
        let counts = Counts::default();
        Arc::new(Self { proxy, rules, schemes, settings, kerberos, events, counts })
    }

    /// A way to `origin`. The proofs go over one connection for as long as the proxy keeps it, and all legs of one do.
    async fn way(&self, dialer: &Dialer, origin: &Origin) -> Result<Way, NetError> {
        let allowed = self.schemes.iter().map(|scheme| scheme.name().to_owned()).collect();
        let credential = self.proxy.credential.as_ref().and_then(|credential| credential.scheme.clone());
        let preference = Preference { allowed: Some(allowed), order: Order::Strongest, credential };
        let mut exchange = Exchange::new(Party::Proxy, preference);
        let (mut answers, mut proof) = (Answers::default(), HeaderMap::new());
        let mut contexts = Contexts::new(self.kerberos.clone());
        let refused = |detail: String| NetError::Proxy { origin: origin.authority(), detail };
        let mut kept = None;
        for _ in 0..LEGS {
            let binds = exchange.proved_by().and_then(schemes::by_name).is_some_and(|scheme| scheme.binds_connection());
            let answer = self.ask(dialer, kept.take(), origin, &proof, binds).await?;
            let (status, headers) = match answer {
                Asked::Granted(way) => return Ok(way),
                Asked::Refused { status, headers, again } => {
                    kept = again;
                    (status, headers)
                }
            };
            let under_way = exchange.is_under_way();
            if status != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                return Err(refused(format!("it answered {status}")));
            }
            exchange.receive(status, &headers, &mut answers);
            let schemes = exchange.offered().to_vec();
            self.events.emit(&Event::Challenged { url: self.proxy.url.clone(), schemes });
            let next = self.step(&mut exchange, &mut contexts, &mut answers, origin).await;
            let next = next.map_err(|error| refused(error.to_string()))?;
            if under_way && kept.is_none() {
                return Err(refused("it closed the connection in the middle of a proof".to_owned()));
            }
            proof = next.map_err(|reason| refused(format!("it wants to know who asks (407), and {reason}")))?;
        }
        Err(refused("it asks for one proof after the other".to_owned()))
    }

    /// Asks on the connection on which it has refused, if there is one, or on a new one.
    async fn ask(
        &self,
        dialer: &Dialer,
        again: Option<Again>,
        origin: &Origin,
        proof: &HeaderMap,
        binds: bool,
    ) -> Result<Asked, NetError> {
        if let Some(again) = again {
            match dialer.ask_proxy_again(again, origin, proof).await {
                // It has closed the connection behind its refusal without saying so: only legs cannot go on elsewhere.
                Err(NetError::ClosedEarly { .. }) if !binds => {}
                answered => return answered,
            }
        }
        dialer.ask_proxy(&self.proxy.url.origin(), origin, proof).await
    }

    /// A way to `origin` through a SOCKS proxy. Who we are is offered only where the policy lets it go in the clear.
    async fn socks_way(&self, dialer: &Dialer, origin: &Origin) -> Result<Way, NetError> {
        let credential = self.credential_for(LIKE_BASIC);
        let login = credential.map(|known| Login { user: known.user.clone(), password: known.secret.clone() });
        let is_kept_back = self.proxy.credential.is_some() && login.is_none();
        let way = dialer.ask_socks(&self.proxy.url.origin(), origin, login.as_ref()).await;
        way.map_err(|error| match error {
            NetError::Proxy { origin, detail } if is_kept_back => {
                NetError::Proxy { origin, detail: format!("{detail}: the password would go in the clear") }
            }
            other => other,
        })
    }

    /// The fields of the next proof, or why there is none.
    async fn step(
        &self,
        exchange: &mut Exchange,
        contexts: &mut Contexts,
        answers: &mut Answers,
        origin: &Origin,
    ) -> Result<Result<HeaderMap, String>, Error> {
        let (now, entropy) = (clock::now(), clock::entropy()?);
        let (method, headers) = (Method::CONNECT, HeaderMap::new());
        // A tunnel's target is where it leads (RFC 9112 §3.2.3).
        let target = format!("{}:{}", origin.host(), origin.port());
        let (url, party) = (&self.proxy.url, Party::Proxy);
        let request = RequestHead { method: &method, url, target: &target, headers: &headers, party };
        let mut payload = Payload::Empty;
        loop {
            let leg = Leg { request, settings: &self.settings, now, entropy: &entropy };
            match exchange.step(&leg, answers)? {
                Next::Need { need: Need::Channel, .. } => {
                    let tls = self.proxy.url.is_secure();
                    answers.channel = Some(Arc::new(Channel { tls, ..Channel::default() }));
                }
                Next::Need { scheme, need } => {
                    let credential = self.credential_for(scheme);
                    let (counts, payload) = (&self.counts, &mut payload);
                    World::Client { credential, contexts, counts, payload }.meet(need, answers, now).await?;
                }
                Next::Send { fields, .. } => return Ok(Ok(fields.into_iter().collect())),
                Next::GiveUp { reason } => return Ok(Err(reason)),
                Next::Done { note } => return Ok(Err(note.unwrap_or_else(|| "there is nothing to say".to_owned()))),
                _ => return Ok(Err("there is nothing to say".to_owned())),
            }
        }
    }

    /// The credential for this scheme, if the policy lets it go to the proxy.
    fn credential_for(&self, scheme: &str) -> Option<&Credential> {
        let credential = self.proxy.credential.as_ref().filter(|credential| credential.serves(scheme))?;
        let decision = self.rules.evaluate(&Ask {
            challenged: &self.proxy.url,
            requested: &self.proxy.url,
            scheme,
            clear: schemes::by_name(scheme).is_none_or(|scheme| scheme.strength() == Strength::Clear),
            scope: credential.scope.as_ref(),
            party: Party::Proxy,
            redirected: false,
            ambient: credential.means == Means::Ambient,
        });
        let allowed = decision.allowed;
        self.events.emit(&decision.into_event("proxy credential"));
        allowed.then_some(credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_proxies_are() {
        let table = [
            ("http://p.test:3128", Some(("http://p.test:3128", false))),
            ("https://p.test", Some(("https://p.test", false))),
            ("socks5://p.test", Some(("http://p.test:1080", true))),
            ("SOCKS5H://p.test:9050/", Some(("http://p.test:9050", true))),
            ("socks5://p.test:80", Some(("http://p.test", true))),
            ("socks5://[::1]", Some(("http://[::1]:1080", true))),
            ("socks5://p.test/x", None),
            ("socks5://ali:pw@p.test", None),
            ("socks5://", None),
            ("socks4://p.test", None),
            ("wss://p.test", None),
        ];
        for (text, expected) in table {
            let proxy = Proxy::new(text).ok().map(|proxy| (proxy.url.origin().to_string(), proxy.is_socks));
            assert_eq!(proxy, expected.map(|(origin, is_socks)| (origin.to_owned(), is_socks)), "{text}");
        }
        let told = Proxy::new("socks5://ali:hunter2@p.test").unwrap_err().to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }
}
