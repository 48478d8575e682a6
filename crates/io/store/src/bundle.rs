//! Credentials on their way to another machine: a sealed bundle that a passphrase opens.
//!
//! A bundle is `"GPSB" version stretch nonce ciphertext tag` with lengths 4, 1, 29, 12, n, 16: AES-256-GCM with a key
//! that Argon2id makes of the passphrase, by the cost and the salt in the header (RFC 9106). The salt, and with it the key, is drawn
//! for each bundle. The whole header is authenticated.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use gatepost_model::credential::{Credential, Means};
use gatepost_model::scope::Scope;
use gatepost_model::secret::Secret;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::store::StoredCredential;
use crate::stretch::{STRETCH_LEN, Stretch};

/// The most octets of a bundle.
pub const MOST_OCTETS: usize = 64 * 1024 * 1024;
/// The shortest passphrase, in octets: whoever has the bundle can try as many as they like.
pub const SHORTEST_PASSPHRASE: usize = 8;

const MAGIC: &[u8; 4] = b"GPSB";
const VERSION: u8 = 1;
const HEADER_LEN: usize = MAGIC.len() + 1 + STRETCH_LEN;

/// Seals these credentials with a passphrase. Argon2id takes about a tenth of a second.
///
/// # Errors
/// [`StoreError::Key`] if the passphrase is shorter than [`SHORTEST_PASSPHRASE`], or the system gives no random octets;
/// [`StoreError::Bundle`] if there is more than fits into [`MOST_OCTETS`].
pub fn seal(credentials: &[StoredCredential], passphrase: &Secret) -> Result<Vec<u8>, StoreError> {
    if passphrase.reveal().len() < SHORTEST_PASSPHRASE {
        let detail = format!("a passphrase for a bundle has at least {SHORTEST_PASSPHRASE} characters");
        return Err(StoreError::Key { detail });
    }
    seal_with(credentials, passphrase, &Stretch::fresh()?)
}

fn seal_with(credentials: &[StoredCredential], passphrase: &Secret, stretch: &Stretch) -> Result<Vec<u8>, StoreError> {
    let mut text = Zeroizing::new(Vec::with_capacity(length_of(credentials)?));
    for stored in credentials {
        write(&mut text, stored);
    }
    let header = [&MAGIC[..], &[VERSION], &stretch.encode()].concat();
    let mut sealed = text.to_vec();
    let nonce = cipher(stretch, passphrase)?
        .seal_in_place_append_tag(Aad::from(&header), &mut sealed)
        .map_err(|_| unfit("it cannot be sealed"))?;
    Ok([&header, nonce.as_ref().as_slice(), &sealed].concat())
}

/// Opens a bundle.
///
/// # Errors
/// [`StoreError::Bundle`] if it is none, is damaged or cut, is of a newer version, or the passphrase is another one.
pub fn open(bundle: &[u8], passphrase: &Secret) -> Result<Vec<StoredCredential>, StoreError> {
    if bundle.len() > MOST_OCTETS {
        return Err(unfit("it is larger than any of ours"));
    }
    let (header, rest) = bundle.split_at_checked(HEADER_LEN).ok_or_else(|| unfit("it is cut"))?;
    let stretch = header.strip_prefix(MAGIC).ok_or_else(|| unfit("it does not begin like one"))?;
    let stretch = match stretch.split_first() {
        Some((&VERSION, stretch)) => Stretch::decode(stretch),
        _ => return Err(unfit("it was made by a newer Gatepost")),
    };
    let stretch = stretch.ok_or_else(|| unfit("what it says of its passphrase cannot be"))?;
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or_else(|| unfit("it is cut"))?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unfit("it is cut"))?;
    let mut text = Zeroizing::new(sealed.to_vec());
    let plain = cipher(&stretch, passphrase)?
        .open_in_place(nonce, Aad::from(header), &mut text)
        .map_err(|_| unfit("the passphrase is another one, or it was changed on the way"))?;
    read_all(plain).ok_or_else(|| unfit("what is in it cannot be read"))
}

fn cipher(stretch: &Stretch, passphrase: &Secret) -> Result<RandomizedNonceKey, StoreError> {
    let key = stretch.key(passphrase)?;
    RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| unfit("its key cannot be used"))
}

/// The parts of a credential; one that is not there differs from an empty one.
fn parts(stored: &StoredCredential) -> [Option<Zeroizing<Vec<u8>>>; 5] {
    let StoredCredential { name, credential } = stored;
    let octets = |text: &str| Some(Zeroizing::new(text.as_bytes().to_vec()));
    [
        octets(name),
        octets(&credential.user),
        credential.scheme.as_deref().and_then(octets),
        credential.scope.as_ref().and_then(|scope| octets(&scope.to_string())),
        Some(Zeroizing::new(credential.secret.reveal().to_vec())),
    ]
}

fn length_of(credentials: &[StoredCredential]) -> Result<usize, StoreError> {
    let part = |part: &Option<Zeroizing<Vec<u8>>>| part.as_ref().map_or(1, |octets| 5 + octets.len());
    let all: usize = credentials.iter().map(|stored| parts(stored).iter().map(part).sum::<usize>()).sum();
    // Room that is never too small: while it grows, a vector leaves copies behind.
    if all > MOST_OCTETS - 1024 { Err(unfit("there is more than fits into one")) } else { Ok(all) }
}

/// Each part: 1, its length in four octets with the highest first, its octets; or 0 if there is none.
fn write(text: &mut Vec<u8>, stored: &StoredCredential) {
    for part in parts(stored) {
        let Some(octets) = part else {
            text.push(0);
            continue;
        };
        text.push(1);
        text.extend_from_slice(&u32::try_from(octets.len()).unwrap_or(u32::MAX).to_be_bytes());
        text.extend_from_slice(&octets);
    }
}

fn read_all(mut text: &[u8]) -> Option<Vec<StoredCredential>> {
    let mut credentials = Vec::new();
    while !text.is_empty() {
        let mut part = || read(&mut text);
        let (name, user, scheme, scope, secret) = (part()?, part()?, part()?, part()?, part()?);
        let scope = scope.map(|scope| Scope::parse(&utf8(scope)?).ok()).map_or(Some(None), |scope| scope.map(Some))?;
        let scheme = scheme.map(utf8).map_or(Some(None), |scheme| scheme.map(Some))?;
        let credential = Credential {
            user: utf8(user?)?,
            secret: Secret::new(secret?.to_vec()),
            scheme,
            scope,
            means: Means::Secret,
        };
        credentials.push(StoredCredential { name: utf8(name?)?, credential });
    }
    Some(credentials)
}

/// The next part, or that there is none; the outer `None` if it is cut.
fn read<'a>(text: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (first, rest) = text.split_first()?;
    if *first == 0 {
        *text = rest;
        return Some(None);
    }
    let (length, rest) = rest.split_first_chunk()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *text = rest;
    (*first == 1).then_some(Some(part))
}

fn utf8(octets: &[u8]) -> Option<String> {
    String::from_utf8(octets.to_vec()).ok()
}

fn unfit(detail: &str) -> StoreError {
    StoreError::Bundle { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSPHRASE: &str = "correct horse";

    fn some() -> Vec<StoredCredential> {
        let scope = Scope::parse("https://example.com/api").unwrap();
        let stored = |name: &str, credential| StoredCredential { name: name.into(), credential };
        vec![
            stored("work", Credential::login("ali", "hunter2").within(scope.clone())),
            stored("bot", Credential::token(Secret::new(vec![0, 255, 10])).within(scope)),
            stored("", Credential::login("", "").only_for("")),
        ]
    }

    fn sealed(credentials: &[StoredCredential]) -> Vec<u8> {
        seal_with(credentials, &Secret::from(PASSPHRASE), &Stretch::cheap()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_passphrase_alone() {
        let passphrase = Secret::from(PASSPHRASE);
        for credentials in [some(), vec![]] {
            assert_eq!(open(&sealed(&credentials), &passphrase), Ok(credentials));
        }
        let bundle = seal(&some(), &passphrase).unwrap();
        assert_eq!(open(&bundle, &passphrase), Ok(some()));
        assert!(!bundle.windows(7).any(|part| part == b"hunter2" || part == b"example"));
        assert_ne!(bundle, sealed(&some()));
        let error = open(&bundle, &Secret::from("correct house")).unwrap_err();
        assert_eq!(error, unfit("the passphrase is another one, or it was changed on the way"));
        assert!(matches!(seal(&some(), &Secret::from("1234567")), Err(StoreError::Key { .. })));
    }

    #[test]
    fn every_cut_and_every_changed_octet_is_refused() {
        let (bundle, passphrase) = (sealed(&some()), Secret::from(PASSPHRASE));
        for at in 0..bundle.len() {
            // A high bit, so that no change of the cost makes this test last.
            let mut changed = bundle.clone();
            changed[at] ^= 0x80;
            assert!(matches!(open(&changed, &passphrase), Err(StoreError::Bundle { .. })), "octet {at}");
        }
        for end in [0, 3, 4, 5, HEADER_LEN - 1, HEADER_LEN, HEADER_LEN + NONCE_LEN, bundle.len() - 1] {
            assert!(matches!(open(&bundle[..end], &passphrase), Err(StoreError::Bundle { .. })), "cut at {end}");
        }
        let longer = [&bundle[..], &[0]].concat();
        assert!(matches!(open(&longer, &passphrase), Err(StoreError::Bundle { .. })));
    }

    #[test]
    fn what_is_inside_is_read_strictly() {
        let mut text = Vec::new();
        write(&mut text, &some()[0]);
        assert_eq!(read_all(&text), Some(some()[..1].to_vec()));
        for end in 1..text.len() {
            assert_eq!(read_all(&text[..end]), None, "cut at {end}");
        }
        let odd: [&[u8]; 3] = [&[2, 0, 0, 0, 0], &[1, 255, 255, 255, 255, 1], &[0, 0, 0, 0, 0]];
        for odd in odd {
            assert_eq!(read_all(odd), None, "{odd:?}");
        }
    }
}
