//! What was written about the certificates of clients becomes what holds: of a listener, and of a route.

use std::path::PathBuf;

use gatepost::model::terms::ClientCertificate;
use toml::Spanned;

use crate::config::clients::{Clients, When};
use crate::config::document::Document;
use crate::config::spec::Written;
use crate::error::GatewayError;

/// What was written, with its places.
pub(crate) struct Said {
    pub(crate) when: Written<When>,
    pub(crate) authorities: Written<PathBuf>,
    pub(crate) revocation: Written<PathBuf>,
}

impl Said {
    /// Gives it its meaning; `usual` is what holds where nothing is said of `client_certificate`.
    pub(crate) fn clients(self, usual: ClientCertificate, document: &Document) -> Result<Clients, GatewayError> {
        let Self { when, authorities, revocation } = self;
        let when = when.map_or(usual, |when| when.get_ref().0);
        if let (Some(file), None) = (&revocation, &authorities) {
            let problem = "`client_revocation` without the `client_ca` whose certificates it takes back";
            return Err(document.wrong(&file.span(), problem));
        }
        if let (Some(file), ClientCertificate::Off) = (&authorities, when) {
            return Err(GatewayError::Setting {
                place: document.source(&file.span()).to_string(),
                problem: "a `client_ca`, and nobody is asked for a certificate".into(),
                hint: Some("add `client_certificate = \"require\"`, or \"request\"".into()),
            });
        }
        let file = |file: Spanned<PathBuf>| document.beside(file.get_ref());
        Ok(Clients { when, authorities: authorities.map(file), revocation: revocation.map(file) })
    }
}
