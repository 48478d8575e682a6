//! From a conversation in the clear to TLS on the same connection, protocol by protocol (STARTTLS).
//!
//! Each protocol is one file and one line in [`ALL`]. A [`Dialogue`](dialogue::Dialogue) drives it: octets in, octets
//! out, until both ends have agreed. What else was said in the clear never reaches the conversation that TLS protects:
//! whoever sits on the way could have put it there, and it would be taken for the other end's own (CVE-2011-0411, and
//! CVE-2021-23222 for PostgreSQL). So nobody may speak before their turn; a dialogue with as much as one octet too many
//! ends with [`StartTlsError::Injected`](error::StartTlsError::Injected).
//!
//! Nothing goes on in the clear where TLS was asked for: a server that does not offer it, or says no, is an error.

mod ber;
pub mod dialogue;
pub mod error;
mod ftp;
mod imap;
mod ldap;
mod lines;
mod mysql;
mod pop3;
mod postgres;
pub mod protocol;
mod reply;
mod smtp;
mod tags;
#[cfg(test)]
mod tests;
mod xmpp;

use self::protocol::Protocol;

/// All protocols, in the order in which they are listed.
pub static ALL: &[&dyn Protocol] =
    &[&smtp::Smtp, &imap::Imap, &pop3::Pop3, &ftp::Ftp, &xmpp::Xmpp, &ldap::Ldap, &postgres::Postgres, &mysql::MySql];

/// The protocol of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Protocol> {
    ALL.iter().copied().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
}
