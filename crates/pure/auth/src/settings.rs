//! How the schemes of one route or one session are set up. Plain data; defaults are the safe ones.

use std::time::Duration;

use crate::client_rules::Rule;
use crate::digest::algorithm::Algorithm;
use crate::digest::nonce::NonceKey;
use crate::digest::qop::Qop;
use crate::hash::Hash;

/// The settings that a [`Turn`](crate::scheme::Turn) carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The realm that our challenges name (RFC 9110 §11.5). Default `gatepost`.
    pub realm: String,
    /// Digest.
    pub digest: Digest,
    /// WSSE UsernameToken.
    pub wsse: Wsse,
    /// Bearer tokens.
    pub bearer: Bearer,
    /// Clients' certificates.
    pub certificate: Certificate,
    /// NTLM, alone and inside Negotiate.
    pub ntlm: Ntlm,
    /// Server: what NTLM and Negotiate make of channel bindings. Default checked where they come.
    pub channel_binding: ChannelBinding,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            realm: "gatepost".into(),
            digest: Digest::default(),
            wsse: Wsse::default(),
            bearer: Bearer::default(),
            certificate: Certificate::default(),
            ntlm: Ntlm::default(),
            channel_binding: ChannelBinding::default(),
        }
    }
}

/// Settings of the Digest scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Server: which algorithms are offered, the best first, and taken. Default SHA-256.
    pub algorithms: Vec<Algorithm>,
    /// Client: which algorithms are answered, the strongest on offer first. Default all.
    pub answered: Vec<Algorithm>,
    /// Server: what is offered and taken. Client: the first of these that is on offer; where none is, what is on offer.
    /// Default `auth`.
    pub qop: Vec<Qop>,
    /// Server: how long a nonce is good. Default 300 s.
    pub nonce_lifetime: Duration,
    /// Server: what nonces are signed with; nodes with one key take each other's. Without it there is no challenge, and
    /// nothing is taken. Default none: whoever authenticates draws one.
    pub nonce_key: Option<NonceKey>,
    /// Server: how many octets of a body are read ahead at most, where a proof covers it. Default 1 MiB.
    pub body_limit: usize,
    /// Server: asks for user names as digests. Takes kept records: recoverable passwords do not do. Default no.
    pub userhash: bool,
    /// Server: where else the same proof is taken, as URLs or paths. Default empty: all of the server.
    pub domain: Vec<String>,
    /// Both ends: takes and makes proofs of the form of RFC 2069, without `qop`, count and client nonce. Whoever stands
    /// between can choose what is hashed. A server takes a nonce once then. Default no.
    pub danger_rfc2069: bool,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::of(Hash::Sha256)],
            answered: Algorithm::ALL.to_vec(),
            qop: vec![Qop::Auth],
            nonce_lifetime: Duration::from_secs(300),
            nonce_key: None,
            body_limit: 1024 * 1024,
            userhash: false,
            domain: Vec::new(),
            danger_rfc2069: false,
        }
    }
}

/// How a WSSE digest is made from nonce, creation time and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WsseDialect {
    /// A: base64(SHA-1(base64-decoded nonce + created + password)). OASIS, Movable Type, Hatena.
    Decoded,
    /// B: base64(SHA-1(nonce text + created + password)). Atom 2003, Six Apart.
    Literal,
    /// base64(hex(SHA-1(nonce text + created + password))). Adobe Analytics, Emarsys.
    HexSha1,
    /// C: base64(SHA-256(nonce text + created + password)). Telecom gateways.
    Sha256,
    /// D: base64(hex(SHA-256(nonce text + created + password))). The same family, older.
    HexSha256,
}

/// Settings of the WSSE scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wsse {
    /// The dialects: the client speaks the first, the server accepts any of them.
    /// Default: `Decoded`, `Literal`.
    pub dialects: Vec<WsseDialect>,
    /// How old a token may be. Default 300 s.
    pub past: Duration,
    /// How far ahead of our clock a token may be. Default 30 s.
    pub future: Duration,
    /// Whether the client sends `Authorization: WSSE profile="UsernameToken"` beside X-WSSE. Default true.
    pub authorization: bool,
    /// What that field carries behind `profile`, names and values: telecom gateways want a `realm`
    /// and `type="Appkey"`. Default none.
    pub parameters: Vec<(String, String)>,
}

impl Default for Wsse {
    fn default() -> Self {
        Self {
            dialects: vec![WsseDialect::Decoded, WsseDialect::Literal],
            past: Duration::from_secs(300),
            future: Duration::from_secs(30),
            authorization: true,
            parameters: Vec::new(),
        }
    }
}

/// Settings of the Bearer scheme with JSON Web Tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The `iss` that a token must carry; not looked at if `None`.
    pub issuer: Option<String>,
    /// A value that the token's `aud` must hold; not looked at if `None`.
    pub audience: Option<String>,
    /// The `typ` header values that are taken, compared without case and without `application/`.
    /// Default: `JWT`, `at+jwt`, and none at all (`""`).
    pub types: Vec<String>,
    /// Clock difference that is forgiven. Default 60 s.
    pub leeway: Duration,
    /// The claim that names the principal. Default `sub`.
    pub subject: String,
}

impl Default for Bearer {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            types: vec!["JWT".into(), "at+jwt".into(), String::new()],
            leeway: Duration::from_secs(60),
            subject: "sub".into(),
        }
    }
}

/// What a server makes of channel bindings: that a proof is for the TLS channel by which it came (RFC 5929 §4), which
/// Microsoft calls Extended Protection. A proof that somebody else relays is for another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// Bindings that come must be right; a proof without any is taken. curl makes such.
    #[default]
    Checked,
    /// A proof without right bindings is refused: whatever comes without TLS, too.
    Required,
    /// Not looked at: for a server whose TLS ends somewhere before it.
    DangerIgnored,
}

/// Settings of NTLM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ntlm {
    /// Server: what it calls itself to clients, as a NetBIOS name. Default `GATEPOST`.
    pub name: String,
    /// Server: refuses a proof without message integrity code. curl and old clients make none. Default false.
    pub integrity: bool,
}

impl Default for Ntlm {
    fn default() -> Self {
        Self { name: "GATEPOST".into(), integrity: false }
    }
}

/// Settings of the Certificate scheme.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// Who a certificate stands for: the first rule that fits says it. Default none: nobody.
    pub rules: Vec<Rule>,
}
