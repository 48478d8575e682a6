//! One binding of a listing, and what it means here.

use std::net::SocketAddr;

use gatepost::model::application::ApplicationId;
use gatepost::model::binding::BindingKey;
use gatepost::model::terms::{ClientCertificate, Revocation, Terms, TlsBound};

use super::labels;

/// Its lines, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) lines: Vec<(String, String)>,
}

impl Entry {
    /// What it says under a label.
    pub(crate) fn value(&self, label: &str) -> Option<&str> {
        let found = self.lines.iter().find(|(known, _)| known.eq_ignore_ascii_case(label));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty() && *value != "(null)")
    }

    /// Its key as it stands there.
    pub(crate) fn name(&self) -> &str {
        self.lines.first().map_or("", |(_, value)| value)
    }

    /// The key, and whether a directory of certificates is asked there.
    pub(crate) fn key(&self) -> Result<(BindingKey, bool), String> {
        let (label, value) = self.lines.first().ok_or("it has no lines")?;
        let wrong = || format!("`{value}` is no key of a binding");
        if label.eq_ignore_ascii_case(labels::ADDRESS) {
            return value
                .parse::<SocketAddr>()
                .map(|address| (BindingKey::Address(address), false))
                .map_err(|_| wrong());
        }
        if label.eq_ignore_ascii_case(labels::HOST) {
            return value
                .parse()
                .map(|key: BindingKey| (key.clone(), matches!(key, BindingKey::Any { .. })))
                .map_err(|_| wrong());
        }
        let port = value.parse().map(|port| BindingKey::Any { port });
        port.or_else(|_| value.parse()).map(|key| (key, true)).map_err(|_| wrong())
    }

    /// Whose it is.
    pub(crate) fn application(&self) -> Result<Option<ApplicationId>, String> {
        self.value(labels::APPLICATION).map(str::parse).transpose().map_err(|error: _| {
            let error: gatepost::model::application::ApplicationIdError = error;
            error.to_string()
        })
    }

    /// Whether connections end before a certificate is shown.
    pub(crate) fn rejects(&self) -> bool {
        self.is_on(labels::REJECT)
    }

    /// Its terms, with all its lines kept, so that they can be printed again.
    pub(crate) fn terms(&self) -> Result<Terms, String> {
        let on = |label| self.is_on(label);
        let said = |label, on: bool| self.is_on(label).then_some(on);
        let head = [labels::ADDRESS, labels::HOST, labels::STORE, labels::HASH, labels::APPLICATION];
        let is_body = |(label, _): &&(String, String)| !head.iter().any(|known| known.eq_ignore_ascii_case(label));
        let unless_said = |label: &str| self.value(label).is_none_or(|value| value.eq_ignore_ascii_case("Enabled"));
        let terms = Terms {
            min_tls: on(labels::NO_TLS12).then_some(TlsBound::V1_3),
            max_tls: on(labels::NO_TLS13).then_some(TlsBound::V1_2),
            http2: said(labels::NO_HTTP2, false),
            client_certificate: match on(labels::NEGOTIATE) {
                // HTTP.sys asks, and the application decides what to do without one.
                true => ClientCertificate::Request,
                false => ClientCertificate::Off,
            },
            usage_check: unless_said(labels::USAGE),
            revocation: match (unless_said(labels::REVOCATION), on(labels::REVOCATION_CACHED)) {
                (false, _) => Revocation::Off,
                (true, true) => Revocation::Cached,
                (true, false) => Revocation::On,
            },
            staple: said(labels::NO_OCSP, false),
            tickets: said(labels::TICKET, true),
            log: said(labels::LOG, true),
            imported: self.lines.iter().skip(1).filter(is_body).cloned().collect(),
            ..Terms::default()
        };
        if !terms.leaves_a_version() {
            return Err("it has TLS 1.2 and 1.3 off, and nothing older is spoken here".into());
        }
        Ok(terms)
    }

    fn is_on(&self, label: &str) -> bool {
        self.value(label)
            .is_some_and(|value| value.eq_ignore_ascii_case("Enabled") || value.eq_ignore_ascii_case("Set"))
    }
}
