//! `gatepost cert show --live`: what a server shows, everything that is wrong with it, and pins to copy.

use std::path::Path;

use gatepost::net::dial::{ClientTls, Roots};
use gatepost::net::endpoint;
use gatepost::net::error::NetError;
use gatepost::socket::connect::Connector;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::error::TlsError;
use gatepost::tls::starttls::by_name;
use gatepost::tls::verify::flaw::Severity;
use gatepost::tls::verify::judgement::{Found, Judgement};
use gatepost::tls::verify::pin::Digest;
use serde_json::{Value, json};

use super::facts::{chain, hex, to_json};
use crate::error::CliError;
use crate::runtime;
use crate::ui::Ui;

/// Where TLS begins at once, if no port is named.
const HTTPS: u16 = 443;

/// What a server shows.
pub(super) struct Seen {
    /// The TLS version; `None` if there was no going on.
    version: Option<&'static str>,
    /// What was found about its chain.
    pub(super) judgement: Judgement,
    /// Why there was no going on.
    pub(super) refusal: Option<gatepost::Error>,
}

/// Shows what `host` (or `host:port`) shows, after the words of a protocol if TLS does not begin at once. Ends with the
/// error of the handshake if there is one, so that a script can ask, too.
pub(super) fn show(host: &str, starttls: Option<&str>, ca: Option<&Path>, ui: &Ui) -> Result<(), CliError> {
    let Seen { version, judgement, refusal } = ask(host, starttls, ca)?;
    match ui.is_json() {
        true => ui.json(&as_json(host, version, &judgement))?,
        false => print(host, version, &judgement, ui)?,
    }
    refusal.map_or(Ok(()), |error| Err(error.into()))
}

/// Asks a server, in the words of a protocol if TLS does not begin at once, until TLS is up or refused.
pub(super) fn ask(host: &str, starttls: Option<&str>, ca: Option<&Path>) -> Result<Seen, CliError> {
    let roots = ca.map(chain).transpose()?.map_or(Roots::System, Roots::Only);
    let usual = starttls.and_then(by_name).map_or(HTTPS, |protocol| protocol.port());
    let origin = endpoint::parse(host, Some(usual)).map_err(gatepost::Error::from)?;
    let alpn = if starttls.is_none() { ClientTls::default().alpn } else { Vec::new() };
    let connector = Connector::builder().roots(roots).alpn(alpn).build()?;
    runtime::block_on(async {
        let socket = connector.connect_plain(&format!("{}:{}", origin.host(), origin.port())).await?;
        let secured = match starttls {
            Some(protocol) => socket.starttls(protocol).await,
            None => socket.upgrade_tls(origin.host()).await,
        };
        match secured {
            Ok(socket) => {
                let tls = socket.info().tls.as_ref();
                let judgement = tls.and_then(|tls| tls.judgement.as_deref()).cloned().unwrap_or_default();
                Ok(Seen { version: tls.map(|tls| tls.version.name()), judgement, refusal: None })
            }
            Err(error) => {
                let judgement = match error.net() {
                    Some(NetError::Tls { reason: TlsError::Certificate(judgement), .. }) => Judgement::clone(judgement),
                    _ => return Err(error.into()),
                };
                Ok(Seen { version: None, judgement, refusal: Some(error) })
            }
        }
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
