//! Certificates that an ACME authority is to be asked for.

use std::net::SocketAddr;

use toml::Spanned;

use crate::acme::authority::External;
use crate::acme::fetch::Charge;
use crate::acme::wanted::{Challenge, Names, Wanted};
use crate::config::document::Document;
use crate::config::layers::{Layers, Lookup};
use crate::config::listener::{Listener, Protection};
use crate::config::secret::SecretSource;
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

/// Whether this is a mail address that an authority can be told (RFC 8555 §7.3): one, and nothing else of a mailto
/// URL.
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
    if let Some(listen) = &listen
        && let Some(twin) = listeners.iter().find(|listener| listener.address == *listen.get_ref())
    {
        let problem = format!("the address {} is listened on already at {}", listen.get_ref(), twin.source);
        return Err(document.wrong(&listen.span(), problem));
    }
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
        Some(external) => Some((external.kid, SecretSource::read(external.key, document)?)),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::compose::{Config, Flags, compose};

    use super::*;

    fn read(text: &str) -> Result<Config, GatewayError> {
        let rest = "\n[[route]]\nschemes = [\"Basic\"]\nrespond = { status = 200 }\n[danger]\nplain_listeners = true\n";
        let document = Document::new(Path::new("d/gatepost.toml"), format!("{text}{rest}"));
        compose(Some(&document), &|_| None, &Flags::default())
    }

    const WHOLE: &str = r#"[[acme]]
names = ["www.example.com", "Example.com."]
directory = "https://ca.test/dir"
agree_tos = true
contact = ["ops@example.com"]
challenge = "http-01"
listen = "0.0.0.0:80"
ca_file = "ca.pem"
external_account = { kid = "k1", key = { env = "EAB" } }
"#;

    #[test]
    fn what_was_written() {
        let config = read(WHOLE).unwrap();
        let [acme] = config.acme.as_slice() else { panic!("{:?}", config.acme) };
        let Wanted { names, directory, ca_file, contact, challenge, listen } = &acme.wanted;
        assert_eq!(
            (names.to_string().as_str(), directory.as_str()),
            ("example.com, www.example.com", "https://ca.test/dir")
        );
        assert_eq!(
            (ca_file.as_deref(), contact.as_slice()),
            (Some(Path::new("d/ca.pem")), &["ops@example.com".to_owned()][..])
        );
        assert_eq!((*challenge, *listen), (Challenge::Http01, "0.0.0.0:80".parse().ok()));
        let charges = |value: Option<&str>| charges(&config.acme, &|_| value.map(str::to_owned));
        let external = charges(Some("c2VjcmV0")).unwrap().remove(0).external.unwrap();
        assert_eq!((external.id.as_str(), external.key.reveal_text()), ("k1", Some("c2VjcmV0")));
        assert!(matches!(charges(None), Err(GatewayError::Secret { .. })));
        let shown: Vec<&str> = config
            .entries
            .iter()
            .filter(|entry| entry.name.starts_with("acme"))
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(
            shown,
            ["acme[0].names", "acme[0].directory", "acme[0].challenge", "acme[0].contact", "acme[0].listen"]
        );
        let brief = "[[acme]]\nnames = [\"a.test\"]\ndirectory = \"letsencrypt\"\nagree_tos = true\n";
        assert_eq!(read(brief).unwrap().acme[0].wanted.challenge, Challenge::TlsAlpn01);
    }

    #[test]
    fn what_cannot_be() {
        let changed = |from: &str, to: &str| WHOLE.replace(from, to);
        let twin = "[[acme]]\nnames = [\"example.com\"]\ndirectory = \"letsencrypt\"\nagree_tos = true\n";
        let table = [
            (changed("agree_tos = true\n", ""), "1:1", "agree to its terms"),
            (changed("true", "false"), "1:1", "agree to its terms"),
            (changed("https://", "http://"), "3:13", "over `https://` only"),
            (changed("\"www.example.com\"", "\"*.example.com\""), "2:9", "dns-01"),
            (changed("\"www.example.com\", \"Example.com.\"", ""), "2:9", "at least one name"),
            (changed("http-01", "dns-01"), "6:13", "expected `tls-alpn-01` or `http-01`"),
            (changed("ops@example.com", "ops"), "5:12", "expected a mail address"),
            (changed("ops@", "ops@example.com?subject=x,y@"), "5:12", "expected a mail address"),
            (changed("listen = \"0.0.0.0:80\"\n", ""), "1:1", "no listener answers an authority that asks by http-01"),
            (changed("key = { env = \"EAB\" }", "key = { }"), "9:40", "a secret is never written here"),
            (changed("kid", "id"), "9:22", "unknown key `id`"),
            (format!("{WHOLE}{twin}"), "10:1", "example.com is in the certificate at d/gatepost.toml:1:1 already"),
            (format!("{WHOLE}[[listener]]\naddress = \"0.0.0.0:80\"\n"), "7:10", "is listened on already"),
            (
                format!("{WHOLE}[[listener]]\naddress = \"[::1]:80\"\ntls = false\n"),
                "1:1",
                "no listener shows the certificates",
            ),
        ];
        for (text, place, words) in table {
            let error = read(&text).unwrap_err();
            let GatewayError::Setting { place: at, problem, .. } = &error else { panic!("{error:?}") };
            assert!(
                problem.contains(words) && *at == format!("d/gatepost.toml:{place}"),
                "{place} {words}: {error}\n{text}"
            );
        }
    }
}
