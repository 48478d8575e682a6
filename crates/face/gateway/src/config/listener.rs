//! Listeners: where the gateway listens, and with which certificate.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;

use gatepost::model::network::{Network, NetworkError};
use gatepost::model::terms::ClientCertificate;
use toml::Spanned;

use crate::config::clients::Clients;
use crate::config::demands::Said;
use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::proxies::Announced;
use crate::config::source::Source;
use crate::config::spec::{ListenerSpec, Written};
use crate::error::GatewayError;

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where; port 0 takes any free port.
    pub address: SocketAddr,
    /// How it is protected.
    pub protection: Protection,
    /// The proxies that announce its connections (PROXY protocol); `None` if they come without.
    pub announcers: Option<Vec<Network>>,
    /// Who asked for it.
    pub source: Source,
}

/// What stands between the wire and a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// TLS with the certificates of the binding store.
    Bindings,
    /// TLS with a certificate chain and key in PEM files.
    Files {
        /// The chain, leaf first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
        /// Whether clients are asked for a certificate, and whose.
        clients: Clients,
    },
    /// None: plain HTTP. Only with `[danger] plain_listeners`.
    Plain,
}

impl std::fmt::Display for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bindings => f.write_str("TLS, certificates of the binding store"),
            Self::Files { certificate, .. } => write!(f, "TLS, {}", certificate.display()),
            Self::Plain => f.write_str("plain HTTP"),
        }
    }
}

/// Gives the written listeners their meaning.
pub(crate) fn listeners(
    specs: Vec<Spanned<ListenerSpec>>,
    plain_allowed: bool,
    document: &Document,
    layers: &mut Layers<'_>,
) -> Result<Vec<Listener>, GatewayError> {
    let mut listeners: Vec<Listener> = Vec::new();
    for spec in specs {
        let listener = listener(spec, plain_allowed, document)?;
        let twin = listeners.iter().find(|other| other.address == listener.address && other.address.port() != 0);
        if let Some(twin) = twin {
            let problem = format!("the address {} is listened on already at {}", listener.address, twin.source);
            let hint = Some("write one listener for each address".into());
            return Err(GatewayError::Setting { place: listener.source.to_string(), problem, hint });
        }
        let name = format!("listener[{}]", listeners.len());
        layers.note(&format!("{name}.address"), &listener.address, listener.source.clone());
        layers.note(&format!("{name}.protection"), &listener.protection, listener.source.clone());
        if let Some(announcers) = &listener.announcers {
            let from = announcers.iter().map(Network::to_string).collect::<Vec<_>>().join(", ");
            layers.note(&format!("{name}.proxy_protocol"), &"require", listener.source.clone());
            layers.note(&format!("{name}.proxy_protocol_from"), &from, listener.source.clone());
        }
        if let Protection::Files { clients, .. } = &listener.protection {
            for (key, value) in clients.entries() {
                layers.note(&format!("{name}.{key}"), &value, listener.source.clone());
            }
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

fn listener(spec: Spanned<ListenerSpec>, plain_allowed: bool, document: &Document) -> Result<Listener, GatewayError> {
    let whole = spec.span();
    let ListenerSpec {
        address,
        tls,
        certificate,
        key,
        client_certificate,
        client_ca,
        client_revocation,
        proxy_protocol,
        proxy_protocol_from,
    } = spec.into_inner();
    let announcers = announcers(proxy_protocol, proxy_protocol_from, document)?;
    let said = client_certificate.as_ref().map(Spanned::span).or(client_ca.as_ref().map(Spanned::span));
    let clients = Said { when: client_certificate, authorities: client_ca, revocation: client_revocation };
    let clients = clients.clients(ClientCertificate::Off, document)?;
    let source = document.source(&address.span());
    let plain = tls.as_ref().is_some_and(|tls| !tls.get_ref());
    let protection = match (certificate, key) {
        (Some(file), Some(_)) | (Some(file), None) if plain => {
            return Err(document.wrong(&file.span(), "a certificate on a listener with `tls = false`"));
        }
        (Some(certificate), Some(key)) => Protection::Files {
            certificate: document.beside(certificate.get_ref()),
            key: document.beside(key.get_ref()),
            clients: authorised(clients, said.as_ref(), document)?,
        },
        (Some(alone), None) => return Err(document.wrong(&alone.span(), "a `certificate` without its `key`")),
        (None, Some(alone)) => return Err(document.wrong(&alone.span(), "a `key` without its `certificate`")),
        (None, None) if said.is_some() => return Err(elsewhere(&document.source(&said.unwrap_or(whole)))),
        (None, None) if plain => Protection::Plain,
        (None, None) => Protection::Bindings,
    };
    if protection == Protection::Plain && !plain_allowed {
        let span = tls.map_or(whole, |tls| tls.span());
        return Err(GatewayError::Setting {
            place: document.source(&span).to_string(),
            problem: "a listener without TLS shows passwords and tokens to everyone on the way".into(),
            hint: Some("leave `tls` out, or set `plain_listeners = true` in `[danger]`".into()),
        });
    }
    Ok(Listener { address: address.into_inner(), protection, announcers, source })
}

/// The proxies that are believed: they have to be named, since whoever may announce a connection can be anybody.
fn announcers(
    said: Written<Announced>,
    from: Written<Vec<Spanned<String>>>,
    document: &Document,
) -> Result<Option<Vec<Network>>, GatewayError> {
    let place = |span: Range<usize>| document.source(&span).to_string();
    match (said, from) {
        (Some(said), from) if *said.get_ref() == Announced::Require => {
            let Some(from) = from.filter(|from| !from.get_ref().is_empty()) else {
                return Err(GatewayError::Setting {
                    place: place(said.span()),
                    problem: "`proxy_protocol` without the proxies that are believed".into(),
                    hint: Some("name them: `proxy_protocol_from = [\"10.0.0.0/8\"]`".into()),
                });
            };
            let read = |text: Spanned<String>| {
                let network = text.get_ref().parse();
                network.map_err(|error: NetworkError| document.wrong(&text.span(), error.to_string()))
            };
            from.into_inner().into_iter().map(read).collect::<Result<_, _>>().map(Some)
        }
        (_, Some(from)) => Err(GatewayError::Setting {
            place: place(from.span()),
            problem: "`proxy_protocol_from`, and nobody has to announce connections".into(),
            hint: Some("add `proxy_protocol = \"require\"`".into()),
        }),
        (_, None) => Ok(None),
    }
}

/// A listener knows nobody else who could say where certificates come from.
fn authorised(clients: Clients, said: Option<&Range<usize>>, document: &Document) -> Result<Clients, GatewayError> {
    match said {
        Some(said) if clients.are_asked() && clients.authorities.is_none() => Err(GatewayError::Setting {
            place: document.source(said).to_string(),
            problem: "clients are asked for a certificate, and no authority is named that it may come from".into(),
            hint: Some("name them with `client_ca = \"FILE\"`".into()),
        }),
        _ => Ok(clients),
    }
}

fn elsewhere(source: &Source) -> GatewayError {
    GatewayError::Setting {
        place: source.to_string(),
        problem: "this listener has no `certificate` of its own: what clients are asked for is a term of each binding"
            .into(),
        hint: Some("say it there: `gatepost cert rebind NAME:PORT --client-cert request --client-ca FILE`".into()),
    }
}
