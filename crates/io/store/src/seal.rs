//! Sealing: secrets are encrypted and bound to their row before they reach a disk.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_model::secret::Secret;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::owner::{check_file, unusable};

/// Length of a sealing key in octets.
pub const KEY_LEN: usize = 32;

const MAGIC: &[u8; 3] = b"GPS";
const VERSION: u8 = 1;
const ID_LEN: usize = 8;
const HEADER_LEN: usize = MAGIC.len() + 1 + ID_LEN;
const TAG_LEN: usize = 16;
/// A key file holds 44 characters and a newline; what is much longer is something else.
const KEY_FILE_MAX: u64 = 128;

/// The key that seals the secrets of a store: AES-256-GCM with a random nonce for every value.
///
/// A sealed value is `"GPS" version key-id nonce ciphertext tag` with lengths 3, 1, 8, 12, n, 16;
/// the key id is the beginning of SHA-256 of the key. What the value is and which row it stands in
/// are authenticated with it, so that a value moved to another row does not open.
pub struct SealingKey {
    key: RandomizedNonceKey,
    id: [u8; ID_LEN],
}

impl SealingKey {
    /// The key of these 32 octets.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] if there are not exactly 32.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, StoreError> {
        let wrong = || sealed("the sealing key is not 32 octets");
        if octets.len() != KEY_LEN {
            return Err(wrong());
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, octets).map_err(|_| wrong())?;
        let mut id = [0; ID_LEN];
        for (to, from) in id.iter_mut().zip(digest(&SHA256, octets).as_ref()) {
            *to = *from;
        }
        Ok(Self { key, id })
    }

    /// A new random key that nobody keeps: for a store that ends with the process.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] if the system gives no random octets.
    pub fn generate() -> Result<Self, StoreError> {
        Self::from_bytes(random_octets()?.as_slice())
    }

    /// The key in standard base64 of its 32 octets, white space around it ignored: what
    /// `GATEPOST_SEAL_KEY` and a key file hold.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] if it is anything else. The text is never part of the error.
    pub fn from_env_text(text: &str) -> Result<Self, StoreError> {
        let octets = STANDARD.decode(text.trim()).map(Zeroizing::new);
        let octets = octets.map_err(|_| sealed("the sealing key is not base64 of 32 octets"))?;
        Self::from_bytes(&octets)
    }

    /// The key in the file at `path`, or `None` if there is no such file.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] naming the path if group or others may open it, if it is not ours,
    /// or if it cannot be read; [`StoreError::Sealed`] if no key is in it.
    pub fn load(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(path, error)),
        };
        let metadata = file.metadata().map_err(|error| unusable(path, error))?;
        check_file(path, &metadata)?;
        let mut text = Zeroizing::new(String::with_capacity(256));
        file.take(KEY_FILE_MAX).read_to_string(&mut text).map_err(|error| unusable(path, error))?;
        let key = Self::from_env_text(&text);
        key.map(Some).map_err(|_| sealed(format!("{} holds no sealing key", path.display())))
    }

    /// The key in the file at `path`; if there is no such file, a new one, mode 0600, on the disk
    /// before this returns. Two processes that come here at once get the same key.
    ///
    /// Only for a store that does not exist yet: a new key opens nothing that an old one sealed.
    ///
    /// # Errors
    /// As [`load`](Self::load), and [`StoreError::Unusable`] if it cannot be written.
    pub fn load_or_create(path: &Path) -> Result<Self, StoreError> {
        if let Some(key) = Self::load(path)? {
            return Ok(key);
        }
        let octets = random_octets()?;
        let text = Zeroizing::new(STANDARD.encode(octets.as_slice()) + "\n");
        publish(path, text.as_bytes())?;
        Self::load(path)?.ok_or_else(|| unusable(path, "it went away while it was made"))
    }

    /// Encrypts `secret` for `place`.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] if the cipher or its random source fails.
    pub(crate) fn seal(&self, place: &Place<'_>, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        let header = self.header();
        let mut text = Vec::with_capacity(secret.reveal().len() + TAG_LEN);
        text.extend_from_slice(secret.reveal());
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place.authenticated(&header)), &mut text)
            .map_err(|_| sealed(place.to_string()))?;
        Ok([&header, nonce.as_ref().as_slice(), &text].concat())
    }

    /// Decrypts what [`seal`](Self::seal) made for the same place.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] naming the place: another key, another place, or a damaged value.
    pub(crate) fn open(&self, place: &Place<'_>, value: &[u8]) -> Result<Secret, StoreError> {
        self.decrypt(place, value).ok_or_else(|| sealed(place.to_string()))
    }

    fn decrypt(&self, place: &Place<'_>, value: &[u8]) -> Option<Secret> {
        let (header, rest) = value.split_at_checked(HEADER_LEN)?;
        if header != self.header() {
            return None;
        }
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let plain = self.key.open_in_place(nonce, Aad::from(place.authenticated(header)), &mut text).ok()?;
        Some(Secret::new(plain.to_vec()))
    }

    fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        let parts = MAGIC.iter().chain([&VERSION]).chain(&self.id);
        for (to, from) in header.iter_mut().zip(parts) {
            *to = *from;
        }
        header
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(****)")
    }
}

/// The row that a sealed value stands in: its kind, its name, and what else must not change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) kind: &'static str,
    pub(crate) name: &'a str,
    pub(crate) also: &'a [Option<&'a str>],
}

impl Place<'_> {
    /// The associated data. Every part has its length in front: no two places read the same.
    fn authenticated(&self, header: &[u8]) -> Vec<u8> {
        let mut data = header.to_vec();
        for part in [Some(self.kind), Some(self.name)].iter().chain(self.also) {
            let Some(part) = part else {
                data.push(0);
                continue;
            };
            data.push(1);
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.name)
    }
}

pub(crate) fn sealed(what: impl Into<String>) -> StoreError {
    StoreError::Sealed { what: what.into() }
}

/// A name beside `path` that nobody else uses.
pub(crate) fn fresh_sibling(path: &Path) -> Result<PathBuf, StoreError> {
    let number = getrandom::u64().map_err(|error| unusable(path, error))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{number:016x}"));
    Ok(PathBuf::from(name))
}

/// Gives the finished file at `from` its name, unless something has that name already, and makes
/// that last. `from` is gone in either case.
pub(crate) fn settle_name(from: &Path, path: &Path) -> Result<(), StoreError> {
    let linked = fs::hard_link(from, path);
    fs::remove_file(from).map_err(|error| unusable(from, error))?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unusable(path, error)),
        _ => {}
    }
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    sync_folder(folder)
}

/// Opens a new file that only we may read.
pub(crate) fn create_private(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| unusable(path, error))
}

fn publish(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let draft = fresh_sibling(path)?;
    let mut file = create_private(&draft)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| unusable(&draft, error))?;
    settle_name(&draft, path)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unusable(folder, error))
}

// Elsewhere a folder cannot be opened as a file, and the system orders its changes itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

fn random_octets() -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
    let mut octets = Zeroizing::new([0; KEY_LEN]);
    getrandom::fill(octets.as_mut_slice()).map_err(|_| sealed("the system gives no random octets"))?;
    Ok(octets)
}

#[cfg(test)]
mod tests;
