//! The certificates that listeners show: from the binding store, or from PEM files.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use gatepost::model::binding::{Answer as Kept, BindingKey};
use gatepost::model::fault::Fault;
use gatepost::store::store::Store;
use gatepost::tls::bindings::BindingTable;
use gatepost::tls::bound::{Answer, Bound};
use gatepost::tls::pem;
use gatepost::tls::server_certificate::ServerCertificate;

use crate::config::listener::Protection;
use crate::error::GatewayError;

/// The most that a PEM file may hold.
const LONGEST: u64 = 1024 * 1024;

/// What a listener with this protection shows; `None` without TLS.
///
/// # Errors
/// If a file cannot be read, or chain and key do not belong together: then nothing is shown, rather
/// than half a certificate.
pub async fn table(protection: &Protection, store: &dyn Store) -> Result<Option<BindingTable>, GatewayError> {
    match protection {
        Protection::Plain => Ok(None),
        Protection::Bindings => bound(store).await.map(Some),
        Protection::Files { certificate, key } => from_files(certificate, key).map(Some),
    }
}

async fn bound(store: &dyn Store) -> Result<BindingTable, GatewayError> {
    let failed = |error: &dyn Fault| GatewayError::engine(error);
    let mut rows = Vec::new();
    for binding in store.bindings().await.map_err(|error| failed(&error))? {
        let answer = match binding.answer {
            Kept::Reject(_) => Answer::Reject,
            Kept::Directory(_) => Answer::Directory(Arc::default()),
            Kept::Certificate(fingerprint) => {
                let stored = store.certificate(fingerprint).await.map_err(|error| failed(&error))?;
                let Some(stored) = stored else { continue };
                let certificate = ServerCertificate::new(stored.chain, &stored.key).map_err(|error| failed(&error))?;
                Answer::Certificate(Arc::new(certificate))
            }
        };
        rows.push((binding.key, Bound::new(answer, &binding.terms)));
    }
    Ok(BindingTable::of(rows))
}

fn from_files(certificate: &Path, key: &Path) -> Result<BindingTable, GatewayError> {
    let of_file =
        |path: &Path, error: &dyn Fault| GatewayError::Unreadable { path: path.to_owned(), detail: error.to_string() };
    let chain = pem::parse_chain_pem(&read(certificate)?).map_err(|error| of_file(certificate, &error))?;
    let secret = pem::parse_key_pem(&read(key)?).map_err(|error| of_file(key, &error))?;
    let ready = ServerCertificate::new(chain, &secret).map_err(|error| of_file(key, &error))?;
    // At every address, for every name that the certificate covers.
    let anywhere = BindingKey::Address(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
    Ok(BindingTable::new([(anywhere, Arc::new(ready))]))
}

fn read(path: &Path) -> Result<Vec<u8>, GatewayError> {
    let unreadable = |detail: String| GatewayError::Unreadable { path: path.to_owned(), detail };
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > LONGEST {
        return Err(unreadable("more than 1 MiB is no certificate and no key".into()));
    }
    std::fs::read(path).map_err(|error| unreadable(error.to_string()))
}
