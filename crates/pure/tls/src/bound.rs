//! What a key is bound to, and what that is to a client.

use std::sync::Arc;

use gatepost_model::terms::Terms;

use crate::directory::Directory;
use crate::lists::RevocationLists;
use crate::lookup::{Outcome, Rule};
use crate::manner::Manner;
use crate::server_certificate::ServerCertificate;

/// What a key is bound to, ready to answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This certificate.
    Certificate(Arc<ServerCertificate>),
    /// The end of the connection, before any certificate is shown.
    Reject,
    /// The certificate that a directory has for the name; without a name, none.
    Directory(Arc<Directory>),
}

/// A binding, ready to answer.
#[derive(Debug, Clone)]
pub struct Bound {
    pub(crate) answer: Answer,
    pub(crate) manner: Manner,
    /// Whether somebody wants to hear of each handshake.
    pub(crate) is_logged: bool,
}

impl Bound {
    /// Answers so, on these terms. The files that they name are not read here.
    #[must_use]
    pub fn new(answer: Answer, terms: &Terms) -> Self {
        Self { answer, manner: Manner::of(terms), is_logged: terms.log == Some(true) }
    }

    /// The same with what the files hold that its terms name for the certificates of clients. Where the terms want those
    /// to be held against lists and there are none, each is refused.
    #[must_use]
    pub fn with_revocation_lists(self, lists: RevocationLists) -> Self {
        Self { manner: self.manner.with_revocation_lists(lists), ..self }
    }

    /// Whether a client that it answers is asked for a certificate.
    pub(crate) fn asks(&self) -> bool {
        self.manner.asks() && !matches!(self.answer, Answer::Reject)
    }

    /// What this binding is to a client.
    pub(crate) fn judge(&self, rule: Rule, name: Option<&str>) -> (Outcome, Option<&Arc<ServerCertificate>>) {
        let certificate = match &self.answer {
            Answer::Reject => return (Outcome::Rejects, None),
            Answer::Certificate(certificate) => certificate,
            Answer::Directory(directory) => match name.and_then(|name| directory.find(name)) {
                Some(certificate) => certificate,
                None if rule.is_any_name() && name.is_some_and(|name| directory.has_nothing_for(name)) => {
                    return (Outcome::NoFile, None);
                }
                None => return (Outcome::Unfit, None),
            },
        };
        match name {
            Some(name) if rule.is_by_address() && !certificate.facts().covers(name) => (Outcome::NotCovered, None),
            _ => (Outcome::Answers, Some(certificate)),
        }
    }
}
