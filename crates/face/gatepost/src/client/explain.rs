//! What a session would say of us at an address, and why. Nothing is sent.

use gatepost_auth::scheme::Scheme;
use gatepost_model::credential::Credential;
use gatepost_model::url::Url;
use gatepost_policy::decision::Decision;
use gatepost_policy::transport;

use crate::client::choice::{self, Wanted};
use crate::client::context::Context;
use crate::client::prospect::Prospect;
use crate::client::session::Session;
use crate::error::Error;

/// What would be said at an address.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Whether a request may go there at all.
    pub transport: Decision,
    /// What would be said to the server, by each scheme, in the order in which they are tried if it offers them all.
    pub server: Vec<Prospect>,
    /// The proxy on the way, and what would be said to it.
    pub proxy: Option<(Url, Vec<Prospect>)>,
}

impl Session {
    /// What a request to `url` would say of us if it were asked: by which scheme, with which credential, and what each
    /// policy says to that. `credential` is one that would be named for the request. Nothing is sent, and no name is resolved.
    ///
    /// # Errors
    /// If `url` is none.
    pub fn explain(&self, url: &str, credential: Option<&Credential>) -> Result<Explanation, Error> {
        let (cx, url) = (&*self.context, Url::parse(url)?);
        let proxy = cx.proxy.as_ref().filter(|proxy| proxy.leads_past(&url.origin()));
        Ok(Explanation {
            transport: transport::admit(&url, &cx.transport),
            server: ordered(cx).into_iter().map(|scheme| prospect(cx, credential, &url, scheme)).collect(),
            proxy: proxy.map(|proxy| (proxy.url().clone(), proxy.prospects())),
        })
    }
}

/// The schemes that may be used, as they are tried.
fn ordered(cx: &Context) -> Vec<&'static dyn Scheme> {
    let mut schemes = cx.schemes.clone();
    if !cx.schemes_are_listed {
        schemes.sort_by_key(|scheme| std::cmp::Reverse(scheme.strength()));
    }
    schemes
}

fn prospect(cx: &Context, named: Option<&Credential>, url: &Url, scheme: &'static dyn Scheme) -> Prospect {
    let found = choice::candidates(cx, named, url, scheme.name(), Wanted::by(scheme));
    let Some(credential) = found.first() else {
        return Prospect { scheme: scheme.name(), strength: scheme.strength(), credential: None, rules: Vec::new() };
    };
    let rules = cx.credential_rules.each(&choice::question(cx, credential, scheme.name(), url, (url, false)));
    let credential = Some((*credential).clone());
    Prospect { scheme: scheme.name(), strength: scheme.strength(), credential, rules }
}
