//! PKCS #12 (RFC 7292): a certificate with its chain and its private key, in one file under a password.

use std::collections::HashSet;

use gatepost::model::secret::Secret;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::server_certificate::ServerCertificate;
use p12_keystore::error::Error;
use p12_keystore::{
    Certificate as Kept, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive, PrivateKey,
    PrivateKeyChain,
};

/// Rounds that make a password from its digest dear to guess: some 50 ms.
const ROUNDS: u32 = 100_000;
/// More certificates than this are not looked at.
const MOST: usize = 64;

/// Why there is no certificate to be had from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closed {
    /// The password is not that of the file.
    Password,
    /// Anything else, in words.
    Other(String),
}

/// Takes the one key out of a file, and the certificate that it is for with what has issued it, as DER.
pub(super) fn read(octets: &[u8], password: &Secret) -> Result<(Vec<Vec<u8>>, Secret), Closed> {
    let password = password.reveal_text().ok_or_else(|| other("a password is text in UTF-8"))?;
    let archive = Pkcs12Archive::from_pkcs12(octets, password).map_err(|error| closed(&error))?;
    let [key] = archive.keys.as_slice() else {
        return Err(other(&format!("it holds {} private keys, and one is wanted", archive.keys.len())));
    };
    if archive.certs.len() > MOST {
        return Err(other(&format!("it holds more than {MOST} certificates")));
    }
    let key = Secret::new(key.key.as_der().to_vec());
    let certificates: Vec<Vec<u8>> = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect();
    // Not by the numbers that link them: they are not signed, and some programs leave them out.
    let is_its_own = |der: &&Vec<u8>| ServerCertificate::new(vec![(*der).clone()], &key).is_ok();
    let Some(leaf) = certificates.iter().find(is_its_own) else {
        return Err(other("no certificate in it belongs to its private key"));
    };
    Ok((chain(leaf, &certificates)?, key))
}

/// Writes a chain (DER, its leaf first) and its key (PKCS #8): AES-256 and HMAC with SHA-256 throughout.
pub(super) fn write(chain: &[Vec<u8>], key: &Secret, password: &Secret) -> Result<Vec<u8>, Closed> {
    seal(chain, key, password, ROUNDS)
}

fn seal(chain: &[Vec<u8>], key: &Secret, password: &Secret, rounds: u32) -> Result<Vec<u8>, Closed> {
    let password = password.reveal_text().ok_or_else(|| other("a password is text in UTF-8"))?;
    let leaf = chain.first().ok_or_else(|| other("there is no certificate"))?;
    let facts = Certificate::parse(leaf).map_err(|error| other(&error.to_string()))?;
    let key = PrivateKey::from_der(key.reveal()).map_err(|_| other("the private key is not in PKCS #8"))?;
    let certificates = chain.iter().map(|der| Kept::from_der(der)).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| closed(&error))?;
    let alias = facts.names().into_iter().next().unwrap_or_else(|| facts.subject.clone());
    let mut store = KeyStore::new();
    let whole = PrivateKeyChain::new(facts.thumbprint.as_slice(), key, certificates);
    store.add_entry(&alias, KeyStoreEntry::PrivateKeyChain(whole));
    let writer = store.writer(password).encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256);
    let writer = writer.encryption_iterations(rounds).mac_algorithm(MacAlgorithm::HmacSha256).mac_iterations(rounds);
    writer.write().map_err(|error| closed(&error))
}

/// The leaf and its issuers as their names lead, whatever the order in the file. Whether each has signed the one before is
/// found out where the chain is found fit.
fn chain(leaf: &[u8], certificates: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Closed> {
    let facts = |der: &[u8]| Certificate::parse(der).map_err(|error| other(&error.to_string()));
    let all = certificates.iter().map(|der| facts(der)).collect::<Result<Vec<_>, _>>()?;
    let mut last = facts(leaf)?;
    let (mut chain, mut used) = (vec![leaf.to_vec()], HashSet::from([last.fingerprint]));
    while last.subject != last.issuer {
        let next = all
            .iter()
            .zip(certificates)
            .find(|(one, _)| one.subject == last.issuer && !used.contains(&one.fingerprint));
        let Some((facts, der)) = next else { break };
        used.insert(facts.fingerprint);
        chain.push(der.clone());
        last = facts.clone();
    }
    Ok(chain)
}

fn closed(error: &Error) -> Closed {
    match error {
        Error::MacError(_) => Closed::Password,
        other => Closed::Other(format!("it cannot be read: {other}")),
    }
}

fn other(text: &str) -> Closed {
    Closed::Other(text.to_owned())
}

#[cfg(test)]
mod tests {
    use gatepost_testkit::authority::Authority;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_with_the_password_only() {
        let authority = Authority::new();
        let leaf = authority.issue(&["a.test"]);
        let chain = vec![leaf.certificate_der.clone(), authority.der().to_vec()];
        let (key, password) = (Secret::new(leaf.key_der.clone()), Secret::from("öpen sesame"));
        let file = seal(&chain, &key, &password, 1000).unwrap();
        let (read_chain, read_key) = read(&file, &password).unwrap();
        assert_eq!((read_chain, read_key == key), (chain, true));
        for wrong in ["", "open sesame"] {
            assert_eq!(read(&file, &Secret::from(wrong)).map(|_| ()), Err(Closed::Password));
        }
        assert!(!file.windows(16).any(|part| leaf.key_der.windows(16).any(|other| part == other)), "it is sealed");
        for at in [0, 10, file.len() / 2, file.len() - 1] {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(read(&changed, &password).is_err(), "{at}");
            assert!(read(&file[..at], &password).is_err(), "{at}");
        }
    }

    /// How each was made stands in the folder's README.
    #[test]
    fn files_of_other_programs_are_read() {
        let files: [(&str, &[u8]); 4] = [
            ("openssl3", include_bytes!("../../../tests/vectors/pkcs12/openssl3.p12")),
            ("legacy", include_bytes!("../../../tests/vectors/pkcs12/legacy.p12")),
            ("triple-des", include_bytes!("../../../tests/vectors/pkcs12/triple-des.p12")),
            ("keytool", include_bytes!("../../../tests/vectors/pkcs12/keytool.p12")),
        ];
        for (name, file) in files {
            let (chain, _) = read(file, &Secret::from("changeit")).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let subjects: Vec<_> = chain.iter().map(|der| Certificate::parse(der).unwrap().subject).collect();
            assert_eq!(subjects, ["CN=leaf", "CN=Middle", "CN=Root"], "{name}");
            assert_eq!(read(file, &Secret::from("change it")).map(|_| ()), Err(Closed::Password), "{name}");
            for end in 0..file.len() {
                assert!(read(&file[..end], &Secret::from("changeit")).is_err(), "{name} cut at {end}");
            }
        }
    }
}
