//! The terms of a binding: what holds for connections that it answers, beside the certificate.

use std::fmt::Write;

use thiserror::Error;

/// A TLS version as a bound; ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsBound {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Whether clients are asked for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ClientCertificate {
    /// They are not asked.
    #[default]
    Off,
    /// They are asked, and may go on without.
    Request,
    /// Without one the handshake ends.
    Require,
}

/// How it is found out whether a client's certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Revocation {
    /// By every list there is.
    #[default]
    On,
    /// By what is at hand: nothing is fetched.
    Cached,
    /// Not at all.
    Off,
}

/// What a binding says beside the certificate. The default says nothing: the listener's rules hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Terms {
    /// The oldest version accepted; `None`: as the listener.
    pub min_tls: Option<TlsBound>,
    /// The newest version accepted; `None`: as the listener.
    pub max_tls: Option<TlsBound>,
    /// Whether HTTP/2 is offered; `None`: as the listener.
    pub http2: Option<bool>,
    /// Whether clients are asked for a certificate. Default off.
    pub client_certificate: ClientCertificate,
    /// The authorities that clients' certificates may come from, as DER.
    pub client_authorities: Vec<Vec<u8>>,
    /// Whether clients are told which authorities those are. Default yes.
    pub client_hints: bool,
    /// Whether a client's certificate must be for clients (id-kp-clientAuth). Default yes.
    pub usage_check: bool,
    /// How it is found out whether a client's certificate was revoked. Default on.
    pub revocation: Revocation,
    /// Whether a stapled OCSP answer is sent; `None`: as the listener.
    pub staple: Option<bool>,
    /// Whether sessions are resumed by tickets; `None`: as the listener.
    pub tickets: Option<bool>,
    /// Whether handshakes are logged in detail; `None`: as the listener.
    pub log: Option<bool>,
    /// What a foreign listing said that means nothing here, label and value, to print it back.
    pub imported: Vec<(String, String)>,
}

/// A text that holds no terms, or terms that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no term of a binding that this version knows")]
pub struct TermsError(String);

/// What stands in front of an imported label.
const IMPORTED: &str = "imported.";

impl Default for Terms {
    fn default() -> Self {
        Self {
            min_tls: None,
            max_tls: None,
            http2: None,
            client_certificate: ClientCertificate::Off,
            client_authorities: Vec::new(),
            client_hints: true,
            usage_check: true,
            revocation: Revocation::On,
            staple: None,
            tickets: None,
            log: None,
            imported: Vec::new(),
        }
    }
}

impl Terms {
    /// What differs from the default, a line each: `name=value`. Authorities are not in it: they are no text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.named() {
            // Writing into a string does not fail.
            let _ = writeln!(text, "{name}={value}");
        }
        for (label, value) in &self.imported {
            let _ = writeln!(text, "{IMPORTED}{}={}", one_line(label), one_line(value));
        }
        text
    }

    /// The terms that differ from the default, by name. Without what was imported, and without authorities.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, &'static str)> {
        let off = |said: bool| (!said).then_some("off");
        let all = [
            ("min-tls", self.min_tls.map(TlsBound::name)),
            ("max-tls", self.max_tls.map(TlsBound::name)),
            ("http2", self.http2.map(switch)),
            ("client-cert", Some(self.client_certificate.name()).filter(|name| *name != "off")),
            ("client-ca-hints", off(self.client_hints)),
            ("usage-check", off(self.usage_check)),
            ("verify-revocation", Some(self.revocation.name()).filter(|name| *name != "on")),
            ("staple", self.staple.map(switch)),
            ("tickets", self.tickets.map(switch)),
            ("log", self.log.map(switch)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`TermsError`] with the line that is not understood: what is not understood must not be left out.
    pub fn from_text(text: &str) -> Result<Self, TermsError> {
        let mut terms = Self::default();
        for line in text.lines() {
            let wrong = || TermsError(line.to_owned());
            let (name, value) = line.split_once('=').ok_or_else(wrong)?;
            match name.strip_prefix(IMPORTED) {
                Some(label) => terms.imported.push((label.to_owned(), value.to_owned())),
                None => terms.set(name, value).ok_or_else(wrong)?,
            }
        }
        Ok(terms)
    }

    /// Sets one term by its name. `None` if there is no such name or value.
    pub fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "min-tls" => self.min_tls = Some(TlsBound::named(value)?),
            "max-tls" => self.max_tls = Some(TlsBound::named(value)?),
            "http2" => self.http2 = Some(switched(value)?),
            "client-cert" => self.client_certificate = ClientCertificate::named(value)?,
            "client-ca-hints" => self.client_hints = switched(value)?,
            "usage-check" => self.usage_check = switched(value)?,
            "verify-revocation" => self.revocation = Revocation::named(value)?,
            "staple" => self.staple = Some(switched(value)?),
            "tickets" => self.tickets = Some(switched(value)?),
            "log" => self.log = Some(switched(value)?),
            _ => return None,
        }
        Some(())
    }

    /// What a foreign listing said under that label.
    #[must_use]
    pub fn imported(&self, label: &str) -> Option<&str> {
        self.imported.iter().find(|(known, _)| known == label).map(|(_, value)| value.as_str())
    }

    /// Whether the bounds leave a version.
    #[must_use]
    pub fn leaves_a_version(&self) -> bool {
        self.min_tls.unwrap_or(TlsBound::V1_2) <= self.max_tls.unwrap_or(TlsBound::V1_3)
    }
}

impl TlsBound {
    /// `1.2` or `1.3`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// The version of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::V1_2, Self::V1_3].into_iter().find(|one| one.name() == name)
    }
}

impl ClientCertificate {
    /// `off`, `request` or `require`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Request => "request",
            Self::Require => "require",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Off, Self::Request, Self::Require].into_iter().find(|one| one.name() == name)
    }
}

impl Revocation {
    /// `on`, `cached` or `off`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Cached => "cached",
            Self::Off => "off",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::On, Self::Cached, Self::Off].into_iter().find(|one| one.name() == name)
    }
}

const fn switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn switched(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A label ends at the first `=` and a value at the end of its line: both stay what they were when read again.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() || letter == '=' { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Terms {
        Terms {
            min_tls: Some(TlsBound::V1_2),
            max_tls: Some(TlsBound::V1_3),
            http2: Some(false),
            client_certificate: ClientCertificate::Require,
            client_authorities: Vec::new(),
            client_hints: false,
            usage_check: false,
            revocation: Revocation::Cached,
            staple: Some(true),
            tickets: Some(false),
            log: Some(true),
            imported: vec![("Ctl Store Name".into(), "(null)".into())],
        }
    }

    #[test]
    fn they_are_written_and_read() {
        let text = "min-tls=1.2\nmax-tls=1.3\nhttp2=off\nclient-cert=require\nclient-ca-hints=off\nusage-check=off\n\
                    verify-revocation=cached\nstaple=on\ntickets=off\nlog=on\nimported.Ctl Store Name=(null)\n";
        assert_eq!(all().to_text(), text);
        assert_eq!(Terms::from_text(text), Ok(all()));
        assert_eq!((Terms::default().to_text(), Terms::from_text("")), (String::new(), Ok(Terms::default())));
        assert_eq!(all().imported("Ctl Store Name"), Some("(null)"));
    }

    #[test]
    fn what_is_not_understood_is_not_left_out() {
        for line in ["http2", "http2=maybe", "http9=on", "min-tls=1.1", "client-cert=", "=on"] {
            assert_eq!(Terms::from_text(&format!("log=on\n{line}\n")), Err(TermsError(line.into())), "{line}");
        }
    }

    #[test]
    fn an_import_cannot_smuggle_a_term_in() {
        let terms = Terms { imported: vec![("a=b\nhttp2".into(), "x\nhttp2=off".into())], ..Terms::default() };
        let read = Terms::from_text(&terms.to_text()).unwrap();
        assert_eq!((read.http2, read.imported), (None, vec![("a b http2".into(), "x http2 off".into())]));
    }

    #[test]
    fn bounds_leave_a_version_or_none() {
        let bounds = |min_tls, max_tls| Terms { min_tls, max_tls, ..Terms::default() }.leaves_a_version();
        assert!(bounds(None, Some(TlsBound::V1_2)) && bounds(Some(TlsBound::V1_3), None) && bounds(None, None));
        assert!(!bounds(Some(TlsBound::V1_3), Some(TlsBound::V1_2)));
    }
}
