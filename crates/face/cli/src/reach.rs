//! How a server is reached: trust, versions, and what may go in the clear. Shared by every verb that speaks HTTP to
//! one.

use std::sync::Arc;

use clap::Args;
use gatepost::Session;
use gatepost::auth::settings::Settings;
use gatepost::client::session::SessionBuilder;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::url::Url;
use gatepost::policy::hosts::HostRule;
use gatepost::policy::transport::TransportRules;

use crate::detour::DetourArgs;
use crate::error::CliError;
use crate::tickets;
use crate::trust::TrustArgs;
use crate::ui::Ui;

/// How a server is reached.
#[derive(Debug, Args)]
pub struct ReachArgs {
    /// Say what happens, on stderr, with secrets left out
    #[arg(short, long)]
    pub verbose: bool,
    /// Whom it trusts.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Through which proxy.
    #[command(flatten)]
    pub detour: DetourArgs,
    /// Take no answer of a server that does not prove itself, too, by what it was proved with: Digest, Negotiate
    #[arg(long)]
    pub mutual: bool,
    /// Answer Digest challenges without qop, as devices of before 1999 make them: who stands between can prepare for the answer
    #[arg(long)]
    pub danger_digest_rfc2069: bool,
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
    /// the clear is allowed for the host of `url`; a certificate of ours, and what `credential` says of whoever runs this,
    /// is for that host alone.
    pub(crate) fn builder(
        &self,
        url: &str,
        scheme: Option<&str>,
        credential: Option<&Credential>,
        ui: Ui,
    ) -> Result<SessionBuilder, CliError> {
        let origin = Url::parse(url).map_err(gatepost::Error::from)?.origin();
        let builder = Session::builder().credential_rules(tickets::rules(credential, &origin));
        let mut builder = builder.tls(self.trust.client_tls(&origin, ui)?);
        if let Some(proxy) = self.detour.proxy(ui)? {
            builder = builder.proxy(proxy);
        }
        if self.mutual {
            builder = builder.demand_mutual();
        }
        if self.http1 {
            builder = builder.http1_only();
        }
        if self.mutual {
            builder = builder.demand_mutual();
        }
        if self.danger_digest_rfc2069 {
            ui.warning("`--danger-digest-rfc2069`: whoever stands between can prepare for the answer");
            let mut settings = Settings::default();
            settings.digest.danger_rfc2069 = true;
            builder = builder.settings(settings);
        }
        if let Some(scheme) = scheme {
            builder = builder.scheme(scheme);
        }
        if self.danger_plain_http {
            ui.warning("`--danger-plain-http`: everyone on the way can read and change what passes");
            let mut rules = TransportRules::default();
            // This host and no other: a redirect to plain http elsewhere stays refused.
            rules.plain_hosts.push(HostRule::of(&origin));
            builder = builder.transport(rules);
        }
        if self.verbose {
            builder = builder.on_event(Arc::new(move |event: &Event| ui.event(event)));
        }
        Ok(builder)
    }
}
