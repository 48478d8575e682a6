//! What a scheme asks the world for, and what came back.

use std::sync::Arc;

use gatepost_model::channel::Channel;
use gatepost_model::credential::Credential;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;

use crate::context::{ContextAsk, ContextStep};
use crate::hash::Hash;
use crate::jose::jwk::KeySet;
use crate::record::Kind;

/// Something that a scheme lacks. Not `non_exhaustive`: a new need must make the engine's `needs.rs` fail to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Client: the login for this request. Server: the recoverable secret of this user, for
    /// schemes that compute with it.
    Login {
        /// Server: the user whose secret is wanted. `None` on the client: whichever fits.
        user: Option<String>,
    },
    /// Server: is this the user's password? Asked by schemes that carry it in the clear; the
    /// engine spends the same time on an unknown user.
    Password {
        /// The claimed user.
        user: String,
        /// The password that came.
        password: Secret,
    },
    /// Server: has this proof been used before? Asked only after the proof has verified; the
    /// engine records it in the same step.
    FirstUse {
        /// What may be used once, the scheme's name included.
        key: String,
        /// Until when it must be remembered.
        until: Timestamp,
    },
    /// Client: an access token.
    Token {
        /// The last one was refused: fetch a new one.
        refresh: bool,
    },
    /// Server: the keys that a token may be signed with.
    Keys {
        /// The key identifier that the token names, if any: an unknown one may cause one bounded refetch.
        id: Option<String>,
    },
    /// Server: what is kept of this user for one scheme alone, or the same computed from a recoverable secret.
    Record {
        /// The claimed user, as the scheme has read it.
        user: String,
        /// What the scheme computes with.
        kind: Kind,
    },
    /// Server: which user has this name, of which only a digest came (RFC 7616 §3.4.4).
    UserHashed {
        /// The digest, in lower-case hexadecimal digits.
        digits: String,
        /// The kind of record that the user has to have.
        kind: Kind,
    },
    /// Client: how often this was counted before, and one more. No two callers of a session get the same number.
    Count {
        /// What is counted, the scheme's name included.
        key: String,
    },
    /// The digest of the request's body. Server: the body is read to its end first, within its limit, and handed
    /// on from memory after.
    BodyDigest {
        /// By which function.
        hash: Hash,
    },
    /// What the connection says of itself. Client: the one that is to carry the proof, which is held for all legs then.
    Channel,
    /// One step of a security context of the system (GSSAPI, RFC 2743).
    Context(ContextAsk),
}

/// What was fetched for the needs of one exchange. A field is `None` until asked for; an inner
/// `None` says that there is no such thing.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// For [`Need::Login`].
    pub login: Option<Option<Credential>>,
    /// For [`Need::Password`].
    pub password: Option<bool>,
    /// For [`Need::FirstUse`]: true if it was the first.
    pub first_use: Option<bool>,
    /// For [`Need::Token`].
    pub token: Option<Option<Token>>,
    /// For [`Need::Keys`].
    pub keys: Option<Arc<KeySet>>,
    /// For [`Need::Record`].
    pub record: Option<Option<Secret>>,
    /// For [`Need::UserHashed`].
    pub user: Option<Option<String>>,
    /// For [`Need::Count`]: 1 for the first.
    pub count: Option<u64>,
    /// For [`Need::BodyDigest`]; `None` if the body cannot be read ahead, since it can be read but once.
    pub body_digest: Option<Option<Vec<u8>>>,
    /// For [`Need::Channel`]. A server knows its connection from the start.
    pub channel: Option<Arc<Channel>>,
    /// For [`Need::Context`].
    pub context: Option<ContextStep>,
}

impl Answers {
    /// Forgets what is good for one leg alone.
    pub fn next_leg(&mut self) {
        self.count = None;
        // The next leg may want another function.
        self.body_digest = None;
        self.context = None;
    }
}
