//! The proxy that a client goes through, and who it is to it. Shared by every verb that connects.

use clap::Args;
use gatepost::client::proxy::Proxy;
use gatepost::model::credential::Credential;

use crate::error::CliError;
use crate::passwords;
use crate::ui::Ui;

/// Through which proxy.
#[derive(Debug, Args)]
pub struct DetourArgs {
    /// Go through this proxy: http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT. It looks names up
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Who we are to the proxy, if it asks
    #[arg(long, value_name = "NAME", requires_all = ["proxy", "proxy_password_env"])]
    pub proxy_user: Option<String>,
    /// The password for the proxy, from this environment variable
    #[arg(long, value_name = "NAME", requires = "proxy_user")]
    pub proxy_password_env: Option<String>,
    /// Say who we are to an http:// or socks5:// proxy, too: everyone on the way to it can read the password
    #[arg(long, requires = "proxy_user")]
    pub danger_plain_proxy: bool,
}

impl DetourArgs {
    /// The proxy, if there is one.
    pub(crate) fn proxy(&self, ui: Ui) -> Result<Option<Proxy>, CliError> {
        let Some(url) = &self.proxy else { return Ok(None) };
        let mut proxy = Proxy::new(url)?;
        if let (Some(user), Some(variable)) = (&self.proxy_user, &self.proxy_password_env) {
            proxy = proxy.credential(Credential::login(user.as_str(), passwords::from_environment(variable)?));
        }
        if self.danger_plain_proxy {
            ui.warning("`--danger-plain-proxy`: everyone on the way to the proxy can read the password");
            proxy = proxy.danger_over_plain();
        }
        Ok(Some(proxy))
    }
}
