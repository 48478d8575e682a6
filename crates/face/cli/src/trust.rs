//! Whom a client trusts, and who it is by a certificate. Shared by every verb that speaks TLS.

use std::path::{Path, PathBuf};

use clap::Args;
use gatepost::model::url::Origin;
use gatepost::net::dial::{ClientTls, Roots};
use gatepost::tls::identity::Identity;
use gatepost::tls::pem;
use gatepost::tls::verify::flaw::{Flaw, Flaws, Severity};
use gatepost::tls::verify::pin::{Digest, Pin, Pins, Place};
use gatepost_gateway::{revocation_file, small_file};

use crate::error::CliError;
use crate::ui::Ui;

/// Whom it trusts.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// Trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Take only a server with one of these in its chain: spki-sha256:HEX as `cert show --live` prints it, or
    /// sha256//BASE64
    #[arg(long = "pin", value_name = "DIGEST")]
    pub pins: Vec<Digest>,
    /// Refuse certificates that these revocation lists (PEM or DER) name
    #[arg(long = "crl", value_name = "FILE")]
    pub revocation_lists: Vec<PathBuf>,
    /// Go on although this is wrong with the server's certificates, as in expired,wrong-name; never what is fatal
    #[arg(long, value_name = "FLAWS", value_delimiter = ',', value_parser = flaw)]
    pub danger_ignore_cert_error: Vec<Flaw>,
    /// Show this certificate (PEM, with its chain) to the named server if it asks; with the key in it or in
    /// --client-key
    #[arg(long, value_name = "FILE")]
    pub client_cert: Option<PathBuf>,
    /// The private key of --client-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
}

impl TrustArgs {
    /// How a client speaks TLS. Its own certificate is for `server` alone.
    pub(crate) fn client_tls(&self, server: &Origin, ui: Ui) -> Result<ClientTls, CliError> {
        let mut tls = ClientTls::default();
        if let Some(path) = &self.ca {
            tls.roots = Roots::Only(pem::parse_chain_pem(&read(path)?).map_err(gatepost::Error::from)?);
        }
        let pin = |digest: &Digest| Pin { place: Place::Any, digest: *digest, until: None };
        tls.pins = Pins { any_of: self.pins.iter().map(pin).collect(), report_only: false };
        for path in &self.revocation_lists {
            tls.revocation_lists.extend(revocation_lists(path)?);
        }
        if !self.danger_ignore_cert_error.is_empty() {
            let flaws: Flaws = self.danger_ignore_cert_error.iter().copied().collect();
            ui.warning(&format!("`--danger-ignore-cert-error`: whoever it is that answers, this is let pass: {flaws}"));
            tls.ignored = flaws;
        }
        if let Some(cert) = &self.client_cert {
            let identity = identity(cert, self.client_key.as_deref().unwrap_or(cert))?;
            tls.identity = Some((identity, vec![server.clone()]));
        }
        Ok(tls)
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

/// A file with certificates or keys.
fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    small_file::read(path, small_file::LONGEST_PEM).map_err(|error| CliError::io(path.display().to_string(), &error))
}

/// A certificate and its key.
fn identity(cert: &Path, key: &Path) -> Result<Identity, CliError> {
    let chain = pem::parse_chain_pem(&read(cert)?).map_err(gatepost::Error::from)?;
    let key = pem::parse_key_pem(&read(key)?).map_err(gatepost::Error::from)?;
    Ok(Identity::new(chain, key).map_err(gatepost::Error::from)?)
}

/// The lists of a file as DER.
fn revocation_lists(path: &Path) -> Result<Vec<Vec<u8>>, CliError> {
    revocation_file::read(path).map_err(|detail| CliError::Io { what: path.display().to_string(), detail })
}
