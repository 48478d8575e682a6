//! What was written in the document, word for word, with its place. No meaning yet.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use crate::acme::wanted::{Directory, Name};
use crate::config::clients::{Forwarded, When};
use crate::config::digest_names::{AlgorithmName, Place, QopName};
use crate::config::ntlm::{Binding, NetbiosName};
use crate::config::proxies::{Announced, Announcing};
use crate::config::value::{Dialect, Field, Host, List, Period, Prefix, ServiceName, Upstream};
use crate::config::websocket::{Mode, Pings};

/// A value that may have been written, and where.
pub(crate) type Written<T> = Option<Spanned<T>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DocumentSpec {
    pub(crate) identity_header: Written<Field>,
    pub(crate) workers: Written<usize>,
    pub(crate) drain_time: Written<Period>,
    pub(crate) listener: Vec<Spanned<ListenerSpec>>,
    pub(crate) route: Vec<Spanned<RouteSpec>>,
    pub(crate) acme: Vec<Spanned<AcmeSpec>>,
    pub(crate) auth: AuthSpec,
    pub(crate) limits: LimitsSpec,
    pub(crate) store: StoreSpec,
    pub(crate) danger: DangerSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerSpec {
    pub(crate) address: Spanned<SocketAddr>,
    pub(crate) tls: Written<bool>,
    pub(crate) certificate: Written<PathBuf>,
    pub(crate) key: Written<PathBuf>,
    pub(crate) client_certificate: Written<When>,
    pub(crate) client_ca: Written<PathBuf>,
    pub(crate) client_revocation: Written<PathBuf>,
    pub(crate) proxy_protocol: Written<Announced>,
    pub(crate) proxy_protocol_from: Written<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RouteSpec {
    pub(crate) host: Written<Host>,
    pub(crate) path: Written<Prefix>,
    pub(crate) schemes: Written<List<Spanned<String>>>,
    pub(crate) upstream: Written<Upstream>,
    pub(crate) upstream_credential: Written<CredentialSpec>,
    pub(crate) respond: Written<RespondSpec>,
    pub(crate) identity_header: Written<Field>,
    pub(crate) websocket: Written<Mode>,
    pub(crate) relay: Written<RelaySpec>,
    pub(crate) client_certificate: Written<When>,
    pub(crate) client_ca: Written<PathBuf>,
    pub(crate) client_revocation: Written<PathBuf>,
    pub(crate) forward_certificate: Written<Forwarded>,
    pub(crate) proxy_protocol: Written<Announcing>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcmeSpec {
    pub(crate) names: Spanned<Vec<Name>>,
    pub(crate) directory: Spanned<Directory>,
    pub(crate) agree_tos: Written<bool>,
    #[serde(default)]
    pub(crate) contact: Vec<Spanned<String>>,
    pub(crate) challenge: Written<String>,
    pub(crate) listen: Written<SocketAddr>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) external_account: Written<ExternalSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "`{ kid = \"…\", key = { file = \"…\" } }`")]
pub(crate) struct ExternalSpec {
    pub(crate) kid: String,
    pub(crate) key: Spanned<SecretSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RelaySpec {
    pub(crate) message_bytes: Written<usize>,
    pub(crate) control_frames: Written<u32>,
    pub(crate) empty_frames: Written<u32>,
    pub(crate) client_deflate: Written<bool>,
    pub(crate) upstream_deflate: Written<bool>,
    pub(crate) client_keepalive: Written<Period>,
    pub(crate) upstream_keepalive: Written<Period>,
    pub(crate) pings: Written<Pings>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "`{ status = 404, body = \"…\" }`")]
pub(crate) struct RespondSpec {
    pub(crate) status: Spanned<u16>,
    #[serde(default)]
    pub(crate) body: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuthSpec {
    pub(crate) realm: Written<String>,
    pub(crate) channel_binding: Written<Binding>,
    pub(crate) ntlm: NtlmSpec,
    pub(crate) digest: DigestSpec,
    pub(crate) wsse: WsseSpec,
    pub(crate) bearer: BearerSpec,
    pub(crate) certificate: CertificateSpec,
    pub(crate) kerberos: KerberosSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CertificateSpec {
    pub(crate) rule: Vec<Spanned<RuleSpec>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSpec {
    pub(crate) from: Spanned<String>,
    pub(crate) is: Written<String>,
    pub(crate) user: Written<String>,
    pub(crate) users: Written<BTreeMap<Spanned<String>, Spanned<String>>>,
    pub(crate) prefix: Written<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NtlmSpec {
    pub(crate) name: Written<NetbiosName>,
    pub(crate) integrity: Written<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DigestSpec {
    pub(crate) algorithms: Written<List<AlgorithmName>>,
    pub(crate) qop: Written<List<QopName>>,
    pub(crate) nonce_lifetime: Written<Period>,
    pub(crate) body_bytes: Written<usize>,
    pub(crate) userhash: Written<bool>,
    pub(crate) domain: Written<List<Place>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WsseSpec {
    pub(crate) dialects: Written<List<Dialect>>,
    pub(crate) past: Written<Period>,
    pub(crate) future: Written<Period>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BearerSpec {
    pub(crate) jwks: Written<JwksSpec>,
    pub(crate) issuer: Written<String>,
    pub(crate) audience: Written<String>,
    pub(crate) types: Written<List<String>>,
    pub(crate) leeway: Written<Period>,
    pub(crate) subject: Written<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KerberosSpec {
    pub(crate) keytab: Written<String>,
    pub(crate) service: Written<ServiceName>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "`{ file = \"…\" }` or `{ url = \"…\" }`")]
pub(crate) struct JwksSpec {
    pub(crate) file: Option<PathBuf>,
    pub(crate) url: Written<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsSpec {
    pub(crate) head_bytes: Written<usize>,
    pub(crate) head_fields: Written<usize>,
    pub(crate) body_bytes: Written<u64>,
    pub(crate) handshake_time: Written<Period>,
    pub(crate) head_time: Written<Period>,
    pub(crate) idle_time: Written<Period>,
    pub(crate) body_time: Written<Period>,
    pub(crate) send_time: Written<Period>,
    pub(crate) body_rate: Written<u32>,
    pub(crate) read_rate: Written<u32>,
    pub(crate) rate_grace: Written<Period>,
    pub(crate) connect_time: Written<Period>,
    pub(crate) answer_time: Written<Period>,
    pub(crate) connections: Written<usize>,
    pub(crate) connections_per_address: Written<usize>,
    pub(crate) handshakes: Written<usize>,
    pub(crate) handshakes_per_second: Written<u32>,
    pub(crate) memory_bytes: Written<u64>,
    pub(crate) reserved_descriptors: Written<u64>,
    pub(crate) streams: Written<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSpec {
    pub(crate) path: Written<String>,
    pub(crate) seal_key: Written<SecretSpec>,
}

/// What was written: a name, or a login.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "`{ name = \"…\" }` or `{ scheme = \"…\", user = \"…\", secret = { env = \"…\" } }`"
)]
pub(crate) struct CredentialSpec {
    pub(crate) name: Option<String>,
    pub(crate) scheme: Written<String>,
    pub(crate) user: Option<String>,
    pub(crate) secret: Written<SecretSpec>,
    pub(crate) keytab: Option<PathBuf>,
    pub(crate) tickets: Option<PathBuf>,
    pub(crate) ambient: bool,
}

/// A secret is named by where it lies, never written down.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "`{ env = \"NAME\" }` or `{ file = \"…\" }`; hint: a secret is never written here"
)]
pub(crate) struct SecretSpec {
    pub(crate) env: Option<String>,
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DangerSpec {
    pub(crate) no_auth: Written<bool>,
    pub(crate) plain_listeners: Written<bool>,
    pub(crate) plain_credentials: Written<bool>,
    pub(crate) ignore_channel_binding: Written<bool>,
    pub(crate) digest_rfc2069: Written<bool>,
}
