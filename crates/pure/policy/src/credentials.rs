//! May this credential be sent there? A list of policies, of which one no is enough.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv6Addr};

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
    /// Whether it is the identity of whoever runs this process, and nobody named it.
    pub ambient: bool,
}

/// A veto on sending a credential.
pub trait CredentialPolicy: Debug + Send + Sync {
    /// A stable name in kebab case.
    fn name(&self) -> &'static str;

    /// Whether this policy lets it go, and why.
    fn judge(&self, ask: &Ask<'_>) -> Decision;
}

/// The policies of one client, in order.
#[derive(Debug)]
pub struct CredentialRules {
    policies: Vec<Box<dyn CredentialPolicy>>,
    clear_over_plain: bool,
    ambient: Vec<HostRule>,
}

impl Default for CredentialRules {
    /// [`OnlySecure`], [`SameOrigin`], [`NotAfterRedirect`], [`NotToProxy`].
    fn default() -> Self {
        Self { policies: vec![Box::new(OnlySecure::default())], clear_over_plain: false, ambient: Vec::new() }
            .with(SameOrigin)
            .with(NotAfterRedirect)
            .with(NotToProxy)
    }
}

impl CredentialRules {
    /// The default without [`OnlySecure`], and without the rule that a secret is never sent in the
    /// clear over a connection in the clear. For a test set-up; anyone on the way can read along.
    #[must_use]
    pub fn danger_over_plain() -> Self {
        Self { policies: Vec::new(), clear_over_plain: true, ambient: Vec::new() }
            .with(SameOrigin)
            .with(NotAfterRedirect)
            .with(NotToProxy)
    }

    /// The default, with proofs other than the secret itself allowed in the clear to `hosts`.
    #[must_use]
    pub fn plain_for(hosts: Vec<HostRule>) -> Self {
        Self { policies: vec![Box::new(OnlySecure { except: hosts })], clear_over_plain: false, ambient: Vec::new() }
            .with(SameOrigin)
            .with(NotAfterRedirect)
            .with(NotToProxy)
    }

    /// Lets the identity of whoever runs this process be proved to these hosts, with Negotiate. Default none: whoever
    /// can make us ask for an address could otherwise learn who we are.
    #[must_use]
    pub fn ambient_for(mut self, hosts: Vec<HostRule>) -> Self {
        self.ambient = hosts;
        self
    }

    /// Adds a policy at the end. A policy can only forbid.
    #[must_use]
    pub fn with(mut self, policy: impl CredentialPolicy + 'static) -> Self {
        self.policies.push(Box::new(policy));
        self
    }

    /// Asks every policy in order; the first no is the answer.
    pub fn evaluate(&self, ask: &Ask<'_>) -> Decision {
        // Not a policy, so that no list of policies can leave it out (RFC 7617 §4).
        if ask.clear && !ask.challenged.is_secure() && !self.clear_over_plain {
            return Decision::deny(format!("{} would send the secret itself in the clear", ask.scheme));
        }
        // Nor this one.
        if ask.ambient && !ask.scheme.eq_ignore_ascii_case("Negotiate") {
            return Decision::deny(format!("{} is not for who runs this process: only Negotiate is", ask.scheme));
        }
        if ask.ambient && !any_names(&self.ambient, &ask.challenged.origin()) {
            let host = ask.challenged.origin();
            return Decision::deny(format!("{host} is not named as a host that may learn who runs this process"));
        }
        for policy in &self.policies {
            let decision = policy.judge(ask);
            if !decision.allowed {
                return Decision::deny(format!("{}: {}", policy.name(), decision.reason));
            }
        }
        Decision::allow("no policy forbids it")
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
