//! Certificates of an ACME authority (RFC 8555): fetched once, and fetched again.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::store::store::{KnownCertificate, Store};
use gatepost_gateway::acme::authority::External;
use gatepost_gateway::acme::fetch::{self, Charge, House};
use gatepost_gateway::acme::keeping;
use gatepost_gateway::acme::proofs::Proofs;
use gatepost_gateway::acme::stand::Ground;
use gatepost_gateway::acme::wanted::{Challenge, Directory, Name, Names, Wanted};
use gatepost_gateway::state;
use serde_json::json;

use super::facts::hex;
use crate::commands::serve::address;
use crate::error::CliError;
use crate::runtime;
use crate::ui::Ui;

/// What `cert issue` takes to ask an ACME authority.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of an ACME authority")]
pub struct AcmeArgs {
    /// Ask this authority: letsencrypt, letsencrypt-staging, or the https:// address of its directory
    #[arg(long, value_name = "AUTHORITY", conflicts_with_all = ["client", "days", "out"])]
    pub acme: Option<Directory>,
    /// The names, in place of NAME
    #[arg(long = "names", value_name = "NAME,NAME", value_delimiter = ',', requires = "acme", id = "acme_names")]
    pub names: Vec<String>,
    /// Say that you have read the authority's terms of service, and agree to them
    #[arg(long, requires = "acme")]
    pub agree_tos: bool,
    /// A mail address at which the authority may reach you; may be repeated
    #[arg(long, value_name = "ADDRESS", requires = "acme", value_parser = mail)]
    pub email: Vec<String>,
    /// How it is proved that the names are ours: tls-alpn-01 or http-01
    #[arg(long, value_name = "KIND", requires = "acme", default_value_t)]
    pub challenge: Challenge,
    /// Where the authority's question is heard [default: 0.0.0.0:443, or 0.0.0.0:80 for http-01]
    #[arg(long, value_name = "ADDRESS", requires = "acme", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// The identifier of an account that the authority has made for you
    #[arg(long, value_name = "ID", requires_all = ["acme", "eab_key_file"])]
    pub eab_kid: Option<String>,
    /// The file with the key of that account (base64url)
    #[arg(long, value_name = "FILE", requires = "eab_kid")]
    pub eab_key_file: Option<PathBuf>,
    /// Trust these (PEM) for the authority's own server, instead of the system's
    #[arg(long, value_name = "FILE", requires = "acme")]
    pub ca_file: Option<PathBuf>,
}

/// Asks the authority `directory`, keeps what it issues, and binds the names to it.
pub(super) fn issue(
    args: &AcmeArgs,
    directory: &Directory,
    names: &[String],
    store: Arc<dyn Store>,
    ui: &Ui,
) -> Result<(), CliError> {
    if !args.agree_tos {
        let hint = format!("read the terms of {}, and add `--agree-tos`", directory.0.origin());
        return Err(CliError::usage("an authority issues to those who agree to its terms of service", hint));
    }
    let names: Result<Vec<Name>, String> = names.iter().map(|name| name.parse()).collect();
    let names = names.and_then(Names::new).map_err(plain_usage)?;
    let external = match args.eab_kid.clone().zip(args.eab_key_file.as_ref()) {
        None => None,
        Some((id, file)) => {
            let key =
                state::read_secret(file).map_err(|detail| CliError::Io { what: file.display().to_string(), detail })?;
            Some(External { id, key })
        }
    };
    // It is kept with the certificate, for a renewal that is started elsewhere.
    let ca_file = args.ca_file.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    let wanted = Wanted {
        names,
        directory: directory.0.clone(),
        ca_file,
        contact: args.email.clone(),
        challenge: args.challenge,
        listen: args.listen,
    };
    fetch(Charge { wanted, external }, args.listen, store, ui)
}

/// Fetches a certificate again that an ACME authority issued, in the way in which it came, and binds its names to the
/// new one. `false` if it came otherwise: then nothing has happened.
pub(super) fn renew(
    certificate: &KnownCertificate,
    listen: Option<SocketAddr>,
    store: Arc<dyn Store>,
    ui: &Ui,
) -> Result<bool, CliError> {
    let origin = runtime::block_on(async { Ok(keeping::origin(store.as_ref(), certificate).await?) })?;
    let Some(wanted) = origin else { return Ok(false) };
    let listen = listen.or(wanted.listen);
    // The account is kept: how it was come by does not matter any more.
    fetch(Charge { wanted, external: None }, listen, store, ui).map(|()| true)
}

fn fetch(mut charge: Charge, listen: Option<SocketAddr>, store: Arc<dyn Store>, ui: &Ui) -> Result<(), CliError> {
    let usual = SocketAddr::from((Ipv4Addr::UNSPECIFIED, charge.wanted.challenge.port()));
    charge.wanted.listen = Some(listen.unwrap_or(usual));
    let steps = steps(ui);
    let leaf = runtime::block_on(async {
        let house = House { store, proofs: Proofs::default(), ground: Ground::own()?, events: Events::to(vec![steps]) };
        Ok(fetch::fetch(&house, &charge, None).await?)
    })?;
    let names = charge.wanted.names;
    let value = json!({
        "names": names.texts(),
        "authority": charge.wanted.directory.as_str(),
        "sha256": hex(&leaf.fingerprint),
        "not_after": leaf.not_after.to_string(),
    });
    ui.done(
        &format!("{names}: bound to certificate {}, good until {}.", hex(&leaf.fingerprint), leaf.not_after),
        &value,
    )
}

/// Says on stderr how far it is.
fn steps(ui: &Ui) -> gatepost::events::Sink {
    let ui = *ui;
    Arc::new(move |event: &Event| {
        if let Event::Certificate { step, detail, .. } = event {
            ui.note(&format!("{step}: {detail}"));
        }
    })
}

fn mail(text: &str) -> Result<String, String> {
    gatepost_gateway::config::acme::mail(text).map(|()| text.to_owned())
}

fn plain_usage(problem: String) -> CliError {
    match problem.split_once("; hint: ") {
        Some((detail, hint)) => CliError::usage(detail, hint),
        None => CliError::Usage { detail: problem, hint: None },
    }
}
