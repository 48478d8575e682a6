//! Certificates that an ACME authority is to be asked for.

use std::net::SocketAddr;

use toml::Spanned;

use crate::acme::authority::External;
use crate::acme::fetch::Charge;
use crate::acme::wanted::{Challenge, Names, Wanted};
use crate::config::compose::{SecretSource, secret_source};
use crate::config::document::Document;
use crate::config::layers::{Layers, Lookup};
use crate::config::listener::{Listener, Protection};
use crate::config::source::Source;
use crate::config::spec::AcmeSpec;
use crate::error::GatewayError;
use crate::kept;

/// One certificate that the gateway is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// Which, and of whom.
    pub wanted: Wanted,
    /// An account that was made by other means: its identifier, and where its key lies.
    pub external: Option<(String, SecretSource)>,
    /// Who asked for it.
    pub source: Source,
}

/// What the gateway has to do for these, with the keys of accounts that are there already.
///
/// # Errors
/// [`GatewayError::Secret`] if such a key is not where it should be.
pub fn charges(all: &[Acme], environment: Lookup<'_>) -> Result<Vec<Charge>, GatewayError> {
    let charge = |acme: &Acme| {
        let external = match &acme.external {
            None => None,
            Some((id, source)) => Some(External { id: id.clone(), key: kept::secret(source, environment)? }),
        };
        Ok(Charge { wanted: acme.wanted.clone(), external })
    };
    all.iter().map(charge).collect()
}

/// Whether this is a mail address that an authority can be told (RFC 8555 §7.3): one, and nothing else of a mailto URL.
///
/// # Errors
/// What was expected.
pub fn mail(text: &str) -> Result<(), String> {
    let plain = |octet: u8| octet.is_ascii_graphic() && !b",?&%:/<>()[]\\\";".contains(&octet);
    let is_one = text.split('@').count() == 2 && !text.starts_with('@') && !text.ends_with('@');
    if is_one && text.bytes().all(plain) {
        return Ok(());
    }
    Err("expected a mail address such as `ops@example.com`".into())
}

/// Gives what was written its meaning.
pub(crate) fn certificates(
    specs: Vec<Spanned<AcmeSpec>>,
    listeners: &[Listener],
    document: &Document,
    layers: &mut Layers<'_>,
) -> Result<Vec<Acme>, GatewayError> {
    let mut all: Vec<Acme> = Vec::new();
    for spec in specs {
        let acme = certificate(spec, listeners, document)?;
        let claimed = |name| all.iter().find(|other| other.wanted.names.iter().any(|theirs| theirs == name));
        if let Some((name, twin)) = acme.wanted.names.iter().find_map(|name| Some((name, claimed(name)?))) {
            let problem = format!("{name} is in the certificate at {} already", twin.source);
            let hint = Some("write each name once".into());
            return Err(GatewayError::Setting { place: acme.source.to_string(), problem, hint });
        }
        note(&acme, all.len(), layers);
        all.push(acme);
    }
    Ok(all)
}

fn certificate(spec: Spanned<AcmeSpec>, listeners: &[Listener], document: &Document) -> Result<Acme, GatewayError> {
    let whole = spec.span();
    let source = document.source(&whole);
    let wrong = |problem: &str, hint: String| GatewayError::Setting {
        place: source.to_string(),
        problem: problem.to_owned(),
        hint: Some(hint),
    };
    let AcmeSpec { names, directory, agree_tos, contact, challenge, listen, ca_file, external_account } =
        spec.into_inner();
    if !agree_tos.is_some_and(Spanned::into_inner) {
        let hint = format!("read the terms of {}, and write `agree_tos = true`", directory.get_ref().0.origin());
        return Err(wrong("an authority issues to those who agree to its terms of service", hint));
    }
    let place = names.span();
    let names = Names::new(names.into_inner()).map_err(|problem| document.wrong(&place, problem))?;
    let challenge = match challenge {
        None => Challenge::default(),
        Some(text) => text.get_ref().parse().map_err(|problem: String| document.wrong(&text.span(), problem))?,
    };
    let listen = listen.map(Spanned::into_inner);
    if !listeners.iter().any(|listener| listener.protection == Protection::Bindings) {
        let hint = "add a `[[listener]]` without `certificate` and `key`".to_owned();
        return Err(wrong("no listener shows the certificates of the binding store", hint));
    }
    if let Some(hint) = unheard(challenge, listen, listeners) {
        return Err(wrong(&format!("no listener answers an authority that asks by {challenge}"), hint));
    }
    let external = match external_account.map(Spanned::into_inner) {
        None => None,
        Some(external) => Some((external.kid, secret_source(external.key, document)?)),
    };
    for address in &contact {
        mail(address.get_ref()).map_err(|problem| document.wrong(&address.span(), problem))?;
    }
    let contact = contact.into_iter().map(Spanned::into_inner).collect();
    let ca_file = ca_file.map(|file| document.beside(&file));
    let wanted = Wanted { names, directory: directory.into_inner().0, ca_file, contact, challenge, listen };
    Ok(Acme { wanted, external, source })
}

/// What to do if no listener hears an authority that asks; whether it asks at their port we cannot know.
fn unheard(challenge: Challenge, listen: Option<SocketAddr>, listeners: &[Listener]) -> Option<String> {
    let plain = |listener: &Listener| listener.protection == Protection::Plain;
    let heard =
        listen.is_some() || listeners.iter().any(|listener| plain(listener) == (challenge == Challenge::Http01));
    (!heard).then(|| {
        format!("write `listen = \"0.0.0.0:{}\"`: it is open while there is something to prove", challenge.port())
    })
}

/// Records one for `config show`.
fn note(acme: &Acme, at: usize, layers: &mut Layers<'_>) {
    let Wanted { names, directory, contact, challenge, listen, .. } = &acme.wanted;
    let contact = contact.join(", ");
    let said: [(&str, &dyn std::fmt::Display); 4] =
        [("names", names), ("directory", directory), ("challenge", challenge), ("contact", &contact)];
    for (name, value) in said {
        layers.note(&format!("acme[{at}].{name}"), value, acme.source.clone());
    }
    if let Some(listen) = listen {
        layers.note(&format!("acme[{at}].listen"), listen, acme.source.clone());
    }
}
