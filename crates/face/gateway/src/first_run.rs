//! What a fresh machine lacks: a local authority, a certificate for `localhost`, a demo user.
//!
//! Each step looks first and makes only what is missing, so that a second start changes nothing.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use gatepost::auth::password::{self, Cost};
use gatepost::clock;
use gatepost::model::binding::{Answer, Binding, BindingKey};
use gatepost::model::fault::Fault;
use gatepost::model::secret::Secret;
use gatepost::model::time::Timestamp;
use gatepost::store::store::{Store, StoredCertificate, User};
use gatepost::tls::certificate::{Certificate, fingerprint};
use gatepost::tls::issue::Authority;

use crate::config::compose::Config;
use crate::config::listener::Protection;
use crate::config::routes::Target;
use crate::error::GatewayError;
use crate::issuer::Issuer;
use crate::ready::Ready;
use crate::state::State;

/// The demo user's name.
pub const DEMO_USER: &str = "demo";

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the local authority lives.
const AUTHORITY_LIFE: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How long a certificate of its lives; browsers take no more than 398 days.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// A certificate with less left than this is made anew.
const RENEW_BEFORE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Under which names the authority is kept.
const AUTHORITY_KEY: &str = "authority.key";
const AUTHORITY_CERTIFICATE: &str = "authority.certificate";
/// The letters of a generated password: none that looks like another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Makes what is missing for this configuration, and says what came of it. Where it is not `documented`, there is the
/// demo user to try things with; a configuration file speaks of real users.
///
/// # Errors
/// Whatever the store says, or that a file cannot be written.
pub(crate) async fn furnish(
    state: &State,
    config: &Config,
    documented: bool,
    store: &dyn Store,
) -> Result<Ready, GatewayError> {
    let now = clock::now();
    let local = config.listeners.iter().any(|listener| listener.protection == Protection::Bindings);
    if local {
        localhost(state, store, now).await?;
    }
    let first = config.routes.first();
    let mut ready = Ready {
        url: String::new(),
        authority: local.then(|| state.authority()),
        user: None,
        password: None,
        token: None,
        target: first.map(|route| route.target.to_string()).unwrap_or_default(),
        schemes: first.map(|route| route.guard.schemes().to_vec()).unwrap_or_default(),
        demo: first.is_some_and(|route| route.target == Target::Demo),
    };
    if !documented && !config.danger.no_auth {
        ready.password = demo_user(store).await?;
        ready.user = Some(DEMO_USER.into());
        let issuer = Issuer::open(store, now).await?;
        demo_token(state, &issuer, now)?;
        ready.token = Some(state.demo_token());
    }
    Ok(ready)
}

/// Makes sure that there are a local authority and a certificate for `localhost`, 127.0.0.1 and ::1
/// with at least a week left, bound on every port. The authority's certificate lies in the state
/// directory for those who want to trust it.
///
/// # Errors
/// Whatever the store says, or that a file cannot be written.
pub async fn localhost(state: &State, store: &dyn Store, now: Timestamp) -> Result<(), GatewayError> {
    let authority = authority(store, now).await?;
    let pem = authority.certificate_pem();
    if std::fs::read(state.authority()).ok().as_deref() != Some(pem.as_bytes()) {
        state.write_private(&state.authority(), pem.as_bytes())?;
    }
    let keys = [
        BindingKey::Host { host: "localhost".into(), port: 0 },
        BindingKey::Address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        BindingKey::Address(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))),
    ];
    let bindings = store.bindings().await.map_err(engine)?;
    let own = store.application().await.map_err(engine)?;
    let mut missing = Vec::new();
    for key in keys {
        match bindings.iter().find(|binding| binding.key == key) {
            None => missing.push(Binding::to_certificate(key, [0; 32], own)),
            Some(Binding { answer: Answer::Certificate(certificate), .. })
                if is_good(store, *certificate, &authority, now).await? => {}
            // Its owner and its terms stay.
            Some(stale @ Binding { answer: Answer::Certificate(_), .. }) => missing.push(stale.clone()),
            // Somebody wants something else than a certificate there.
            Some(_) => {}
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let issued = authority.issue_server(&names, now, CERTIFICATE_LIFE).map_err(engine)?;
    let leaf = fingerprint(issued.chain.first().map_or(&[], Vec::as_slice));
    let stored = StoredCertificate { fingerprint: leaf, chain: issued.chain, key: issued.key };
    store.put_certificate(stored).await.map_err(engine)?;
    for binding in missing {
        store.put_binding(Binding { answer: Answer::Certificate(leaf), ..binding }).await.map_err(engine)?;
    }
    Ok(())
}

/// Whether a bound certificate may stay: someone else's is theirs to renew, ours needs a week left.
async fn is_good(
    store: &dyn Store,
    certificate: [u8; 32],
    authority: &Authority,
    now: Timestamp,
) -> Result<bool, GatewayError> {
    let Some(stored) = store.certificate(certificate).await.map_err(engine)? else {
        return Ok(false);
    };
    let leaf = Certificate::parse(stored.chain.first().map_or(&[], Vec::as_slice)).map_err(engine)?;
    let own = Certificate::parse(authority.certificate_der()).map_err(engine)?;
    Ok(leaf.issuer != own.subject || leaf.not_after >= now + RENEW_BEFORE)
}

/// The local authority, made if it is not there or about to end.
///
/// # Errors
/// Whatever the store says, or that none can be made.
pub async fn authority(store: &dyn Store, now: Timestamp) -> Result<Authority, GatewayError> {
    if let Some(kept) = known_authority(store).await? {
        let facts = Certificate::parse(kept.certificate_der()).map_err(engine)?;
        if facts.is_valid_at(now + DAY) {
            return Ok(kept);
        }
    }
    // A name of its own: two authorities of one name look like a forgery to a client that trusts one.
    let mark: String = clock::entropy().map_err(engine)?.iter().take(4).map(|octet| format!("{octet:02x}")).collect();
    let name = format!("Gatepost local authority {mark}");
    let made = Authority::create(&name, now, AUTHORITY_LIFE).map_err(engine)?;
    store.put_secret(AUTHORITY_KEY, made.key()).await.map_err(engine)?;
    let certificate = Secret::new(made.certificate_der().to_vec());
    store.put_secret(AUTHORITY_CERTIFICATE, certificate).await.map_err(engine)?;
    Ok(made)
}

/// The local authority if there is one, whether it goes on for long or not.
///
/// # Errors
/// Whatever the store says, or that its key is another's.
pub async fn known_authority(store: &dyn Store) -> Result<Option<Authority>, GatewayError> {
    let key = store.secret(AUTHORITY_KEY).await.map_err(engine)?;
    let certificate = store.secret(AUTHORITY_CERTIFICATE).await.map_err(engine)?;
    let (Some(key), Some(certificate)) = (key, certificate) else { return Ok(None) };
    Authority::from_parts(certificate.reveal().to_vec(), &key).map(Some).map_err(engine)
}

/// Makes sure that there is a demo user; gives the password, or `None` if somebody replaced the user
/// by one whose password cannot be recovered.
///
/// # Errors
/// Whatever the store says, or that there is no randomness.
pub async fn demo_user(store: &dyn Store) -> Result<Option<Secret>, GatewayError> {
    if let Some(user) = store.user(DEMO_USER).await.map_err(engine)? {
        return Ok(user.secret);
    }
    let entropy = clock::entropy().map_err(engine)?;
    let (letters, salt): ([u8; 16], [u8; 16]) = halves(entropy);
    // 16 letters of 32 are 80 bits: nobody guesses that over a network.
    let letter = |octet: &u8| LETTERS.get(usize::from(octet % 32)).copied().unwrap_or(b'x');
    let secret = Secret::new(letters.iter().map(letter).collect());
    let password_hash = password::hash(&secret, &salt, Cost::default()).map_err(engine)?;
    let user = User { name: DEMO_USER.into(), password_hash, secret: Some(secret.clone()), records: Vec::new() };
    store.add_user(user).await.map_err(engine)?;
    Ok(Some(secret))
}

/// Writes a fresh token of the demo user, good for a day.
///
/// # Errors
/// That it cannot be signed or written.
pub fn demo_token(state: &State, issuer: &Issuer, now: Timestamp) -> Result<(), GatewayError> {
    let token = issuer.issue(DEMO_USER, None, now, DAY)?;
    state.write_private(&state.demo_token(), token.value.reveal())
}

/// Both halves of what was drawn.
fn halves(entropy: [u8; 32]) -> ([u8; 16], [u8; 16]) {
    (std::array::from_fn(|at| entropy[at]), std::array::from_fn(|at| entropy[at + 16]))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn engine(error: impl Fault) -> GatewayError {
    GatewayError::engine(&error)
}
