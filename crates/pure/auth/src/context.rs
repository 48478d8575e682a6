//! A step of a security context that the system keeps for us (GSSAPI, RFC 2743): what goes in and what comes out.

use gatepost_model::time::Timestamp;

/// Which mechanism a context speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Kerberos 5 alone (RFC 4121).
    Kerberos,
    /// SPNEGO around Kerberos (RFC 4178).
    Spnego,
}

/// What to step a context with. Which credential it uses, and whether channel bindings and mutual authentication are
/// demanded, is a setting of whoever keeps the contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextAsk {
    /// The context that was begun before; `None` begins one.
    pub number: Option<u64>,
    /// What it speaks.
    pub mechanism: Mechanism,
    /// Client: whom it wants to talk to, as `HTTP@host`. Server: empty.
    pub service: String,
    /// What the other end said; empty at a client's first step.
    pub token: Vec<u8>,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextStep {
    /// It goes on: these octets are for the other end, and the context has this number. Never empty.
    Continue {
        /// To be asked for at the next step.
        number: u64,
        /// For the other end.
        token: Vec<u8>,
    },
    /// It stands.
    Done {
        /// For the other end; empty if there is nothing left to say.
        token: Vec<u8>,
        /// Who is there.
        facts: ContextFacts,
    },
    /// There is no credential of this kind here, and why: the next scheme is tried.
    Unavailable(String),
    /// The other end's token was refused, and why: for us, not for the peer.
    Refused(String),
}

/// What a context that stands says of the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFacts {
    /// Its name: `user@REALM` of a client, the service of a server.
    pub name: String,
    /// When the ticket ends.
    pub expires: Option<Timestamp>,
    /// Whether the other end has proved itself, too.
    pub mutual: bool,
    /// Whether it was bound to the TLS channel, and the bindings agree.
    pub bound: bool,
}
