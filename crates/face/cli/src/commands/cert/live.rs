//! `gatepost cert show --live`: what a server shows, everything that is wrong with it, and pins to copy.

use std::path::Path;
use std::sync::Arc;

use gatepost::model::limits::Limits;
use gatepost::model::url::Url;
use gatepost::net::dial::{ClientTls, Dialer, Roots};
use gatepost::net::error::NetError;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::error::TlsError;
use gatepost::tls::verify::flaw::Severity;
use gatepost::tls::verify::judgement::{Found, Judgement};
use gatepost::tls::verify::pin::Digest;
use serde_json::{Value, json};

use super::facts::{chain, hex, to_json};
use crate::error::CliError;
use crate::runtime;
use crate::ui::Ui;

/// What a server shows.
pub(super) struct Seen {
    /// The TLS version; `None` if there was no going on.
    version: Option<&'static str>,
    /// What was found about its chain.
    pub(super) judgement: Judgement,
    /// Why there was no going on.
    pub(super) refusal: Option<NetError>,
}

/// Shows what `host` (or `host:port`) shows. Ends with the error of the handshake if there is one, so that a script can
/// ask, too.
pub(super) fn show(host: &str, ca: Option<&Path>, ui: &Ui) -> Result<(), CliError> {
    let Seen { version, judgement, refusal } = ask(host, ca)?;
    match ui.is_json() {
        true => ui.json(&as_json(host, version, &judgement))?,
        false => print(host, version, &judgement, ui)?,
    }
    refusal.map_or(Ok(()), |error| Err(gatepost::Error::from(error).into()))
}

/// Asks a server, until TLS is up or refused.
pub(super) fn ask(host: &str, ca: Option<&Path>) -> Result<Seen, CliError> {
    let roots = ca.map(chain).transpose()?.map_or(Roots::System, Roots::Only);
    let url = Url::parse(&format!("https://{host}/")).map_err(gatepost::Error::from)?;
    let tls = ClientTls { roots, ..ClientTls::default() };
    let dialer = Dialer::new(tls, Arc::new(Limits::default())).map_err(gatepost::Error::from)?;
    runtime::block_on(async {
        Ok(match dialer.connect(&url.origin()).await {
            Ok(connection) => {
                let facts = connection.facts();
                let judgement = facts.judgement.as_deref().cloned().unwrap_or_default();
                Seen { version: facts.tls, judgement, refusal: None }
            }
            Err(NetError::Tls { peer, reason: TlsError::Certificate(judgement) }) => {
                let shown = Judgement::clone(&judgement);
                let refusal = NetError::Tls { peer, reason: TlsError::Certificate(judgement) };
                Seen { version: None, judgement: shown, refusal: Some(refusal) }
            }
            Err(other) => return Err(gatepost::Error::from(other).into()),
        })
    })
}

fn print(host: &str, version: Option<&str>, judgement: &Judgement, ui: &Ui) -> Result<(), CliError> {
    let row = |name: &str, value: &str| ui.out(&ui.fact(name, value));
    row("Server", host)?;
    row("TLS", version.unwrap_or("refused, because of what is wrong below"))?;
    let stapled = judgement.stapled.map(|until| format!("an OCSP response: not revoked, good until {until}"));
    row("Stapled", &stapled.unwrap_or_else(|| "nothing that counts".into()))?;
    row("Severity", grade(judgement.severity()))?;
    for found in &judgement.found {
        row("  Wrong", &format!("{}: {}", found.flaw, found.detail))?;
    }
    for (at, der) in judgement.path.iter().enumerate() {
        let Ok(facts) = Certificate::parse(der) else { continue };
        ui.out("\n")?;
        row(if at == 0 { "Leaf" } else { "Authority" }, &facts.subject)?;
        if at == 0 {
            row("Names", &facts.names().join(", "))?;
        }
        row("Issuer", &facts.issuer)?;
        row("Valid", &format!("{} to {}", facts.not_before, facts.not_after))?;
        row("Key", &format!("{} {} bits", facts.key_kind, facts.key_bits))?;
        row("SHA-256", &hex(&facts.fingerprint))?;
        row("Pin", &Digest::Spki(facts.spki).to_string())?;
        row("Sent", if judgement.chain.contains(der) { "by the server" } else { "no, known here" })?;
    }
    Ok(())
}

fn grade(severity: Severity) -> &'static str {
    match severity {
        Severity::None => "none",
        Severity::Ignorable => "ignorable",
        Severity::Fatal => "fatal",
    }
}

fn as_json(host: &str, version: Option<&str>, judgement: &Judgement) -> Value {
    let flaw = |found: &Found| {
        json!({
            "flaw": found.flaw.name(),
            "severity": grade(found.flaw.severity()),
            "detail": found.detail,
            "chain_validation_result": found.flaw.chain_validation_result(),
        })
    };
    let certificate = |der: &Vec<u8>| {
        let facts = Certificate::parse(der).ok()?;
        let mut shown = to_json(&facts);
        shown["pin"] = json!(Digest::Spki(facts.spki).to_string());
        shown["sent"] = json!(judgement.chain.contains(der));
        Some(shown)
    };
    json!({
        "server": host,
        "tls": version,
        "stapled_until": judgement.stapled.map(|until| until.to_string()),
        "severity": grade(judgement.severity()),
        "flaws": judgement.found.iter().map(flaw).collect::<Vec<_>>(),
        "path": judgement.path.iter().filter_map(certificate).collect::<Vec<_>>(),
    })
}
