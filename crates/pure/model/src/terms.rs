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
    /// By the lists that are named; where none is, nobody asks.
    #[default]
    Listed,
    /// By the lists that are named; where none is, nobody is let in.
    On,
    /// The same: nothing is ever fetched here. Kept for listings that say so.
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
    /// How it is found out whether a client's certificate was revoked. Default by the lists that are named.
    pub revocation: Revocation,
    /// Files of revocation lists (RFC 5280 §5), each an absolute path.
    pub revocation_lists: Vec<String>,
    /// Whether a stapled OCSP response is sent; `None`: if a file is named.
    pub staple: Option<bool>,
    /// The file of the OCSP response (RFC 6960) that is stapled, an absolute path.
    pub staple_file: Option<String>,
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

/// The names of the terms that are paths.
const LIST: &str = "crl";
const STAPLE_FILE: &str = "staple-file";
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
            revocation: Revocation::Listed,
            revocation_lists: Vec::new(),
            staple: None,
            staple_file: None,
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
        let files = self.revocation_lists.iter().map(|path| (LIST, path));
        for (name, path) in files.chain(self.staple_file.iter().map(|path| (STAPLE_FILE, path))) {
            let _ = writeln!(text, "{name}={}", without_controls(path));
        }
        for (label, value) in &self.imported {
            let _ = writeln!(text, "{IMPORTED}{}={}", one_line(label), one_line(value));
        }
        text
    }

    /// The terms that differ from the default, by name. Without what was imported, and without authorities and files.
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
            ("verify-revocation", Some(self.revocation.name()).filter(|name| *name != "listed")),
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

    /// Sets one term by its name; of lists, adds one. `None` if there is no such name or value.
    pub fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "min-tls" => self.min_tls = Some(TlsBound::named(value)?),
            "max-tls" => self.max_tls = Some(TlsBound::named(value)?),
            "http2" => self.http2 = Some(switched(value)?),
            "client-cert" => self.client_certificate = ClientCertificate::named(value)?,
            "client-ca-hints" => self.client_hints = switched(value)?,
            "usage-check" => self.usage_check = switched(value)?,
            "verify-revocation" => self.revocation = Revocation::named(value)?,
            LIST => self.revocation_lists.push(value.to_owned()),
            "staple" => self.staple = Some(switched(value)?),
            STAPLE_FILE => self.staple_file = Some(value.to_owned()),
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

    /// Whether a client whose certificate no list speaks about is sent away. It is where lists are named, and where
    /// somebody said so.
    #[must_use]
    pub fn checks_revocation(&self) -> bool {
        match self.revocation {
            Revocation::Listed => !self.revocation_lists.is_empty(),
            Revocation::On | Revocation::Cached => true,
            Revocation::Off => false,
        }
    }

    /// The file of the OCSP response that is stapled, if one is.
    #[must_use]
    pub fn stapled_file(&self) -> Option<&str> {
        self.staple_file.as_deref().filter(|_| self.staple != Some(false))
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
    /// `listed`, `on`, `cached` or `off`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::On => "on",
            Self::Cached => "cached",
            Self::Off => "off",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Listed, Self::On, Self::Cached, Self::Off].into_iter().find(|one| one.name() == name)
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

/// A path ends at the end of its line. One with a line end in it is the path of no file.
fn without_controls(path: &str) -> String {
    path.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
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
            revocation_lists: vec!["/etc/a=b.crl".into(), "/etc/b.crl".into()],
            staple: Some(true),
            staple_file: Some("/etc/a.ocsp".into()),
            tickets: Some(false),
            log: Some(true),
            imported: vec![("Ctl Store Name".into(), "(null)".into())],
        }
    }

    #[test]
    fn they_are_written_and_read() {
        let text = "min-tls=1.2\nmax-tls=1.3\nhttp2=off\nclient-cert=require\nclient-ca-hints=off\nusage-check=off\n\
                    verify-revocation=cached\nstaple=on\ntickets=off\nlog=on\ncrl=/etc/a=b.crl\n\
                    crl=/etc/b.crl\nstaple-file=/etc/a.ocsp\nimported.Ctl Store Name=(null)\n";
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
    fn a_path_cannot_smuggle_a_term_in() {
        let path = || "/a\nusage-check=off".to_owned();
        let terms = Terms { revocation_lists: vec![path()], staple_file: Some(path()), ..Terms::default() };
        let plain = "/a usage-check=off".to_owned();
        let read = Terms::from_text(&terms.to_text()).unwrap();
        assert_eq!(
            (read.usage_check, read.revocation_lists, read.staple_file),
            (true, vec![plain.clone()], Some(plain))
        );
    }

    #[test]
    fn lists_are_asked_where_there_are_some_or_should_be() {
        let table = [
            (Revocation::Listed, false, true),
            (Revocation::On, true, true),
            (Revocation::Cached, true, true),
            (Revocation::Off, false, false),
        ];
        for (revocation, without, with) in table {
            let checks =
                |revocation_lists| Terms { revocation, revocation_lists, ..Terms::default() }.checks_revocation();
            assert_eq!((checks(vec![]), checks(vec!["/a.crl".into()])), (without, with), "{revocation:?}");
        }
        let file = |staple| Terms { staple, staple_file: Some("/a".into()), ..Terms::default() };
        assert_eq!([None, Some(true), Some(false)].map(|on| file(on).stapled_file().is_some()), [true, true, false]);
    }

    #[test]
    fn bounds_leave_a_version_or_none() {
        let bounds = |min_tls, max_tls| Terms { min_tls, max_tls, ..Terms::default() }.leaves_a_version();
        assert!(bounds(None, Some(TlsBound::V1_2)) && bounds(Some(TlsBound::V1_3), None) && bounds(None, None));
        assert!(!bounds(Some(TlsBound::V1_3), Some(TlsBound::V1_2)));
    }
}
