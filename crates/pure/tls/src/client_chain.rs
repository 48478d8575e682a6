//! The certificates of a client, as a connection goes on: what was shown in its handshake, and whether that still holds.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use gatepost_model::presented::Presented;
use gatepost_model::time::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::certificate::Certificate;
use crate::client_cert::ClientCert;
use crate::error::TlsError;
use crate::presented::presented;
use crate::verify::flaw::Flaws;
use crate::verify::judge::Judge;
use crate::verify::judgement::Judgement;
use crate::verify::purpose::Purpose;

/// Judgements that a chain remembers: routes of one connection seldom trust more sets of authorities.
const KEPT: usize = 8;
/// How long a chain that was refused is not looked at again.
const PAUSE: Duration = Duration::from_secs(10);

/// The chain of a client that was let in: its own certificate first. It has been judged by the terms of the binding, in
/// the handshake, or anew when its session was resumed.
pub struct ClientChain {
    judgement: Arc<Judgement>,
    until: Timestamp,
    judged: Mutex<VecDeque<Judged>>,
    presented: OnceLock<Arc<Presented>>,
    told: OnceLock<ClientCert>,
}

/// What an authority of a route had to say, and until when that holds.
struct Judged {
    by: Weak<ClientTrust>,
    until: Timestamp,
    judgement: Arc<Judgement>,
}

/// Authorities that clients' certificates may come from, and what they have taken back: of a route, beside those of the
/// binding.
#[derive(Debug)]
pub struct ClientTrust {
    judge: Judge,
}

impl ClientTrust {
    /// Trusts these authorities, as DER. With `lists` (DER, RFC 5280 §5) each certificate of a path but the root has to be
    /// spoken about by one that is not too old: what none speaks about is refused.
    ///
    /// # Errors
    /// [`TlsError::Setting`] if there is no authority; [`TlsError::Malformed`] for what is no certificate, or no list.
    pub fn new(authorities: &[Vec<u8>], lists: &[Vec<u8>]) -> Result<Self, TlsError> {
        if authorities.is_empty() {
            let detail = "no authority is named for the certificates of clients".to_owned();
            return Err(TlsError::Setting { detail });
        }
        Ok(Self { judge: Judge::new(authorities)?.with_revocation(lists, !lists.is_empty())? })
    }

    fn judge(&self, chain: &[Vec<u8>], now: Timestamp) -> Judgement {
        let sent: Vec<CertificateDer<'_>> =
            chain.iter().skip(1).map(|der| CertificateDer::from(der.as_slice())).collect();
        let leaf = chain.first().map(Vec::as_slice).unwrap_or_default();
        self.judge.judge(leaf, &sent, None, Purpose::Client, now)
    }
}

impl ClientChain {
    /// A chain about which this was found.
    pub(crate) fn new(judgement: Arc<Judgement>) -> Self {
        Self {
            until: end_of(&judgement),
            judgement,
            judged: Mutex::default(),
            presented: OnceLock::new(),
            told: OnceLock::new(),
        }
    }

    /// Its certificates as DER, as they came, the client's own first. Never empty.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.judgement.chain
    }

    /// The certificates from the client's own to the root that the binding trusts, as DER.
    #[must_use]
    pub fn path(&self) -> &[Vec<u8>] {
        &self.judgement.path
    }

    /// When the first certificate of its path ends.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// What the client's own certificate says about it.
    #[must_use]
    pub fn presented(&self) -> &Arc<Presented> {
        let leaf = self.certificates().first().map(Vec::as_slice).unwrap_or_default();
        self.presented.get_or_init(|| Arc::new(presented(leaf, self.until)))
    }

    /// It, as header fields tell it (RFC 9440).
    #[must_use]
    pub fn told(&self) -> &ClientCert {
        self.told.get_or_init(|| ClientCert::of(self.path()))
    }

    /// Whether these authorities stand behind it at `now`. What was found once is remembered as long as it can stay so.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn judge_by(&self, trust: &Arc<ClientTrust>, now: Timestamp) -> Result<(), Arc<Judgement>> {
        let judgement = self.known(trust, now).unwrap_or_else(|| self.judge_anew(trust, now));
        if judgement.allows(Flaws::NONE) { Ok(()) } else { Err(judgement) }
    }

    fn known(&self, trust: &Arc<ClientTrust>, now: Timestamp) -> Option<Arc<Judgement>> {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        let by_it = |known: &&Judged| std::ptr::eq(known.by.as_ptr(), Arc::as_ptr(trust)) && now <= known.until;
        judged.iter().find(by_it).map(|known| Arc::clone(&known.judgement))
    }

    fn judge_anew(&self, trust: &Arc<ClientTrust>, now: Timestamp) -> Arc<Judgement> {
        let judgement = Arc::new(trust.judge(self.certificates(), now));
        let until = match judgement.allows(Flaws::NONE) {
            true => trust.judge.fresh_until().map_or(end_of(&judgement), |lists| lists.min(end_of(&judgement))),
            false => now + PAUSE,
        };
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.retain(|known| known.until >= now && !std::ptr::eq(known.by.as_ptr(), Arc::as_ptr(trust)));
        if judged.len() >= KEPT {
            judged.pop_front();
        }
        // Held weakly, and so its address is nobody else's as long as it is remembered.
        judged.push_back(Judged { by: Arc::downgrade(trust), until, judgement: Arc::clone(&judgement) });
        judgement
    }
}

/// When the first certificate of the path ends; long ago if there is none that can be read.
fn end_of(judgement: &Judgement) -> Timestamp {
    let ends = judgement.path.iter().map(|der| Certificate::parse(der).map(|facts| facts.not_after));
    ends.collect::<Result<Vec<_>, _>>().ok().and_then(|ends| ends.into_iter().min()).unwrap_or_default()
}

/// Two are equal if the same was shown and found.
impl PartialEq for ClientChain {
    fn eq(&self, other: &Self) -> bool {
        self.judgement == other.judgement
    }
}

impl Eq for ClientChain {}

impl fmt::Debug for ClientChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientChain")
            .field("certificates", &self.certificates().len())
            .field("until", &self.until)
            .finish()
    }
}
