//! The terms of a binding as options of the command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gatepost::model::terms::{ClientCertificate, Revocation, Terms, TlsBound};

use super::attached::{Staple, lists, place};
use super::facts::chain;
use crate::error::CliError;

/// Terms that `cert bind` and `cert rebind` take. What is not given stays as it is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Terms")]
pub struct TermsArgs {
    /// The oldest TLS version accepted
    #[arg(long, value_name = "VERSION", value_parser = bound)]
    pub min_tls: Option<TlsBound>,
    /// The newest TLS version accepted
    #[arg(long, value_name = "VERSION", value_parser = bound)]
    pub max_tls: Option<TlsBound>,
    /// Whether HTTP/2 is offered
    #[arg(long, value_enum, value_name = "on|off")]
    pub http2: Option<Switch>,
    /// Whether clients are asked for a certificate: off, request or require
    #[arg(long, value_name = "WHEN", value_parser = client_certificate)]
    pub client_cert: Option<ClientCertificate>,
    /// The authorities (PEM) that clients' certificates may come from
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// Whether clients are told which authorities those are
    #[arg(long, value_enum, value_name = "on|off")]
    pub client_ca_hints: Option<Switch>,
    /// Whether a client's certificate must be for clients
    #[arg(long, value_enum, value_name = "on|off")]
    pub usage_check: Option<Switch>,
    /// Refuse clients whose certificate one of these revocation lists (PEM or DER) names, or none speaks about
    #[arg(long = "crl", value_name = "FILE")]
    pub revocation_lists: Vec<PathBuf>,
    /// Whether clients' certificates are held against --crl: listed (if there is one), on, cached (the same) or off
    #[arg(long, value_name = "HOW", value_parser = revocation)]
    pub verify_revocation: Option<Revocation>,
    /// Staple this OCSP response (DER) to the certificate; or on or off
    #[arg(long, value_name = "FILE|on|off")]
    pub ocsp_staple: Option<Staple>,
    /// Whether sessions are resumed by tickets
    #[arg(long, value_enum, value_name = "on|off")]
    pub tickets: Option<Switch>,
    /// Whether each handshake is an event: version, suite, group, name, client
    #[arg(long, value_enum, value_name = "on|off")]
    pub log_tls: Option<Switch>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

impl TermsArgs {
    /// Those terms, changed as was said.
    pub(super) fn apply(&self, mut terms: Terms) -> Result<Terms, CliError> {
        let is_on = |switch: Switch| switch == Switch::On;
        terms.min_tls = self.min_tls.or(terms.min_tls);
        terms.max_tls = self.max_tls.or(terms.max_tls);
        terms.http2 = self.http2.map(is_on).or(terms.http2);
        terms.client_certificate = self.client_cert.unwrap_or(terms.client_certificate);
        if let Some(path) = &self.client_ca {
            terms.client_authorities = chain(path)?;
        }
        terms.client_hints = self.client_ca_hints.map_or(terms.client_hints, is_on);
        terms.usage_check = self.usage_check.map_or(terms.usage_check, is_on);
        terms.revocation = self.verify_revocation.unwrap_or(terms.revocation);
        if !self.revocation_lists.is_empty() {
            terms.revocation_lists = lists(&self.revocation_lists)?;
        }
        match &self.ocsp_staple {
            None => {}
            Some(Staple::On) => terms.staple = Some(true),
            Some(Staple::Off) => terms.staple = Some(false),
            Some(Staple::File(path)) => (terms.staple, terms.staple_file) = (Some(true), Some(place(path)?)),
        }
        terms.tickets = self.tickets.map(is_on).or(terms.tickets);
        terms.log = self.log_tls.map(is_on).or(terms.log);
        check(&terms)?;
        Ok(terms)
    }

    /// Whether something is said of a staple.
    pub(super) fn names_staple(&self) -> bool {
        self.ocsp_staple.is_some()
    }
}

/// Terms that no handshake could keep are refused when they are written, and not at each client.
pub(super) fn check(terms: &Terms) -> Result<(), CliError> {
    if !terms.leaves_a_version() {
        return Err(CliError::usage("these bounds leave no TLS version", "let --min-tls be no newer than --max-tls"));
    }
    if terms.client_certificate != ClientCertificate::Off && terms.client_authorities.is_empty() {
        return Err(CliError::usage(
            "clients are asked for a certificate, and no authority is named that it may come from",
            "name them with `--client-ca FILE`",
        ));
    }
    let asks = terms.client_certificate != ClientCertificate::Off;
    if asks && terms.checks_revocation() && terms.revocation_lists.is_empty() {
        return Err(CliError::usage(
            "clients' certificates are to be held against revocation lists, and none is named: nobody would be let in",
            "name them with `--crl FILE`, or write `--verify-revocation off`",
        ));
    }
    if terms.staple == Some(true) && terms.staple_file.is_none() {
        return Err(CliError::usage("there is nothing to staple", "name the file with `--ocsp-staple FILE`"));
    }
    Ok(())
}

fn bound(text: &str) -> Result<TlsBound, String> {
    TlsBound::named(text).ok_or_else(|| "write 1.2 or 1.3".into())
}

fn client_certificate(text: &str) -> Result<ClientCertificate, String> {
    ClientCertificate::named(text).ok_or_else(|| "write off, request or require".into())
}

fn revocation(text: &str) -> Result<Revocation, String> {
    Revocation::named(text).ok_or_else(|| "write listed, on, cached or off".into())
}
