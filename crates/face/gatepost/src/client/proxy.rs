//! The proxy on a client's way out, and who the client is to it: CONNECT, and its challenges (407).

use std::sync::Arc;

use gatepost_auth::choose::{Order, Preference};
use gatepost_auth::exchange::{Exchange, Leg, Next};
use gatepost_auth::need::Answers;
use gatepost_auth::scheme::{Scheme, Strength};
use gatepost_auth::settings::Settings;
use gatepost_model::credential::Credential;
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::scope::Scope;
use gatepost_model::url::{Origin, Url};
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;
use gatepost_net::proxy::{Asked, Way};
use gatepost_policy::credentials::{Ask, CredentialPolicy, CredentialRules};
use gatepost_policy::hosts::{HostRule, any_names};
use http::{HeaderMap, Method, StatusCode};

use crate::client::detour::{Detour, Opening};
use crate::client::prospect::Prospect;
use crate::clock;
use crate::error::Error;
use crate::events::Events;
use crate::needs::World;
use crate::registry::Registry;

/// Proofs that a proxy may ask for on the way to one connection.
const LEGS: usize = 4;

/// An HTTP proxy through which all connections go, by CONNECT (RFC 9110 §9.3.6).
#[derive(Debug, Clone)]
pub struct Proxy {
    url: Url,
    credential: Option<Credential>,
    except: Vec<HostRule>,
    over_plain: bool,
}

impl Proxy {
    /// The proxy at `url`: `http://host:port`, or `https://` for one that is spoken to over TLS.
    ///
    /// # Errors
    /// If it is no such URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        let url = Url::parse(url)?;
        if url.is_websocket() {
            return Err(Error::usage(format!("`{}` is no proxy: one is http:// or https://", url.scheme())));
        }
        Ok(Self { url, credential: None, except: Vec::new(), over_plain: false })
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
    spoken: Spoken,
    events: Events,
}

/// What may be spoken to a proxy.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) registry: Registry,
    pub(crate) schemes: Vec<&'static dyn Scheme>,
    pub(crate) settings: Settings,
}

impl Detour for Proxied {
    fn leads_to(&self, origin: &Origin) -> bool {
        self.leads_past(origin)
    }

    fn open<'a>(&'a self, dialer: &'a Dialer, origin: &'a Origin) -> Opening<'a> {
        Box::pin(self.way(dialer, origin))
    }
}

impl Proxied {
    pub(crate) fn new(
        proxy: Proxy,
        spoken: Spoken,
        policies: &[Arc<dyn CredentialPolicy>],
        events: Events,
    ) -> Arc<Self> {
        let rules = match proxy.over_plain {
            true => CredentialRules::danger_over_plain(),
            false => CredentialRules::default(),
        };
        let rules = policies.iter().fold(rules, |rules, policy| rules.with_shared(Arc::clone(policy)));
        Arc::new(Self { proxy, rules, spoken, events })
    }

    /// Whether the way to this origin goes through it.
    pub(crate) fn leads_past(&self, origin: &Origin) -> bool {
        !any_names(&self.proxy.except, origin)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &Url {
        &self.proxy.url
    }

    /// What would be said to it by each scheme, the strongest first.
    pub(crate) fn prospects(&self) -> Vec<Prospect> {
        let mut schemes = self.spoken.schemes.clone();
        schemes.sort_by_key(|scheme| std::cmp::Reverse(scheme.strength()));
        let prospect = |scheme: &'static dyn Scheme| {
            let credential = self.proxy.credential.as_ref().filter(|credential| credential.serves(scheme.name()));
            let rules = credential.map(|credential| self.rules.each(&self.question(credential, scheme.name())));
            Prospect {
                scheme: scheme.name(),
                strength: scheme.strength(),
                credential: credential.cloned(),
                rules: rules.unwrap_or_default(),
            }
        };
        schemes.into_iter().map(prospect).collect()
    }

    /// A way to `origin`. Each proof goes on a connection of its own.
    async fn way(&self, dialer: &Dialer, origin: &Origin) -> Result<Way, NetError> {
        let allowed = self.spoken.schemes.iter().map(|scheme| scheme.name().to_owned()).collect();
        let credential = self.proxy.credential.as_ref().and_then(|credential| credential.scheme.clone());
        let preference = Preference { allowed: Some(allowed), order: Order::Strongest, credential };
        let mut exchange = Exchange::with_registry(Party::Proxy, preference, self.spoken.registry.kept());
        let (mut answers, mut proof) = (Answers::default(), HeaderMap::new());
        let refused = |detail: String| NetError::Proxy { origin: origin.authority(), detail };
        for _ in 0..LEGS {
            let (status, headers) = match dialer.ask_proxy(&self.proxy.url.origin(), origin, &proof).await? {
                Asked::Granted(way) => return Ok(way),
                Asked::Refused { status, headers } => (status, headers),
            };
            if status != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                return Err(refused(format!("it answered {status}")));
            }
            exchange.receive(status, &headers, &mut answers);
            let schemes = exchange.offered().to_vec();
            self.events.emit(&Event::Challenged { url: self.proxy.url.clone(), schemes });
            let next = self.step(&mut exchange, &mut answers).await.map_err(|error| refused(error.to_string()))?;
            proof = next.map_err(|reason| refused(format!("it wants to know who asks (407), and {reason}")))?;
        }
        Err(refused("it asks for one proof after the other".to_owned()))
    }

    /// The fields of the next proof, or why there is none.
    async fn step(&self, exchange: &mut Exchange, answers: &mut Answers) -> Result<Result<HeaderMap, String>, Error> {
        let (now, entropy) = (clock::now(), clock::entropy()?);
        let (method, headers) = (Method::CONNECT, HeaderMap::new());
        let request = RequestHead { method: &method, url: &self.proxy.url, headers: &headers, party: Party::Proxy };
        loop {
            let leg = Leg { request, settings: &self.spoken.settings, now, entropy: &entropy };
            match exchange.step(&leg, answers)? {
                Next::Need { scheme, need } => {
                    let credential = self.credential_for(scheme);
                    World::Client(credential).meet(need, answers, now).await?;
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
        let decision = self.rules.evaluate(&self.question(credential, scheme));
        let allowed = decision.allowed;
        self.events.emit(&decision.into_event("proxy credential"));
        allowed.then_some(credential)
    }

    /// The question to the policy.
    fn question<'a>(&'a self, credential: &'a Credential, scheme: &'a str) -> Ask<'a> {
        let known = self.spoken.registry.by_name(scheme);
        Ask {
            challenged: &self.proxy.url,
            requested: &self.proxy.url,
            scheme,
            clear: known.is_none_or(|scheme| scheme.strength() == Strength::Clear),
            scope: credential.scope.as_ref(),
            party: Party::Proxy,
            redirected: false,
            ambient: false,
        }
    }
}
