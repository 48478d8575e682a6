//! The locker: credentials under names, found by where they may go and by whose they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatepost_model::credential::Credential;
use gatepost_model::scope::Scope;
use gatepost_model::url::Url;
use gatepost_store::store::{Store, StoredCredential};

use crate::error::Error;

/// The most credentials that a locker takes.
pub const MOST: usize = 10_000;
/// The most octets of a secret.
pub const LONGEST_SECRET: usize = 64 * 1024;

/// The credentials of one store. Listing shows no secret; what [`retrieve`](Self::retrieve) gives is for a session.
#[derive(Debug, Clone)]
pub struct Locker {
    store: Arc<dyn Store>,
}

/// A credential without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name that it is kept under.
    pub name: String,
    /// The user; empty for a bare token.
    pub user: String,
    /// The one scheme that it may be used with.
    pub scheme: Option<String>,
    /// Where it may go.
    pub scope: Option<Scope>,
}

impl Locker {
    /// The locker of this store.
    #[must_use]
    pub fn of(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Puts credentials in, all of them or none. Several users of one resource are several credentials.
    ///
    /// # Errors
    /// If a name is taken, a secret is empty or longer than [`LONGEST_SECRET`], one may go anywhere, or there would be more
    /// than [`MOST`]; whatever the store says.
    pub async fn add(&self, credentials: Vec<StoredCredential>) -> Result<(), Error> {
        for StoredCredential { name, credential } in &credentials {
            let wrong = match credential {
                Credential { scope: None, .. } => "says nowhere where it may go",
                Credential { secret, .. } if secret.is_empty() => "has no secret",
                Credential { secret, .. } if secret.reveal().len() > LONGEST_SECRET => {
                    "has a secret of more than 64 KiB"
                }
                _ => continue,
            };
            return Err(Error::usage(format!("credential {name:?} {wrong}")));
        }
        if self.store.credentials().await?.len().saturating_add(credentials.len()) > MOST {
            return Err(Error::usage(format!("a locker takes {MOST} credentials, and no more")));
        }
        Ok(self.store.add_credentials(credentials).await?)
    }

    /// All of them, sorted by name.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn all(&self) -> Result<Vec<Kept>, Error> {
        Ok(self.store.credentials().await?.into_iter().map(|stored| kept(&stored)).collect())
    }

    /// Those that may go to this address, the most exact first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn by_resource(&self, url: &Url) -> Result<Vec<Kept>, Error> {
        let found = covering(self.store.credentials().await?, url, None);
        Ok(found.iter().map(|(_, stored)| kept(stored)).collect())
    }

    /// Those of this user, sorted by name.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn by_user(&self, user: &str) -> Result<Vec<Kept>, Error> {
        let mut all = self.all().await?;
        all.retain(|kept| kept.user == user);
        Ok(all)
    }

    /// What a session needs to answer at this address, each with its name: every credential that may go there, of this user if
    /// one is named. The longest path wins, segment by segment; of equally long ones one that is kept for the scheme wins over one
    /// for any.
    ///
    /// # Errors
    /// If two are equally good for some scheme: which of them is meant has to be said. Whatever the store says.
    pub async fn retrieve(&self, url: &Url, user: Option<&str>) -> Result<Vec<StoredCredential>, Error> {
        choose(self.store.credentials().await?, url, user)
    }

    /// The credential of this name with its secret. Whoever calls this answers for where it goes, and for the record of
    /// it.
    ///
    /// # Errors
    /// If there is none; whatever the store says.
    pub async fn reveal(&self, name: &str) -> Result<Credential, Error> {
        let stored = self.store.credential(name).await?;
        let missing = || gatepost_store::error::StoreError::Missing { what: format!("credential {name:?}") };
        Ok(stored.ok_or_else(missing)?.credential)
    }

    /// Takes one out.
    ///
    /// # Errors
    /// If there is none; whatever the store says.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        Ok(self.store.remove_credential(name).await?)
    }
}

/// What a session needs to answer at this address, out of these: as [`Locker::retrieve`].
///
/// # Errors
/// If two are equally good for some scheme.
pub fn choose(all: Vec<StoredCredential>, url: &Url, user: Option<&str>) -> Result<Vec<StoredCredential>, Error> {
    let found = covering(all, url, user);
    if let Some((one, other)) = tie(&found) {
        let scope = one.credential.scope.as_ref().map(Scope::to_string).unwrap_or_default();
        let (one, other) = (&one.name, &other.name);
        return Err(Error::usage(format!("both `{one}` and `{other}` are kept for {scope}: say which one, or whose")));
    }
    Ok(found.into_iter().map(|(_, stored)| stored).collect())
}

fn kept(stored: &StoredCredential) -> Kept {
    let Credential { user, scheme, scope, .. } = &stored.credential;
    Kept { name: stored.name.clone(), user: user.clone(), scheme: scheme.clone(), scope: scope.clone() }
}

/// Those that may go to `url`, each with how exactly its scope says so, the most exact first.
fn covering(all: Vec<StoredCredential>, url: &Url, user: Option<&str>) -> Vec<(usize, StoredCredential)> {
    let of_user = |stored: &StoredCredential| user.is_none_or(|user| stored.credential.user == user);
    let covers = |stored: StoredCredential| Some((stored.credential.scope.as_ref()?.covers(url)?, stored));
    let mut found: Vec<_> = all.into_iter().filter(of_user).filter_map(covers).collect();
    found.sort_by_key(|(length, stored)| (std::cmp::Reverse(*length), stored.credential.scheme.is_none()));
    found
}

/// Two of which neither is the better one for some scheme that one of them is the best for.
fn tie(found: &[(usize, StoredCredential)]) -> Option<(&StoredCredential, &StoredCredential)> {
    let schemes = found.iter().filter_map(|(_, stored)| stored.credential.scheme.as_ref());
    let named: BTreeSet<String> = schemes.map(|scheme| scheme.to_ascii_lowercase()).collect();
    // Beside those that are named, all others, which have no name here.
    let classes = named.iter().map(|name| Some(name.as_str())).chain([None]);
    classes.into_iter().find_map(|class| {
        let serves = |stored: &StoredCredential| match class {
            Some(scheme) => stored.credential.serves(scheme),
            None => stored.credential.scheme.is_none(),
        };
        let mut best = found.iter().filter(|(_, stored)| serves(stored));
        let ((length, one), (other_length, other)) = (best.next()?, best.next()?);
        let equal = length == other_length && one.credential.scheme.is_none() == other.credential.scheme.is_none();
        equal.then_some((one, other))
    })
}

#[cfg(test)]
mod tests {
    use gatepost_model::secret::Secret;
    use gatepost_store::memory::MemoryStore;

    use super::*;

    fn stored(name: &str, user: &str, scope: &str, scheme: Option<&str>) -> StoredCredential {
        let mut credential = Credential::login(user, "s").within(Scope::parse(scope).unwrap());
        credential.scheme = scheme.map(str::to_owned);
        StoredCredential { name: name.into(), credential }
    }

    async fn locker(credentials: &[StoredCredential]) -> Locker {
        let locker = Locker::of(Arc::new(MemoryStore::new()));
        locker.add(credentials.to_vec()).await.unwrap();
        locker
    }

    fn names(kept: Vec<Kept>) -> Vec<String> {
        kept.into_iter().map(|kept| kept.name).collect()
    }

    #[tokio::test]
    async fn found_by_resource_by_user_and_all() {
        let locker = locker(&[
            stored("api", "ali", "https://h/api", None),
            stored("basic", "ali", "https://h/api", Some("Basic")),
            stored("eve", "eve", "https://h/api/v1", None),
            stored("other", "ali", "https://other", None),
            stored("root", "ali", "https://h", None),
        ])
        .await;
        assert_eq!(names(locker.all().await.unwrap()), ["api", "basic", "eve", "other", "root"]);
        assert_eq!(names(locker.by_user("eve").await.unwrap()), ["eve"]);
        assert_eq!(locker.by_user("nobody").await.unwrap(), []);
        let table: [(&str, &[&str]); 7] = [
            ("https://h/api/v1/x", &["eve", "basic", "api", "root"]),
            ("https://h/api", &["basic", "api", "root"]),
            ("https://h/apiary", &["root"]),
            ("https://h/API", &["root"]),
            ("https://h:444/api", &[]),
            ("http://h/api", &[]),
            ("https://h.evil/api", &[]),
        ];
        for (url, expected) in table {
            assert_eq!(names(locker.by_resource(&Url::parse(url).unwrap()).await.unwrap()), expected, "{url}");
        }
    }

    /// What is kept, whose is wanted, and what is found; `None` if it has to be said which.
    type Row<'a> = (&'a [StoredCredential], Option<&'a str>, Option<&'a [&'a str]>);

    #[tokio::test]
    async fn of_two_that_are_equally_good_one_has_to_be_named() {
        let here = "https://h/api";
        let two = [stored("one", "ali", here, None), stored("two", "eve", here, None)];
        let apart = [stored("one", "ali", here, Some("Basic")), stored("two", "eve", here, Some("Digest"))];
        let exact = [stored("one", "ali", here, Some("Basic")), stored("two", "eve", here, None)];
        let same = [stored("one", "ali", here, Some("Basic")), stored("two", "eve", here, Some("basic"))];
        let hidden = [two[0].clone(), two[1].clone(), stored("three", "ali", "https://h/api/x", None)];
        let table: [Row<'_>; 8] = [
            (&two, None, None),
            (&two, Some("ali"), Some(&["one"])),
            (&two, Some("eve"), Some(&["two"])),
            (&apart, None, Some(&["one", "two"])),
            (&exact, None, Some(&["one", "two"])),
            (&same, None, None),
            (&hidden, None, None),
            (&[], None, Some(&[])),
        ];
        for (credentials, user, expected) in table {
            let locker = locker(credentials).await;
            let found = locker.retrieve(&Url::parse("https://h/api/y").unwrap(), user).await.ok();
            let found = found.map(|found| found.into_iter().map(|stored| stored.name).collect::<Vec<_>>());
            assert_eq!(found, expected.map(|names| names.iter().map(ToString::to_string).collect()));
        }
        let locker = locker(&hidden).await;
        let found = locker.retrieve(&Url::parse("https://h/api/x").unwrap(), None).await.unwrap();
        assert_eq!(found[0].name, "three", "a longer one decides before the tie");
        let error = locker.retrieve(&Url::parse(here).unwrap(), None).await.unwrap_err().to_string();
        assert_eq!(error, "both `one` and `two` are kept for https://h/api: say which one, or whose");
    }

    #[tokio::test]
    async fn what_it_does_not_take() {
        let locker = locker(&[]).await;
        let sound = stored("x", "a", "https://h", None);
        let with = |credential: Credential| StoredCredential { name: "x".into(), credential };
        let login = |secret: Secret| Credential { secret, ..sound.credential.clone() };
        let anywhere = Credential { scope: None, ..sound.credential.clone() };
        let odd = [login(Secret::from("")), login(Secret::new(vec![0; LONGEST_SECRET + 1])), anywhere];
        for odd in odd {
            assert!(locker.add(vec![sound.clone(), with(odd)]).await.is_err());
        }
        assert_eq!(locker.all().await.unwrap(), []);
        locker.add(vec![with(login(Secret::new(vec![0; LONGEST_SECRET])))]).await.unwrap();
        assert!(locker.reveal("x").await.is_ok() && locker.reveal("y").await.unwrap_err().is_missing());
        locker.remove("x").await.unwrap();
        assert!(locker.remove("x").await.unwrap_err().is_missing());
        let many = (0..=MOST).map(|at| stored(&at.to_string(), "a", "https://h", None)).collect();
        assert!(locker.add(many).await.is_err());
    }
}
