//! Certificates of the local authority, issued anew and swapped where they are bound.

use std::time::Duration;

use gatepost::clock;
use gatepost::model::binding::{Answer, Binding};
use gatepost::store::store::{KnownCertificate, Store, StoredCertificate};
use gatepost::tls::certificate::Certificate;
use gatepost_gateway::first_run;
use serde_json::json;

use super::attached::check_staple;
use super::facts::{facts, hex};
use super::kept;
use crate::error::CliError;
use crate::runtime;
use crate::ui::Ui;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Issues a certificate anew and shows it wherever the one before is bound. `false`, and nothing is done, if it is not the
/// local authority's.
pub(super) fn renew(found: &KnownCertificate, days: Option<u32>, store: &dyn Store, ui: &Ui) -> Result<bool, CliError> {
    let der = found.chain.first().map_or(&[][..], Vec::as_slice);
    let authority = runtime::block_on(async { Ok(first_run::known_authority(store).await?) })?;
    let Some(authority) = authority.filter(|authority| authority.has_issued(der)) else { return Ok(false) };
    let before = facts(der)?;
    let life = days.map_or_else(|| life(&before), |days| DAY * days);
    let issued = authority.issue_server(&before.names(), clock::now(), life).map_err(gatepost::Error::from)?;
    let after = facts(issued.chain.first().map_or(&[], Vec::as_slice))?;
    let stored = StoredCertificate { fingerprint: after.fingerprint, chain: issued.chain, key: issued.key };
    let bound: Vec<Binding> =
        kept::bindings(store)?.into_iter().filter(|one| one.certificate() == Some(found.fingerprint)).collect();
    swap(&bound, &stored, store)?;
    for binding in &bound {
        if let Err(error) = check_staple(&binding.terms, Some(&stored.chain)) {
            ui.warning(&format!("{}: {error}: nothing is stapled until then", binding.key));
        }
    }
    let keys: Vec<String> = bound.iter().map(|binding| binding.key.to_string()).collect();
    let value = json!({
        "renewed": true,
        "before": hex(&before.fingerprint),
        "sha256": hex(&after.fingerprint),
        "not_after": after.not_after.to_string(),
        "bindings": keys,
    });
    let place =
        if keys.is_empty() { "it is bound nowhere".to_owned() } else { format!("shown at {}", keys.join(", ")) };
    ui.done(&format!("Certificate {} is good until {}; {place}.", hex(&after.fingerprint), after.not_after), &value)?;
    Ok(true)
}

/// Puts the new certificate where the one before was: each binding in one step, and only if it is as it was seen.
fn swap(bound: &[Binding], stored: &StoredCertificate, store: &dyn Store) -> Result<(), CliError> {
    runtime::block_on(async {
        store.put_certificate(stored.clone()).await.map_err(gatepost::Error::from)?;
        for before in bound {
            let answer = match before.answer {
                Answer::Reject(_) => Answer::Reject(Some(stored.fingerprint)),
                _ => Answer::Certificate(stored.fingerprint),
            };
            let binding = Binding { answer, ..before.clone() };
            store.update_binding(binding, before).await.map_err(gatepost::Error::from)?;
        }
        Ok(())
    })
}

/// As many whole days as it was good: the few minutes before its beginning are added each time.
fn life(before: &Certificate) -> Duration {
    let days = before.not_after.since(before.not_before).as_secs() / DAY.as_secs();
    DAY * u32::try_from(days).unwrap_or(u32::MAX).max(1)
}
