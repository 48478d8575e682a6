//! May this credential be sent there? A list of policies, of which one no is enough.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use gatepost_model::head::Party;
use gatepost_model::scope::Scope;
use gatepost_model::url::Url;

use crate::decision::Decision;
use crate::hosts::{HostRule, any_names};

/// The question: a credential is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The address that asked for a proof: after a redirect the last hop, for a 407 the proxy.
    /// When pre-authenticating, the address that the request is about to go to.
    pub challenged: &'a Url,
    /// The address that the caller asked for, before any redirect.
    pub requested: &'a Url,
    /// The registered name of the scheme that would make the proof.
    pub scheme: &'a str,
    /// Whether that scheme sends the secret itself (`Strength::Clear`).
    pub clear: bool,
    /// Where the credential may go; `None` for one that the caller named for this request.
    pub scope: Option<&'a Scope>,
    /// Who asked.
    pub party: Party,
    /// Whether a redirect led to `challenged`.
    pub redirected: bool,
    /// Whether it is the identity that the system keeps for whoever is logged in, and no credential that somebody gave.
    pub ambient: bool,
}

/// A veto on sending a credential.
pub trait CredentialPolicy: Debug + Send + Sync {
    /// A stable name in kebab case.
    fn name(&self) -> &'static str;

    /// Whether this policy lets it go, and why.
    fn judge(&self, ask: &Ask<'_>) -> Decision;
}

/// The one scheme that the system's own identity is for (RFC 4559): all others would want its secret.
const AMBIENT_SCHEME: &str = "Negotiate";

/// The policies of one client, in order.
#[derive(Debug, Clone)]
pub struct CredentialRules {
    policies: Vec<Arc<dyn CredentialPolicy>>,
    clear_over_plain: bool,
    ambient: Vec<HostRule>,
}

impl Default for CredentialRules {
    /// [`OnlySecure`], [`SameOrigin`], [`NotAfterRedirect`], [`NotToProxy`]; the system's own identity goes nowhere.
    fn default() -> Self {
        Self::plain_for(Vec::new())
    }
}

impl CredentialRules {
    /// The default without [`OnlySecure`], and without the rule that a secret is never sent in the
    /// clear over a connection in the clear. For a test set-up; anyone on the way can read along.
    #[must_use]
    pub fn danger_over_plain() -> Self {
        let rules = Self { policies: Vec::new(), clear_over_plain: true, ambient: Vec::new() };
        rules.with(SameOrigin).with(NotAfterRedirect).with(NotToProxy)
    }

    /// The default, with proofs other than the secret itself allowed in the clear to `hosts`.
    #[must_use]
    pub fn plain_for(hosts: Vec<HostRule>) -> Self {
        let rules = Self { policies: Vec::new(), clear_over_plain: false, ambient: Vec::new() };
        rules.with(OnlySecure { except: hosts }).with(SameOrigin).with(NotAfterRedirect).with(NotToProxy)
    }

    /// Adds a policy at the end. A policy can only forbid.
    #[must_use]
    pub fn with(self, policy: impl CredentialPolicy + 'static) -> Self {
        self.with_shared(Arc::new(policy))
    }

    /// The same for a policy that others ask, too.
    #[must_use]
    pub fn with_shared(mut self, policy: Arc<dyn CredentialPolicy>) -> Self {
        self.policies.push(policy);
        self
    }

    /// Lets the identity that the system keeps (a Kerberos ticket) go to these hosts, by Negotiate. Default: nowhere.
    #[must_use]
    pub fn ambient_to(mut self, hosts: Vec<HostRule>) -> Self {
        self.ambient = hosts;
        self
    }

    /// Asks every policy in order; the first no is the answer.
    pub fn evaluate(&self, ask: &Ask<'_>) -> Decision {
        let asked = self.policies.iter().map(|policy| (policy.name(), policy.judge(ask)));
        // Not policies, so that no list of policies can leave them out.
        let always = [("no-clear-secret", self.clear(ask)), ("ambient-only-listed", self.ambient(ask))];
        for (name, decision) in always.into_iter().chain(asked) {
            if !decision.allowed {
                return Decision::deny(format!("{name}: {}", decision.reason));
            }
        }
        Decision::allow("no policy forbids it")
    }

    /// What every policy says by itself, in order, each with its name: for people who want to know why.
    #[must_use]
    pub fn each(&self, ask: &Ask<'_>) -> Vec<(&'static str, Decision)> {
        let mut said = vec![("no-clear-secret", self.clear(ask)), ("ambient-only-listed", self.ambient(ask))];
        said.extend(self.policies.iter().map(|policy| (policy.name(), policy.judge(ask))));
        said
    }

    /// A secret itself is not for a connection in the clear (RFC 7617 §4).
    fn clear(&self, ask: &Ask<'_>) -> Decision {
        if !ask.clear {
            return Decision::allow("the proof does not show the secret");
        }
        if ask.challenged.is_secure() {
            return Decision::allow("TLS hides the secret");
        }
        if self.clear_over_plain {
            return Decision::allow("the rule was switched off");
        }
        Decision::deny(format!("{} would send the secret itself in the clear", ask.scheme))
    }

    /// Whoever is logged in has not said that they want to be known somewhere: only where it was said for them.
    fn ambient(&self, ask: &Ask<'_>) -> Decision {
        if !ask.ambient {
            return Decision::allow("it is a credential that was given");
        }
        if !ask.scheme.eq_ignore_ascii_case(AMBIENT_SCHEME) {
            return Decision::deny(format!("the system's identity is for {AMBIENT_SCHEME}, not for {}", ask.scheme));
        }
        let origin = ask.challenged.origin();
        match any_names(&self.ambient, &origin) {
            true => Decision::allow("the host is listed for the system's identity"),
            false => Decision::deny(format!("{} is not listed for the system's identity", origin.host())),
        }
    }
}

/// Only over TLS, except to the hosts named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnlySecure {
    /// The hosts that may get a proof in the clear.
    pub except: Vec<HostRule>,
}

impl CredentialPolicy for OnlySecure {
    fn name(&self) -> &'static str {
        "only-secure"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        if ask.challenged.is_secure() {
            return Decision::allow("the connection is protected by TLS");
        }
        if any_names(&self.except, &ask.challenged.origin()) {
            return Decision::allow("the host was named for proofs in the clear");
        }
        Decision::deny("the connection is in the clear")
    }
}

/// Only where the credential belongs: inside its scope, or, without one, at the origin that the
/// caller asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SameOrigin;

impl CredentialPolicy for SameOrigin {
    fn name(&self) -> &'static str {
        "same-origin"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        match ask.scope {
            Some(scope) if scope.covers(ask.challenged).is_some() => Decision::allow("its scope covers the address"),
            Some(scope) => Decision::deny(format!("its scope {scope} does not cover {}", ask.challenged)),
            None if ask.challenged.origin() == ask.requested.origin() => {
                Decision::allow("the origin is the one that was asked for")
            }
            None => {
                let (asking, named) = (ask.challenged.origin(), ask.requested.origin());
                Decision::deny(format!("{asking} asks, but it was named for {named}"))
            }
        }
    }
}

/// Only to the hosts named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostAllow {
    /// The hosts; an empty list allows none.
    pub hosts: Vec<HostRule>,
}

impl CredentialPolicy for HostAllow {
    fn name(&self) -> &'static str {
        "host-allow"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        let origin = ask.challenged.origin();
        if any_names(&self.hosts, &origin) {
            return Decision::allow("the host is on the list");
        }
        Decision::deny(format!("{} is not on the list of hosts", origin.host()))
    }
}

/// Never to the hosts named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostDeny {
    /// The hosts.
    pub hosts: Vec<HostRule>,
}

impl CredentialPolicy for HostDeny {
    fn name(&self) -> &'static str {
        "host-deny"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        let origin = ask.challenged.origin();
        if any_names(&self.hosts, &origin) {
            return Decision::deny(format!("{} is on the list of hosts that get nothing", origin.host()));
        }
        Decision::allow("the host is not on the list of those that get nothing")
    }
}

/// At the hosts named, only by the schemes named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemesAt {
    /// The hosts that it is about; all if `None`.
    pub hosts: Option<Vec<HostRule>>,
    /// The schemes by registered name, without regard to case; an empty list allows none.
    pub schemes: Vec<String>,
}

impl CredentialPolicy for SchemesAt {
    fn name(&self) -> &'static str {
        "schemes-at"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        if self.hosts.as_ref().is_some_and(|hosts| !any_names(hosts, &ask.challenged.origin())) {
            return Decision::allow("it is about other hosts");
        }
        if self.schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case(ask.scheme)) {
            return Decision::allow("the scheme is on the list");
        }
        Decision::deny(format!("{} is not on the list of schemes", ask.scheme))
    }
}

/// Not to another origin that a redirect led to, even if the credential's scope covers it: the
/// caller asked for something else, and whoever answered chose the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotAfterRedirect;

impl CredentialPolicy for NotAfterRedirect {
    fn name(&self) -> &'static str {
        "not-after-redirect"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        if ask.redirected && ask.challenged.origin() != ask.requested.origin() {
            return Decision::deny(format!("a redirect led to {}", ask.challenged.origin()));
        }
        Decision::allow("no redirect led to another origin")
    }
}

/// Not to a proxy, unless the credential's own scope covers the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotToProxy;

impl CredentialPolicy for NotToProxy {
    fn name(&self) -> &'static str {
        "not-to-proxy"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        if ask.party == Party::Server {
            return Decision::allow("the server asks");
        }
        if ask.scope.is_some_and(|scope| scope.covers(ask.challenged).is_some()) {
            return Decision::allow("its scope covers the proxy");
        }
        Decision::deny("a proxy asks, and the credential is not its own")
    }
}

/// Only inside: private and loopback addresses, names of one label, and names below the domains
/// given. It goes by the written host; no name is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntranetOnly {
    /// What else counts as inside, such as `*.corp.example`.
    pub domains: Vec<HostRule>,
}

impl CredentialPolicy for IntranetOnly {
    fn name(&self) -> &'static str {
        "intranet-only"
    }

    fn judge(&self, ask: &Ask<'_>) -> Decision {
        let origin = ask.challenged.origin();
        if is_inside(origin.host()) || any_names(&self.domains, &origin) {
            return Decision::allow("the host is inside");
        }
        Decision::deny(format!("{} is not inside", origin.host()))
    }
}

fn is_inside(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => is_inside_v6(ip),
        // A trailing dot would make a top-level domain look like a name of one label.
        Err(_) => !host.contains('.'),
    }
}

fn is_inside_v6(ip: Ipv6Addr) -> bool {
    match ip.to_ipv4_mapped() {
        Some(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        None => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
