//! The schemes that a program speaks: ours, and those of its own.

use std::fmt;
use std::sync::{Arc, OnceLock};

use gatepost_auth::scheme::Scheme;
use gatepost_auth::schemes;

use crate::error::Error;

/// Schemes in an order: equally strong ones are tried in it. Cheap to clone.
///
/// It begins with [`ALL`](schemes::ALL); a program adds what it has of its own, for
/// [sessions](crate::client::session::SessionBuilder::registry), for an
/// [`Authenticator`](crate::server::authenticate::Authenticator), or for a gateway that it starts. Make one at the start and
/// keep it: a list that is not the usual one is held to the end of the process, once for each registry.
///
/// ```
/// use gatepost::registry::Registry;
/// # use gatepost::auth::schemes::basic::Basic;
/// static MINE: Basic = Basic; // a scheme of one's own: see examples/own_scheme.rs
///
/// let registry = Registry::standard().register(&MINE);
/// assert_eq!(registry.names().last(), Some("Basic"));
/// let registry = registry.unregister("Basic")?;
/// assert!(registry.by_name("Basic").is_none());
/// # Ok::<(), gatepost::Error>(())
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Parts>);

struct Parts {
    schemes: Vec<&'static dyn Scheme>,
    kept: OnceLock<&'static [&'static dyn Scheme]>,
}

impl Registry {
    /// The schemes that Gatepost speaks.
    #[must_use]
    pub fn standard() -> Self {
        Self(Arc::new(Parts { schemes: schemes::ALL.to_vec(), kept: OnceLock::from(schemes::ALL) }))
    }

    /// Adds a scheme at the end. One of the same name, without regard to case, gives way to it.
    #[must_use]
    pub fn register(self, scheme: &'static dyn Scheme) -> Self {
        let others = self.all_but(scheme.name());
        Self::of(others.chain([scheme]).collect())
    }

    /// Takes a scheme out.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn unregister(self, name: &str) -> Result<Self, Error> {
        if self.by_name(name).is_none() {
            return Err(self.unknown(name));
        }
        Ok(Self::of(self.all_but(name).collect()))
    }

    /// The scheme of this registered name; names compare without case.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&'static dyn Scheme> {
        self.schemes().iter().copied().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }

    /// The schemes in their order.
    #[must_use]
    pub fn schemes(&self) -> &[&'static dyn Scheme] {
        &self.0.schemes
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.schemes().iter().map(|scheme| scheme.name())
    }

    /// The names of those that every user can use without being prepared for them: what is offered where nobody said
    /// which.
    pub fn usual_names(&self) -> impl Iterator<Item = &'static str> {
        self.schemes().iter().filter(|scheme| scheme.is_usual()).map(|scheme| scheme.name())
    }

    /// Every field that holds a proof of one of them; one may be there twice.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.schemes().iter().flat_map(|scheme| scheme.fields()).copied()
    }

    /// The schemes of these names, in this order; all of them if none is named.
    pub(crate) fn named(&self, names: &[String]) -> Result<Vec<&'static dyn Scheme>, Error> {
        if names.is_empty() {
            return Ok(self.schemes().to_vec());
        }
        names.iter().map(|name| self.by_name(name).ok_or_else(|| self.unknown(name))).collect()
    }

    /// The same as [`schemes`](Self::schemes) for an exchange, which asks for a list that never ends.
    pub(crate) fn kept(&self) -> &'static [&'static dyn Scheme] {
        self.0.kept.get_or_init(|| self.0.schemes.clone().leak())
    }

    fn of(schemes: Vec<&'static dyn Scheme>) -> Self {
        Self(Arc::new(Parts { schemes, kept: OnceLock::new() }))
    }

    fn all_but(&self, name: &str) -> impl Iterator<Item = &'static dyn Scheme> {
        self.schemes().iter().copied().filter(move |scheme| !scheme.name().eq_ignore_ascii_case(name))
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<_> = self.names().collect();
        Error::usage(format!("there is no scheme `{name}`: the schemes are {}", known.join(", ")))
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::standard()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Two are the same if they hold the same schemes in the same order.
impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&&'static dyn Scheme, &&'static dyn Scheme)| {
            one.name() == other.name() && std::ptr::addr_eq(*one, *other)
        };
        self.schemes().len() == other.schemes().len() && self.schemes().iter().zip(other.schemes()).all(same)
    }
}

impl Eq for Registry {}

#[cfg(test)]
mod tests {
    use gatepost_auth::schemes::basic::Basic;

    use super::*;

    static MINE: Basic = Basic;

    #[test]
    fn who_registers_last_replaces_and_goes_to_the_end() {
        let standard = Registry::standard();
        assert_eq!(standard.names().collect::<Vec<_>>(), schemes::ALL.iter().map(|s| s.name()).collect::<Vec<_>>());
        assert!(std::ptr::eq(standard.kept(), schemes::ALL), "nothing is held twice");
        let registry = standard.clone().unregister("WSSE").unwrap().register(&MINE);
        assert_eq!(registry.names().filter(|name| *name == "Basic").count(), 1);
        assert_eq!(registry.names().last(), Some("Basic"));
        assert!(registry.by_name("wsse").is_none() && registry.by_name("bASIC").is_some());
        assert!(std::ptr::eq(registry.kept(), registry.clone().kept()), "held once");
        assert_eq!((registry == registry.clone(), registry == standard), (true, false));
        let error = registry.unregister("WSSE").unwrap_err().to_string();
        assert!(error.starts_with("there is no scheme `WSSE`: the schemes are "), "{error}");
    }
}
