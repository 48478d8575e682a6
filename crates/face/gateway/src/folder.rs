//! A directory with a certificate file for each host, and what was good in it last.
//!
//! `www.example.com.pem` holds chain and key for that name, `_.example.com.pem` for every name one label below. A file
//! takes effect when it is whole and fit; until then the one before it stays, and what is wrong is said once.

use std::collections::BTreeMap;
use std::fs::metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatepost::model::time::Timestamp;
use gatepost::tls::directory::Directory;
use gatepost::tls::fitness;
use gatepost::tls::server_certificate::ServerCertificate;
use gatepost::tls::unfit::{Cause, Unfit};

use crate::small_file;
use crate::watched::{Stamp, stamp};

/// The most files that are looked at.
const MOST: usize = 10_000;

/// One directory.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: BTreeMap<String, Kept>,
    /// Whether it could be read at least once.
    is_known: bool,
    /// Why the directory itself could not be read last.
    unreadable: Option<String>,
}

/// What is known of one file.
#[derive(Debug, Default)]
struct Kept {
    /// How it looked last, `None` if it could not be looked at; nothing before the first time.
    stamp: Option<Option<Stamp>>,
    good: Option<Arc<ServerCertificate>>,
}

/// What a look brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether other certificates are to be shown.
    pub(crate) changed: bool,
    /// What is wrong, each with its file.
    pub(crate) wrong: Vec<String>,
}

impl Folder {
    /// The directory at `path`. Nothing is read yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), files: BTreeMap::new(), is_known: false, unreadable: None }
    }

    /// Reads what looks different from last time.
    pub(crate) fn look(&mut self, now: Timestamp) -> Seen {
        let mut seen = Seen::default();
        let names = match self.names() {
            Ok(names) => names,
            Err(detail) => {
                // What was good stays: a directory that is away for a moment does not end anything.
                let detail = format!("{}: {detail}", self.path.display());
                if self.unreadable.as_ref() != Some(&detail) {
                    seen.wrong.push(detail.clone());
                }
                self.unreadable = Some(detail);
                return seen;
            }
        };
        self.unreadable = None;
        let before = self.files.len();
        self.files.retain(|name, _| names.contains_key(name));
        seen.changed = self.files.len() != before || !self.is_known;
        self.is_known = true;
        for (name, host) in names {
            let kept = self.files.entry(name.clone()).or_default();
            let path = self.path.join(&name);
            let stamp = stamp(&path);
            if kept.stamp == Some(stamp) {
                continue;
            }
            // A file that is unfit from its first day on counts, too: nobody else answers for its name.
            seen.changed |= kept.stamp.is_none();
            kept.stamp = Some(stamp);
            match read(&path, &host, now) {
                Ok(certificate) => {
                    kept.good = Some(Arc::new(certificate));
                    seen.changed = true;
                    seen.wrong.extend(open_to_others(&path));
                }
                Err(unfit) => {
                    let stays = if kept.good.is_some() { "the one before it stays" } else { "nothing is shown for it" };
                    seen.wrong.push(format!("{}: {unfit}; {stays}", path.display()));
                }
            }
        }
        seen
    }

    /// What is to be shown, and for which names nothing is.
    pub(crate) fn directory(&self) -> Directory {
        if !self.is_known {
            return Directory::unknown();
        }
        let row = |(name, kept): (&String, &Kept)| Some((Directory::host_of(name)?, kept.good.clone()?));
        let unfit = self.files.iter().filter(|(_, kept)| kept.good.is_none());
        let unfit = unfit.filter_map(|(name, _)| Directory::host_of(name));
        Directory::new(self.files.iter().filter_map(row)).with_unfit(unfit)
    }

    /// The names of its certificate files, with the hosts that they are for.
    fn names(&self) -> Result<BTreeMap<String, String>, String> {
        let entries = std::fs::read_dir(&self.path).map_err(|error| error.to_string())?;
        let mut names = BTreeMap::new();
        for entry in entries {
            let name = entry.map_err(|error| error.to_string())?.file_name();
            let name = name.to_string_lossy().into_owned();
            if let Some(host) = Directory::host_of(&name) {
                names.insert(name, host);
            }
            if names.len() > MOST {
                return Err(format!("more than {MOST} certificates are in it"));
            }
        }
        Ok(names)
    }
}

/// That others than its owner may read a file with a private key. It is shown all the same: who may read it has read it.
fn open_to_others(path: &Path) -> Option<String> {
    let mode = metadata(path).ok()?.mode() & 0o777;
    let place = path.display();
    (mode & 0o077 != 0).then(|| {
        format!(
            "{place}: others than its owner may use the file with the private key (mode {mode:03o}); `chmod 600` it"
        )
    })
}

fn read(path: &Path, host: &str, now: Timestamp) -> Result<ServerCertificate, Unfit> {
    let unusable = |detail: String| Unfit { cause: Cause::Unusable, detail };
    let text = small_file::read(path, small_file::LONGEST_PEM).map_err(|error| unusable(error.to_string()))?;
    let (certificate, ..) = fitness::from_pem(&text, &text, now)?;
    let covered = match host.strip_prefix("*.") {
        Some(_) => certificate.facts().dns_names.iter().any(|name| name == host),
        None => certificate.facts().covers(host),
    };
    if !covered {
        let names = certificate.facts().names().join(", ");
        return Err(Unfit { cause: Cause::WrongName, detail: format!("it is for {names}, not for {host}") });
    }
    Ok(certificate)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    use gatepost::tls::issue::{Authority, Issued};
    use gatepost::tls::pem;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }

    fn text(issued: &Issued) -> Vec<u8> {
        let chain: String = issued.chain.iter().map(|der| pem::certificate_pem(der)).collect();
        [chain.as_bytes(), pem::key_pem(&issued.key).reveal()].concat()
    }

    fn write_private(path: &Path, text: &[u8]) {
        std::fs::write(path, text).unwrap();
        set_mode(path, 0o600);
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn shown(folder: &Folder, name: &str) -> Option<[u8; 32]> {
        folder.directory().find(name).map(|found| found.facts().fingerprint)
    }

    #[test]
    fn a_bad_file_never_replaces_a_good_one_and_is_complained_of_once() {
        let place = tempfile::tempdir().unwrap();
        let authority = Authority::create("One", now(), 100 * DAY).unwrap();
        let issue = |name: &str| authority.issue_server(&[name.to_owned()], now(), 10 * DAY).unwrap();
        let write = |name: &str, text: &[u8]| write_private(&place.path().join(name), text);
        let mut folder = Folder::new(place.path());
        let (first, second, other) = (issue("a.test"), issue("a.test"), issue("b.test"));
        write("a.test.pem", &text(&first));
        write("_.w.test.pem", &text(&issue("*.w.test")));
        write("notes.txt", b"not mine");
        assert_eq!(folder.look(now()), Seen { changed: true, wrong: vec![] });
        let of = |issued: &Issued| Some(gatepost::tls::certificate::fingerprint(&issued.chain[0]));
        assert_eq!(shown(&folder, "a.test"), of(&first));
        assert!(shown(&folder, "x.w.test").is_some() && shown(&folder, "x.y.w.test").is_none());
        assert_eq!(folder.look(now()), Seen::default());

        let half = &text(&second)[..700];
        let mismatched = Issued { chain: second.chain.clone(), key: first.key.clone() };
        let late = authority.issue_server(&["a.test".to_owned()], now(), Duration::from_secs(1)).unwrap();
        let bad: [(&[u8], &str); 5] = [
            (half, "unusable"),
            (&text(&mismatched), "key-mismatch"),
            (&text(&other), "wrong-name"),
            (&text(&late), "expired"),
            (b"", "unusable"),
        ];
        for (content, word) in bad {
            write("a.test.pem", content);
            let seen = folder.look(now() + DAY);
            assert_eq!((seen.changed, seen.wrong.len()), (false, 1), "{word}: {seen:?}");
            let said = &seen.wrong[0];
            assert!(
                said.contains("a.test.pem: ") && said.contains(word) && said.ends_with("the one before it stays"),
                "{said}"
            );
            assert_eq!(folder.look(now() + DAY), Seen::default(), "said once");
            assert_eq!(shown(&folder, "a.test"), of(&first));
        }
        write("a.test.pem", &text(&second));
        assert_eq!(folder.look(now()), Seen { changed: true, wrong: vec![] });
        assert_eq!(shown(&folder, "a.test"), of(&second));
        std::fs::remove_file(place.path().join("a.test.pem")).unwrap();
        assert_eq!((folder.look(now()).changed, shown(&folder, "a.test")), (true, None));
    }

    #[test]
    fn a_file_that_was_never_good_is_remembered_and_complained_of_once() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(place.path());
        folder.look(now());
        std::fs::write(place.path().join("a.test.pem"), b"junk").unwrap();
        symlink("nowhere", place.path().join("b.test.pem")).unwrap();
        let seen = folder.look(now());
        assert_eq!((seen.changed, seen.wrong.len()), (true, 2), "{seen:?}");
        assert_eq!(folder.look(now()), Seen::default());
        let has_nothing = |name: &str| folder.directory().has_nothing_for(name);
        assert_eq!(["a.test", "b.test", "c.test"].map(has_nothing), [false, false, true]);
        assert!(!Folder::new(&place.path().join("missing")).directory().has_nothing_for("a.test"));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_complained_of_once_a_change() {
        let place = tempfile::tempdir().unwrap();
        let authority = Authority::create("One", now(), 100 * DAY).unwrap();
        let issued = authority.issue_server(&["a.test".to_owned()], now(), 10 * DAY).unwrap();
        let link = place.path().join("a.test.pem");
        let mut folder = Folder::new(place.path());
        symlink("nowhere", &link).unwrap();
        assert_eq!((folder.look(now()).wrong.len(), folder.look(now())), (1, Seen::default()));
        std::fs::remove_file(&link).unwrap();
        symlink("nowhere-else", &link).unwrap();
        assert_eq!((folder.look(now()).wrong.len(), folder.look(now())), (1, Seen::default()));
        write_private(&place.path().join("nowhere-else"), &text(&issued));
        assert_eq!(folder.look(now()), Seen { changed: true, wrong: vec![] });
        std::fs::remove_file(place.path().join("nowhere-else")).unwrap();
        let seen = folder.look(now());
        assert_eq!((seen.changed, seen.wrong.len(), folder.look(now())), (false, 1, Seen::default()));
        assert!(shown(&folder, "a.test").is_some(), "what was good stays");
    }

    #[test]
    fn a_key_that_others_may_read_is_shown_and_warned_of_once() {
        let place = tempfile::tempdir().unwrap();
        let authority = Authority::create("One", now(), 100 * DAY).unwrap();
        let issued = authority.issue_server(&["a.test".to_owned()], now(), 10 * DAY).unwrap();
        let path = place.path().join("a.test.pem");
        write_private(&path, &text(&issued));
        let mut folder = Folder::new(place.path());
        for (mode, warned) in [(0o600, false), (0o640, true), (0o400, false), (0o604, true)] {
            set_mode(&path, mode);
            let seen = folder.look(now());
            let said = seen.wrong.concat();
            assert_eq!((seen.changed, said.contains(&format!("(mode {mode:o})"))), (true, warned), "{said}");
            assert_eq!(folder.look(now()), Seen::default(), "said once");
        }
        assert!(shown(&folder, "a.test").is_some());
    }

    #[test]
    fn a_directory_that_is_away_ends_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("certs");
        std::fs::create_dir(&path).unwrap();
        let authority = Authority::create("One", now(), 100 * DAY).unwrap();
        let issued = authority.issue_server(&["a.test".to_owned()], now(), 10 * DAY).unwrap();
        write_private(&path.join("a.test.pem"), &text(&issued));
        let mut folder = Folder::new(&path);
        folder.look(now());
        std::fs::rename(&path, place.path().join("away")).unwrap();
        assert_eq!(folder.look(now()).wrong.len(), 1);
        assert_eq!(folder.look(now()), Seen::default());
        assert!(shown(&folder, "a.test").is_some());
    }
}
