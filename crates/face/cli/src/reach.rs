//! How a server is reached: trust, versions, and what may go in the clear. Shared by every verb that speaks to one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gatepost::Session;
use gatepost::client::proxy::Proxy;
use gatepost::client::session::SessionBuilder;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::url::Url;
use gatepost::net::dial::Roots;
use gatepost::policy::hosts::HostRule;
use gatepost::policy::transport::TransportRules;
use gatepost::tls::identity::Identity;
use gatepost::tls::pem;
use gatepost::tls::verify::flaw::{Flaw, Flaws, Severity};
use gatepost::tls::verify::pin::{Digest, Pin, Pins, Place};

use crate::error::CliError;
use crate::passwords;
use crate::policy;
use crate::ui::Ui;

/// How a server is reached.
#[derive(Debug, Args)]
pub struct ReachArgs {
    /// Say what happens, on stderr, with secrets left out
    #[arg(short, long)]
    pub verbose: bool,
    /// Trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Take only a server with one of these in its chain: spki-sha256:HEX as `cert show --live` prints it, or sha256//BASE64
    #[arg(long = "pin", value_name = "DIGEST")]
    pub pins: Vec<Digest>,
    /// Refuse certificates that these revocation lists (PEM or DER) name
    #[arg(long = "crl", value_name = "FILE")]
    pub revocation_lists: Vec<PathBuf>,
    /// Go on although this is wrong with the server's certificates, as in expired,wrong-name; never what is fatal
    #[arg(long, value_name = "FLAWS", value_delimiter = ',', value_parser = flaw)]
    pub danger_ignore_cert_error: Vec<Flaw>,
    /// Show this certificate (PEM, with its chain) to the server of the URL if it asks; with the key in it or in --client-key
    #[arg(long, value_name = "FILE")]
    pub client_cert: Option<PathBuf>,
    /// The private key of --client-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
    /// Where credentials may go, as this file says (see `gatepost auth explain --help`)
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Go through this HTTP proxy: http://HOST:PORT or https://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Who we are to the proxy, if it asks
    #[arg(long, value_name = "NAME", requires_all = ["proxy", "proxy_password_env"])]
    pub proxy_user: Option<String>,
    /// The password for the proxy, from this environment variable
    #[arg(long, value_name = "NAME", requires = "proxy_user")]
    pub proxy_password_env: Option<String>,
    /// Say who we are to an http:// proxy, too: everyone on the way to it can read the password
    #[arg(long, requires = "proxy_user")]
    pub danger_plain_proxy: bool,
    /// Speak HTTP/1.1 only
    #[arg(long = "http1.1", visible_alias = "http1")]
    pub http1: bool,
    /// Allow http:// and ws:// to the host of the URL: everyone on the way can read and change what passes
    #[arg(long)]
    pub danger_plain_http: bool,
}

impl ReachArgs {
    /// Says before a password is asked for what the engine would say after it: not in the clear.
    pub(crate) fn refuse_plain(&self, url: &str) -> Result<(), CliError> {
        let url = Url::parse(url).map_err(gatepost::Error::from)?;
        if url.is_secure() || self.danger_plain_http {
            return Ok(());
        }
        let detail = format!("`{}` is in the clear: everyone on the way can read and change what passes", url.scheme());
        let secure = if url.scheme() == "ws" { "wss" } else { "https" };
        let hint = format!("use `{secure}://`; if it has to be, allow this host with `--danger-plain-http`");
        Err(CliError::usage(detail, hint))
    }

    /// The makings of a session that reaches servers so, with the one scheme that was named, if any. What is allowed in
    /// the clear is allowed for the host of `url`.
    pub(crate) fn builder(&self, url: &str, scheme: Option<&str>, ui: Ui) -> Result<SessionBuilder, CliError> {
        let mut builder = Session::builder();
        if let Some(path) = &self.policy {
            builder = policy::apply(path, builder)?;
        }
        if let Some(path) = &self.ca {
            let pem = std::fs::read(path).map_err(|error| CliError::io(path.display().to_string(), &error))?;
            builder = builder.roots(Roots::Only(pem::parse_chain_pem(&pem).map_err(gatepost::Error::from)?));
        }
        if !self.pins.is_empty() {
            let pin = |digest: &Digest| Pin { place: Place::Any, digest: *digest, until: None };
            builder = builder.pins(Pins { any_of: self.pins.iter().map(pin).collect(), report_only: false });
        }
        if !self.revocation_lists.is_empty() {
            let lists =
                self.revocation_lists.iter().map(|path| revocation_lists(path)).collect::<Result<Vec<_>, _>>()?;
            builder = builder.revocation_lists(lists.concat(), false);
        }
        if !self.danger_ignore_cert_error.is_empty() {
            let flaws: Flaws = self.danger_ignore_cert_error.iter().copied().collect();
            ui.warning(&format!("`--danger-ignore-cert-error`: whoever it is that answers, this is let pass: {flaws}"));
            builder = builder.danger_ignore(flaws);
        }
        if let Some(cert) = &self.client_cert {
            let origin = Url::parse(url).map_err(gatepost::Error::from)?.origin();
            let identity = identity(cert, self.client_key.as_deref().unwrap_or(cert))?;
            builder = builder.client_identity(identity, vec![origin]);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(self.through(proxy, ui)?);
        }
        if self.http1 {
            builder = builder.http1_only();
        }
        if let Some(scheme) = scheme {
            builder = builder.scheme(scheme);
        }
        if self.danger_plain_http {
            ui.warning("`--danger-plain-http`: everyone on the way can read and change what passes");
            let mut rules = TransportRules::default();
            let url = Url::parse(url).map_err(gatepost::Error::from)?;
            // This host and no other: a redirect to plain http elsewhere stays refused.
            rules.plain_hosts.push(HostRule::of(&url.origin()));
            builder = builder.transport(rules);
        }
        if self.verbose {
            builder = builder.on_event(Arc::new(move |event: &Event| ui.note(&ui.dim(&format!("* {event}")))));
        }
        Ok(builder)
    }

    fn through(&self, proxy: &str, ui: Ui) -> Result<Proxy, CliError> {
        let mut proxy = Proxy::new(proxy)?;
        if let (Some(user), Some(variable)) = (&self.proxy_user, &self.proxy_password_env) {
            proxy = proxy.credential(Credential::login(user.as_str(), passwords::from_environment(variable)?));
        }
        if self.danger_plain_proxy {
            ui.warning("`--danger-plain-proxy`: everyone on the way to the proxy can read the password");
            proxy = proxy.danger_over_plain();
        }
        Ok(proxy)
    }
}

/// A flaw by its name, if it may be ignored.
fn flaw(name: &str) -> Result<Flaw, String> {
    let ignorable = |flaw: &Flaw| flaw.severity() == Severity::Ignorable;
    let names: Vec<&str> = Flaw::ALL.into_iter().filter(ignorable).map(Flaw::name).collect();
    match Flaw::by_name(name) {
        Some(flaw) if ignorable(&flaw) => Ok(flaw),
        Some(_) => Err(format!("`{name}` is fatal and cannot be ignored; what can be is {}", names.join(", "))),
        None => Err(format!("there is no `{name}`; what can be ignored is {}", names.join(", "))),
    }
}

/// A certificate and its key.
fn identity(cert: &Path, key: &Path) -> Result<Identity, CliError> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| CliError::io(path.display().to_string(), &error));
    let chain = pem::parse_chain_pem(&read(cert)?).map_err(gatepost::Error::from)?;
    let key = pem::parse_key_pem(&read(key)?).map_err(gatepost::Error::from)?;
    Ok(Identity::new(chain, key).map_err(gatepost::Error::from)?)
}

/// The lists of a file as DER.
fn revocation_lists(path: &Path) -> Result<Vec<Vec<u8>>, CliError> {
    let octets = std::fs::read(path).map_err(|error| CliError::io(path.display().to_string(), &error))?;
    match octets.starts_with(b"-----BEGIN") {
        true => Ok(pem::parse_lists_pem(&octets).map_err(gatepost::Error::from)?),
        false => Ok(vec![octets]),
    }
}
