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
    /// What of it was not understood when it was read.
    pub(crate) wrong: Option<String>,
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
    pub(crate) fn rejects(&self) -> Result<bool, String> {
        Ok(self.switch(labels::REJECT)?.unwrap_or(false))
    }

    /// Its terms, with all its lines kept, so that they can be printed again. What is there and not understood is an
    /// error: what was on must not be off here without a word.
    pub(crate) fn terms(&self) -> Result<Terms, String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let on = |label| Ok::<_, String>(self.switch(label)?.unwrap_or(false));
        let off = |label| Ok::<_, String>(!self.switch(label)?.unwrap_or(true));
        let said = |label, means: bool| Ok::<_, String>(on(label)?.then_some(means));
        let head = [labels::ADDRESS, labels::HOST, labels::STORE, labels::HASH, labels::APPLICATION];
        let is_body = |(label, _): &&(String, String)| !head.iter().any(|known| known.eq_ignore_ascii_case(label));
        let terms = Terms {
            min_tls: on(labels::NO_TLS12)?.then_some(TlsBound::V1_3),
            max_tls: on(labels::NO_TLS13)?.then_some(TlsBound::V1_2),
            http2: said(labels::NO_HTTP2, false)?,
            client_certificate: match on(labels::NEGOTIATE)? {
                // HTTP.sys asks, and the application decides what to do without one.
                true => ClientCertificate::Request,
                false => ClientCertificate::Off,
            },
            usage_check: !off(labels::USAGE)?,
            revocation: match (off(labels::REVOCATION)?, on(labels::REVOCATION_CACHED)?) {
                (true, _) => Revocation::Off,
                (false, true) => Revocation::Cached,
                (false, false) => Revocation::On,
            },
            staple: said(labels::NO_OCSP, false)?,
            tickets: said(labels::TICKET, true)?,
            log: said(labels::LOG, true)?,
            imported: self.lines.iter().skip(1).filter(is_body).cloned().collect(),
            ..Terms::default()
        };
        if !terms.leaves_a_version() {
            return Err("it has TLS 1.2 and 1.3 off, and nothing older is spoken here".into());
        }
        Ok(terms)
    }

    /// Whether it is on under a label; `None` if there is no such line.
    fn switch(&self, label: &str) -> Result<Option<bool>, String> {
        let found = self.lines.iter().find(|(known, _)| known.eq_ignore_ascii_case(label));
        let Some((_, value)) = found else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "enabled" | "set" => Ok(Some(true)),
            "disabled" | "not set" => Ok(Some(false)),
            _ => Err(format!("`{label}` is `{value}`, which is neither on nor off")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_and_not_understood_is_an_error() {
        let entry = |label: &str, value: &str| {
            let lines = [(labels::ADDRESS, "0.0.0.0:443"), (label, value)];
            let lines = lines.map(|(label, value)| (label.to_owned(), value.to_owned())).to_vec();
            Entry { lines, wrong: None }
        };
        let switches = [
            labels::NEGOTIATE,
            labels::USAGE,
            labels::REVOCATION,
            labels::REVOCATION_CACHED,
            labels::NO_HTTP2,
            labels::NO_TLS12,
            labels::NO_TLS13,
            labels::NO_OCSP,
            labels::TICKET,
            labels::LOG,
        ];
        for label in switches {
            for value in ["Yes", "1", "", "(null)", "Enable"] {
                let wrong = format!("`{label}` is `{value}`, which is neither on nor off");
                assert_eq!(entry(label, value).terms(), Err(wrong));
            }
            for value in ["Enabled", "disabled", "Set", "NOT SET"] {
                assert!(entry(label, value).terms().is_ok(), "{label} {value}");
            }
        }
        assert!(entry(labels::REJECT, "Yes").rejects().is_err());
        assert_eq!(entry(labels::REJECT, "Enabled").rejects(), Ok(true));
        assert_eq!(entry(labels::REJECT, "Disabled").rejects(), Ok(false));
        assert_eq!(entry("Another", "Yes").rejects(), Ok(false));
    }
}
