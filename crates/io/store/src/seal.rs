//! Sealing: secrets are encrypted and bound to their row before they reach a disk.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_model::secret::Secret;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::owner::{check_file, unusable};
use crate::publish::publish;

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
    /// [`StoreError::Key`] if there are not exactly 32.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, StoreError> {
        let wrong = || unfit("it is not 32 octets");
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
    /// [`StoreError::Key`] if the system gives no random octets.
    pub fn generate() -> Result<Self, StoreError> {
        Self::from_bytes(random_octets()?.as_slice())
    }

    /// The key in standard base64 of its 32 octets, white space around it ignored: what
    /// `GATEPOST_SEAL_KEY` and a key file hold.
    ///
    /// # Errors
    /// [`StoreError::Key`] if it is anything else. The text is never part of the error.
    pub fn from_env_text(text: &str) -> Result<Self, StoreError> {
        let octets = STANDARD.decode(text.trim()).map(Zeroizing::new);
        let octets = octets.map_err(|_| unfit("it is not base64 of 32 octets"))?;
        Self::from_bytes(&octets)
    }

    /// The key in the file at `path`, or `None` if there is no such file.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] naming the path if group or others may open it, if it is not ours,
    /// or if it cannot be read; [`StoreError::Key`] if no key is in it.
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
        key.map(Some).map_err(|_| unfit(format!("{} holds none", path.display())))
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
        publish(path, Self::fresh_text()?.as_bytes())?;
        Self::load(path)?.ok_or_else(|| unusable(path, "it went away while it was made"))
    }

    /// A new random key as a key file holds it.
    pub(crate) fn fresh_text() -> Result<Zeroizing<String>, StoreError> {
        let octets = random_octets()?;
        Ok(Zeroizing::new(STANDARD.encode(octets.as_slice()) + "\n"))
    }

    /// Whether this and `other` are the same key.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Whether this key sealed that value, by what the value says of itself.
    pub(crate) fn made(&self, value: &[u8]) -> bool {
        value.starts_with(&self.header())
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

pub(crate) fn unfit(detail: impl Into<String>) -> StoreError {
    StoreError::Key { detail: detail.into() }
}

fn random_octets() -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
    let mut octets = Zeroizing::new([0; KEY_LEN]);
    getrandom::fill(octets.as_mut_slice()).map_err(|_| unfit("the system gives no random octets"))?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PLACE: Place<'static> = Place { kind: "credential", name: "one", also: &[Some("alice"), None] };

    fn key(octet: u8) -> SealingKey {
        SealingKey::from_bytes(&[octet; KEY_LEN]).unwrap()
    }

    #[test]
    fn a_value_opens_only_in_its_place_and_with_its_key() {
        let secret = Secret::from("open sesame");
        let value = key(1).seal(&PLACE, &secret).unwrap();
        assert_eq!(key(1).open(&PLACE, &value), Ok(secret));

        let wrong = Err(StoreError::Sealed { what: "credential \"one\"".into() });
        assert_eq!(key(2).open(&PLACE, &value), wrong);
        let places = [
            Place { kind: "user", ..PLACE },
            Place { name: "two", ..PLACE },
            Place { also: &[Some("alice")], ..PLACE },
            Place { also: &[Some("alice"), Some("")], ..PLACE },
            Place { also: &[Some("mallory"), None], ..PLACE },
            Place { kind: "credentialo", name: "ne", ..PLACE },
        ];
        for place in places {
            assert!(key(1).open(&place, &value).is_err(), "{place:?}");
        }
    }

    #[test]
    fn every_changed_octet_and_every_cut_is_noticed() {
        let value = key(1).seal(&PLACE, &Secret::from("s")).unwrap();
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert!(key(1).open(&PLACE, &changed).is_err(), "octet {at}");
            assert!(key(1).open(&PLACE, &value[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn no_two_values_are_the_same_and_none_holds_the_secret() {
        let secret = Secret::from("a rather long secret text");
        let values: Vec<_> = (0..32).map(|_| key(1).seal(&PLACE, &secret).unwrap()).collect();
        for (at, value) in values.iter().enumerate() {
            assert!(!value.windows(6).any(|part| part == b"secret"));
            assert!(!values[..at].contains(value));
        }
    }

    #[test]
    fn a_key_is_32_octets_of_base64() {
        let text = STANDARD.encode([7; KEY_LEN]);
        assert_eq!(SealingKey::from_env_text(&format!(" {text}\n")).unwrap().id, key(7).id);
        for text in ["", "AAAA", "not base64!", &STANDARD.encode([7; 33]), &text[..43]] {
            let error = SealingKey::from_env_text(text).unwrap_err();
            assert!(matches!(error, StoreError::Key { .. }), "{error}");
            assert!(text.is_empty() || !error.to_string().contains(text), "the text is in the error");
        }
        assert_eq!(format!("{:?}", key(7)), "SealingKey(****)");
        assert_ne!(SealingKey::generate().unwrap().id, SealingKey::generate().unwrap().id);
    }

    #[test]
    fn a_key_file_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        assert!(SealingKey::load(&path).unwrap().is_none());
        let first = SealingKey::load_or_create(&path).unwrap();
        let again = SealingKey::load_or_create(&path).unwrap();
        assert_eq!(first.id, again.id);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft stayed behind");
    }

    #[test]
    fn a_second_writer_does_not_overwrite_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        publish(&path, b"first").unwrap();
        publish(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        SealingKey::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let expected = unusable(&path, "the file is open to group or others; make it 0600");
            assert_eq!(SealingKey::load_or_create(&path).unwrap_err(), expected);
        }
    }
}
