//! The door to Kerberos: contexts whose steps run on threads of their own, within bounds.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::acceptor::{Acceptance, Acceptor};
use crate::credential::{self, Kept};
use crate::error::KerberosError;
use crate::initiator::{Initiation, Initiator};
use crate::lane::{Call, Lane};
use crate::library::system::{CANDIDATES, Library};
use crate::mechanism::Mechanism;
use crate::service::Service;
use crate::step::Step;

/// How much Kerberos may take of the process. The two ends have lanes of their own, so that a KDC that hangs keeps
/// no acceptor waiting, which needs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Steps at a time, for each end. Default 8.
    pub threads: usize,
    /// Steps that wait for one of those to end, for each end. Default 64.
    pub waiting: usize,
    /// How long whoever asked for a step waits for it, the wait for a thread included. Default 15 s.
    pub deadline: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { threads: 8, waiting: 64, deadline: Duration::from_secs(15) }
    }
}

/// Kerberos on this machine. It is cheap to make: the library is loaded when the first context needs it.
///
/// ```
/// use gatepost_kerberos::identity::Identity;
/// use gatepost_kerberos::initiator::Initiation;
/// use gatepost_kerberos::kerberos::Kerberos;
/// use gatepost_kerberos::mechanism::Mechanism;
/// use gatepost_kerberos::service::Service;
///
/// let kerberos = Kerberos::default();
/// let terms = Initiation {
///     service: Service::on("HTTP", "www.example.com")?,
///     identity: Identity::Cache("/nonexistent/tickets".into()),
///     mechanism: Mechanism::Kerberos,
///     bindings: None,
///     mutual: true,
/// };
/// // There are no tickets, or no library; with both, `step.token` goes to the service.
/// match kerberos.initiate(terms).wait(kerberos.bounds().deadline) {
///     Ok((_initiator, step)) => println!("{} octets to send", step.token.len()),
///     Err(error) => println!("{error}"),
/// }
/// # Ok::<(), gatepost_kerberos::error::KerberosError>(())
/// ```
#[derive(Clone)]
pub struct Kerberos(Arc<Parts>);

struct Parts {
    candidates: &'static [&'static str],
    bounds: Bounds,
    initiators: Lane,
    acceptors: Lane,
    library: Mutex<Option<Library>>,
    kept: Kept,
}

impl Default for Kerberos {
    fn default() -> Self {
        Self::new(CANDIDATES, Bounds::default())
    }
}

impl Kerberos {
    /// With the first library of these names that there is, within these bounds.
    #[must_use]
    pub fn new(candidates: &'static [&'static str], bounds: Bounds) -> Self {
        let lane = || Lane::new(bounds.threads, bounds.waiting);
        let (initiators, acceptors) = (lane(), lane());
        Self(Arc::new(Parts {
            candidates,
            bounds,
            initiators,
            acceptors,
            library: Mutex::default(),
            kept: Kept::default(),
        }))
    }

    /// The bounds that it was made with.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.0.bounds
    }

    /// Loads the library, if it is not loaded yet. The place to learn at start that there is none.
    ///
    /// # Errors
    /// [`KerberosError::Missing`], [`KerberosError::Unsupported`] or [`KerberosError::Symbol`].
    pub fn load(&self) -> Result<(), KerberosError> {
        self.0.library().map(drop)
    }

    /// Looks whether this keytab has keys of this service: the place to learn at start that it has none.
    #[must_use]
    pub fn look(&self, keytab: PathBuf, service: Service) -> Call<()> {
        let parts = Arc::clone(&self.0);
        self.0
            .acceptors
            .call(move || credential::of_service(&parts.library()?, &keytab, &service, Mechanism::Kerberos).map(drop))
    }

    /// Begins a context with a service, and makes the first token for it.
    #[must_use]
    pub fn initiate(&self, terms: Initiation) -> Call<(Initiator, Step)> {
        let parts = Arc::clone(&self.0);
        self.0.initiators.call(move || {
            let initiator = Initiator::new(&parts.library()?, &parts.kept, terms)?;
            parts.step(initiator, &[])
        })
    }

    /// Gives an initiator what the service answered.
    #[must_use]
    pub fn initiate_further(&self, initiator: Initiator, token: Vec<u8>) -> Call<(Initiator, Step)> {
        let parts = Arc::clone(&self.0);
        self.0.initiators.call(move || parts.step(initiator, &token))
    }

    /// Begins a context with the client that sent this token.
    #[must_use]
    pub fn accept(&self, terms: Acceptance, token: Vec<u8>) -> Call<(Acceptor, Step)> {
        let parts = Arc::clone(&self.0);
        self.0.acceptors.call(move || {
            let mut acceptor = Acceptor::new(&parts.library()?, terms)?;
            let step = acceptor.step(&token)?;
            Ok((acceptor, step))
        })
    }

    /// Gives an acceptor what its client answered.
    #[must_use]
    pub fn accept_further(&self, mut acceptor: Acceptor, token: Vec<u8>) -> Call<(Acceptor, Step)> {
        self.0.acceptors.call(move || {
            let step = acceptor.step(&token)?;
            Ok((acceptor, step))
        })
    }
}

impl Parts {
    /// A failure is not remembered: whoever installs the library needs no restart.
    fn library(&self) -> Result<Library, KerberosError> {
        let mut library = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = &*library {
            return Ok(library.clone());
        }
        Ok(library.insert(Library::load(self.candidates)?).clone())
    }

    /// A credential that fails its initiator may have ended: the next one gets a new one.
    fn step(&self, mut initiator: Initiator, token: &[u8]) -> Result<(Initiator, Step), KerberosError> {
        let step = initiator.step(token).inspect_err(|_| self.kept.forget(initiator.credential()))?;
        Ok((initiator, step))
    }
}

impl fmt::Debug for Kerberos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kerberos").field("bounds", &self.0.bounds).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acceptor::Bindings;

    const LONG: Duration = Duration::from_secs(60);

    fn accept(candidates: &'static [&'static str]) -> KerberosError {
        let terms = Acceptance {
            keytab: "/nonexistent/keytab".into(),
            service: "HTTP/a.example".parse().unwrap(),
            mechanism: Mechanism::Kerberos,
            bindings: Bindings::Ignored,
        };
        Kerberos::new(candidates, Bounds::default()).accept(terms, vec![1]).wait(LONG).unwrap_err()
    }

    #[test]
    fn without_a_library_there_is_one_sentence() {
        let text = accept(&["libgatepost-none.so.0", "libgatepost-neither.so.0"]).to_string();
        let begin = "Kerberos needs the system's GSSAPI library, and none was found (looked for libgatepost-none.so.0, \
                     libgatepost-neither.so.0): ";
        assert!(text.starts_with(begin) && text.lines().count() == 1, "{text}");
        assert_eq!(accept(&[]), KerberosError::Missing { names: String::new(), detail: String::new() });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_library_lacks_the_functions() {
        // The C library is there on every Linux with a dynamic loader of this name.
        match accept(&["libgatepost-none.so.0", "libc.so.6"]) {
            KerberosError::Symbol(name) => assert_eq!(name, "gss_import_name"),
            KerberosError::Missing { detail, .. } => assert!(detail.contains("libc.so.6"), "{detail}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_keytab_that_is_not_there_is_told() {
        match accept(CANDIDATES) {
            KerberosError::NoKey(detail) => assert!(detail.contains("/nonexistent/keytab"), "{detail}"),
            KerberosError::Missing { names, .. } => assert_eq!(names, CANDIDATES.join(", ")),
            other => panic!("{other:?}"),
        }
    }
}
