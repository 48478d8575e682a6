//! What a context that stands says of its two ends.

use std::time::Duration;

use crate::abi::{ANONYMOUS, CHANNEL_BOUND, INDEFINITE, MUTUAL, REPLAY, SEQUENCE};
use crate::error::KerberosError;
use crate::library::context::Context;
use crate::library::held::Name;
use crate::library::system::Library;

/// The realm of those who do not say who they are (RFC 8062 §3.1).
const ANONYMOUS_REALM: &str = "WELLKNOWN:ANONYMOUS";

/// The facts of a context, from either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The client's principal with its realm, `alice@EXAMPLE.COM`, spelled as the library does: `\` before what is
    /// not to be read as a separator.
    pub client: String,
    /// The client's realm.
    pub realm: String,
    /// The service's principal with its realm, `HTTP/www.example.com@EXAMPLE.COM`.
    pub service: String,
    /// How long the ticket lasts from now; `None` if it has no end. An acceptor's is longer by the clock skew that is
    /// allowed, five minutes mostly.
    pub lifetime: Option<Duration>,
    /// Whether the service has proved itself to the client.
    pub mutual: bool,
    /// Whether replayed messages would be told apart.
    pub replay: bool,
    /// Whether messages out of order would be told apart.
    pub sequence: bool,
    /// Acceptor: whether both ends gave the same channel bindings. An initiator does not learn it.
    pub bound: bool,
}

impl Facts {
    /// Reads them of a context that stands and is Kerberos.
    pub(crate) fn of(library: &Library, context: &Context, flags: u32) -> Result<Self, KerberosError> {
        let (source, target, left) = context.inquire()?;
        let client = principal(library, &source)?;
        let (_, realm) = split(&client).ok_or(KerberosError::Nameless)?;
        if flags & ANONYMOUS != 0 || realm == ANONYMOUS_REALM {
            return Err(KerberosError::Nameless);
        }
        Ok(Self {
            realm: realm.to_owned(),
            service: principal(library, &target)?,
            client,
            lifetime: (left != INDEFINITE).then(|| Duration::from_secs(left.into())),
            mutual: flags & MUTUAL != 0,
            replay: flags & REPLAY != 0,
            sequence: flags & SEQUENCE != 0,
            bound: flags & CHANNEL_BOUND != 0,
        })
    }
}

fn principal(library: &Library, name: &Name) -> Result<String, KerberosError> {
    let text = String::from_utf8(library.text(name)?).map_err(|_| KerberosError::Nameless)?;
    if text.chars().any(char::is_control) { Err(KerberosError::Nameless) } else { Ok(text) }
}

/// A principal's name and realm: at the last `@` that is not escaped.
fn split(principal: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let mut at = None;
    for (index, char) in principal.char_indices() {
        match char {
            '@' if !escaped => at = Some(index),
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
    let (name, realm) = principal.split_at_checked(at?)?;
    let realm = realm.strip_prefix('@')?;
    (!name.is_empty() && !realm.is_empty()).then_some((name, realm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_realm_stands_behind_the_last_at_that_is_not_escaped() {
        let table = [
            ("alice@R.TEST", Some(("alice", "R.TEST"))),
            ("HTTP/a.test@R.TEST", Some(("HTTP/a.test", "R.TEST"))),
            (r"alice\@corp@R.TEST", Some((r"alice\@corp", "R.TEST"))),
            (r"alice@evil\@R.TEST", Some(("alice", r"evil\@R.TEST"))),
            (r"alice\\@R.TEST", Some((r"alice\\", "R.TEST"))),
            ("alice", None),
            (r"alice\@R.TEST", None),
            ("@R.TEST", None),
            ("alice@", None),
        ];
        for (principal, expected) in table {
            assert_eq!(split(principal), expected, "{principal}");
        }
    }
}
