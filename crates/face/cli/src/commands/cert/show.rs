//! `gatepost cert show`: a binding in the order of `netsh http show sslcert`, with what only we know below.

use gatepost::model::binding::{Answer, Binding};
use gatepost::model::event::one_line;
use gatepost::store::store::Store;
use gatepost::tls::certificate::Certificate;
use serde_json::{Value, json};

use super::facts::{hex, to_json};
use super::kept;
use super::netsh::{labels, text};
use crate::error::CliError;
use crate::ui::Ui;

/// Shows one binding.
pub(super) fn binding(found: &Binding, store: &dyn Store, ui: &Ui) -> Result<(), CliError> {
    let leaf = leaf(found, store)?;
    if ui.is_json() {
        return ui.json(&as_json(found, leaf.as_ref()));
    }
    let line = |(label, value): &(String, String)| text::line(label, &one_line(value));
    let known: String = listed(found, leaf.as_ref()).iter().map(line).collect();
    let own: String = ours(found, leaf.as_ref()).iter().map(line).collect();
    ui.out(&format!("{known}\n{own}"))
}

/// Prints bindings as `netsh http show sslcert` would.
pub(super) fn listing(found: &[Binding], store: &dyn Store, ui: &Ui) -> Result<(), CliError> {
    let mut all = Vec::new();
    for one in found {
        let lines = listed(one, leaf(one, store)?.as_ref());
        all.push(lines.into_iter().map(|(label, value)| (label, one_line(&value))).collect());
    }
    ui.out(&text::write(&all))
}

/// A binding for programs.
pub(super) fn as_json(found: &Binding, leaf: Option<&Certificate>) -> Value {
    let (answer, directory) = match &found.answer {
        Answer::Certificate(_) => ("certificate", None),
        Answer::Reject(_) => ("reject", None),
        Answer::Directory(path) => ("directory", Some(path)),
    };
    let terms: serde_json::Map<String, Value> =
        found.terms.named().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let imported: Vec<Value> = found.terms.imported.iter().map(|(label, value)| json!([label, value])).collect();
    let mut shown = leaf.map_or_else(|| json!({}), to_json);
    shown["binding"] = json!(found.key.to_string());
    shown["answer"] = json!(answer);
    shown["directory"] = json!(directory);
    shown["application"] = json!(found.application.to_string());
    shown["terms"] = Value::Object(terms);
    shown["client_authorities"] = json!(found.terms.client_authorities.len());
    shown["revocation_lists"] = json!(found.terms.revocation_lists);
    shown["staple_file"] = json!(found.terms.staple_file);
    shown["imported"] = Value::Array(imported);
    shown
}

/// The facts of the certificate that a binding names.
pub(super) fn leaf(found: &Binding, store: &dyn Store) -> Result<Option<Certificate>, CliError> {
    let Some(certificate) = found.certificate() else { return Ok(None) };
    let known = kept::certificates(store)?.into_iter().find(|known| known.fingerprint == certificate);
    Ok(known.as_ref().and_then(kept::leaf))
}

fn listed(found: &Binding, leaf: Option<&Certificate>) -> Vec<(String, String)> {
    let thumbprint = leaf.map(|leaf| hex(&leaf.thumbprint));
    labels::lines(found, thumbprint.as_deref())
}

fn ours(found: &Binding, leaf: Option<&Certificate>) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    if let Answer::Directory(path) = &found.answer {
        lines.push(("Directory".into(), path.clone()));
    }
    if let Some(leaf) = leaf {
        let pin = gatepost::tls::verify::pin::Digest::Spki(leaf.spki).to_string();
        lines.extend([
            ("Subject".into(), leaf.subject.clone()),
            ("Issuer".into(), leaf.issuer.clone()),
            ("Names".into(), leaf.names().join(", ")),
            ("Valid".into(), format!("{} to {}", leaf.not_before, leaf.not_after)),
            ("Key".into(), format!("{} {} bits", leaf.key_kind, leaf.key_bits)),
            ("SHA-256".into(), hex(&leaf.fingerprint)),
            ("Pin".into(), pin),
        ]);
    }
    let said = found.terms.named();
    let term = |name: &str| {
        let value = said.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        value.unwrap_or("as the listener").to_owned()
    };
    let or = |name: &str, usual: &str| match term(name).as_str() {
        "as the listener" => usual.to_owned(),
        value => value.to_owned(),
    };
    let authorities = found.terms.client_authorities.len();
    lines.extend([
        ("Minimum TLS".into(), term("min-tls")),
        ("Maximum TLS".into(), term("max-tls")),
        ("HTTP/2".into(), term("http2")),
        ("Client Certificate".into(), or("client-cert", "off")),
        ("Client Authorities".into(), authorities.to_string()),
        ("Client Authority Hints".into(), or("client-ca-hints", "on")),
        ("Revocation Lists".into(), files(&found.terms.revocation_lists)),
        ("Session Tickets".into(), term("tickets")),
        ("OCSP Response".into(), found.terms.stapled_file().unwrap_or("none").to_owned()),
        ("TLS Log".into(), or("log", "off")),
    ]);
    lines
}

fn files(paths: &[String]) -> String {
    if paths.is_empty() { "none".to_owned() } else { paths.join(", ") }
}
