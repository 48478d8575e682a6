//! What a listener shows: the certificates of the binding store, or one of files.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gatepost::clock;
use gatepost::model::binding::BindingKey;
use gatepost::model::terms::{ClientCertificate, Terms};
use gatepost::tls::bindings::{BindingTable, Bindings};
use gatepost::tls::bound::{Answer, Bound};
use gatepost::tls::fitness;
use gatepost::tls::server::{ServerRules, ServerTls};
use gatepost_gateway::certificates::Shelf;
use gatepost_gateway::config::listener::Protection;
use gatepost_gateway::state::read_secret;

use crate::commands::cert::facts;
use crate::error::CliError;
use crate::options::StateArgs;
use crate::runtime;
use crate::ui::Ui;

/// Between two looks whether something else is bound.
const PAUSE: Duration = Duration::from_secs(1);

/// How connections are protected.
#[derive(Debug, Args)]
#[command(next_help_heading = "Protection: one of --tls, --cert and --plain")]
pub struct ProtectArgs {
    /// TLS with the certificates that are bound (see `gatepost cert bind`)
    #[arg(long, conflicts_with_all = ["cert", "plain"])]
    pub tls: bool,
    /// TLS with this certificate chain, in PEM, at every address and for the names in it
    #[arg(long, value_name = "FILE", conflicts_with = "plain")]
    pub cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Take only clients with a certificate of these authorities (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub client_ca: Option<PathBuf>,
    /// In the clear: everyone on the way can read and change what passes
    #[arg(long)]
    pub plain: bool,
    /// Application protocols that are taken, preferred first, as in h2,http/1.1
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "plain")]
    pub alpn: Vec<String>,
    /// Where the bindings are.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What is shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// `None` in the clear.
    pub(super) tls: Option<Arc<ServerTls>>,
    /// Where it comes from, if that can change.
    pub(super) shelf: Option<Shelf>,
}

impl ProtectArgs {
    /// What is shown. It waits for the store, so no runtime may be running.
    pub(super) fn shown(&self) -> Result<Shown, CliError> {
        if self.plain {
            return Ok(Shown::default());
        }
        let (table, shelf) = if self.tls {
            let mut shelf = Shelf::new(runtime::store(&self.state)?);
            let table = runtime::block_on(async { Ok(shelf.table(&Protection::Bindings).await?) })?;
            (table.unwrap_or_default(), Some(shelf))
        } else {
            (self.of_files()?, None)
        };
        if table.is_empty() {
            let hint = Some("bind a certificate with `gatepost cert bind`, or give one with `--cert`".into());
            return Err(CliError::Missing { what: "certificate that is bound".into(), hint });
        }
        let alpn = self.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        let rules = ServerRules { alpn, ..ServerRules::default() };
        let tls = ServerTls::new(&rules, Arc::new(Bindings::new(table))).map_err(gatepost::Error::from)?;
        Ok(Shown { tls: Some(Arc::new(tls)), shelf })
    }

    fn of_files(&self) -> Result<BindingTable, CliError> {
        let Some(cert) = &self.cert else {
            return Err(CliError::usage(
                "it was not said how connections are protected",
                "give `--tls` for the certificates that are bound, `--cert FILE`, or `--plain`",
            ));
        };
        let key = self.key.as_ref().unwrap_or(cert);
        let secret = read_secret(key).map_err(|detail| CliError::Io { what: key.display().to_string(), detail })?;
        let fit = fitness::from_pem(&facts::read(cert)?, secret.reveal(), clock::now());
        let unfit = |unfit| gatepost::Error::from(gatepost::tls::error::TlsError::Unfit(unfit));
        let (certificate, ..) = fit.map_err(|error| unfit(error).while_doing(cert.display().to_string()))?;
        let mut terms = Terms::default();
        if let Some(authorities) = &self.client_ca {
            terms.client_certificate = ClientCertificate::Require;
            terms.client_authorities = facts::chain(authorities)?;
        }
        // At every address; a client that asks for a name that the certificate does not cover is refused there.
        let anywhere = BindingKey::Address(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
        Ok(BindingTable::of([(anywhere, Bound::new(Answer::Certificate(Arc::new(certificate)), &terms))]))
    }
}

/// Shows what is bound by now at the next handshake, as the gateway does, for ever.
pub(super) async fn watch(mut shelf: Shelf, tls: Arc<ServerTls>, ui: Ui) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if !shelf.has_news().await {
            continue;
        }
        match shelf.table(&Protection::Bindings).await {
            Ok(table) => tls.bindings().replace(table.unwrap_or_default()),
            Err(error) => ui.warning(&format!("what is shown stays as it was: {error}")),
        }
        shelf.take_wrong().iter().for_each(|wrong| ui.warning(wrong));
    }
}
