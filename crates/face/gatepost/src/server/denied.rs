//! Why a request does not get through, before it is put into a status and words.

use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use http::Version;

/// A refusal on the road in. [`respond`](crate::server::respond) turns it into an answer; the
/// details stay in the events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// The request itself is wrong: an ambiguous path, a missing Host. The text names the fault.
    BadRequest(&'static str),
    /// The body is longer than its limit.
    TooLarge,
    /// The rest of the request did not come in time.
    TimedOut,
    /// The credentials do not follow their grammar.
    BadCredentials,
    /// Nobody has proved who they are. One challenge per scheme on offer.
    Unauthenticated(Vec<Challenge>),
    /// Too many tries with a wrong secret: nothing was looked at, and the next try is for after this time.
    TooMany(Duration),
    /// The principal may not.
    Forbidden,
    /// A certificate of the client is demanded, and none was shown in the handshake.
    CertificateWanted,
    /// The certificate that the client has shown is not taken here, or no longer.
    CertificateRefused,
    /// Nothing answers at this host and path.
    NoRoute,
    /// The request came over a connection that was made for another name (RFC 9110 §15.5.20).
    Misdirected,
    /// A WebSocket of version 13 is spoken here, and the request, over this version of HTTP, asks for none or for
    /// another.
    UpgradeRequired(Version),
    /// A method or protocol that is not for this place. The text says which.
    NotImplemented(&'static str),
    /// The upstream could not be reached or broke the protocol.
    BadGateway(&'static str),
    /// The upstream did not answer in time.
    GatewayTimeout,
    /// We cannot decide now: the store is down or too many proofs wait. Denied, not let through.
    Unavailable,
    /// Memory or file descriptors are short: nothing new is begun.
    Overloaded,
}
