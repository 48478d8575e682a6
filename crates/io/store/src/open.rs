//! The door to a store on disk.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::StoreError;
use crate::key_source::KeySource;
use crate::owner::{check_file, check_folder, unusable};
use crate::schema;
use crate::seal::SealingKey;
use crate::sqlite::SqliteStore;
use crate::store::Store;
use crate::stretch::Stretch;

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Make the folder, mode 0700, if it is missing; only the last one of the path. Default: no.
    pub create_folder: bool,
    /// How long an operation waits for another process before [`StoreError::Locked`]. Default: 5 s.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { create_folder: false, busy_timeout: Duration::from_secs(5) }
    }
}

/// Opens the SQLite store in the file `path`, and makes it if there is no such file. It blocks on
/// the disk, so call it at the start. Several processes may have one store open.
///
/// ```
/// use gatepost_store::key_source::KeySource;
/// use gatepost_store::open::{Options, open};
///
/// # let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
/// # let folder = folder.path();
/// let key = KeySource::File(folder.join("seal.key"));
/// let store = open(&folder.join("gatepost.db"), key, &Options::default()).map_err(|error| error.to_string())?;
/// # drop(store);
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// - [`StoreError::Unusable`]: the folder is missing, or it or the file is not ours, or open to
///   others, or cannot be written.
/// - [`StoreError::Foreign`]: the file is no store, is damaged, or is of a newer version.
/// - [`StoreError::Sealed`]: the key is missing or is not the one that the store was made with.
/// - [`StoreError::Key`]: the key file holds something else.
/// - [`StoreError::Locked`]: another process kept it for longer than the time-out.
pub fn open(path: &Path, key: KeySource, options: &Options) -> Result<Arc<dyn Store>, StoreError> {
    prepare_folder(path, options)?;
    let source = match fs::metadata(path) {
        Ok(_) => key,
        Err(error) if error.kind() == ErrorKind::NotFound => make(path, key, options)?,
        Err(error) => return Err(unusable(path, error)),
    };
    check_place(path)?;
    Ok(Arc::new(SqliteStore::start(path, source, options.busy_timeout)?))
}

/// Refuses a file that is no database, not ours, or open to others. Junk is told as junk even where there is no key
/// beside it.
pub(crate) fn check_place(path: &Path) -> Result<(), StoreError> {
    schema::recognise(path)?;
    let metadata = fs::metadata(path).map_err(|error| unusable(path, error))?;
    check_file(path, &metadata)
}

/// Makes the store, and where the key is in a file, that file. An existing store never gets a new key: it would open
/// nothing, and the loss of the old one would stay hidden.
fn make(path: &Path, source: KeySource, options: &Options) -> Result<KeySource, StoreError> {
    let busy = options.busy_timeout;
    match &source {
        KeySource::Key(key) => schema::create(path, key, None, busy)?,
        KeySource::File(file) => schema::create(path, &SealingKey::load_or_create(file)?, None, busy)?,
        KeySource::Passphrase(passphrase) => {
            let stretch = Stretch::fresh()?;
            let key = SealingKey::from_bytes(stretch.key(passphrase)?.as_slice())?;
            schema::create(path, &key, Some(&stretch), busy)?;
        }
    }
    Ok(source)
}

fn prepare_folder(path: &Path, options: &Options) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(unusable(path, "it is not the name of a file")),
    };
    if options.create_folder {
        make_folder(folder)?;
    }
    let metadata = fs::metadata(folder).map_err(|error| unusable(folder, error))?;
    check_folder(folder, &metadata)
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unusable(folder, error)),
        _ => Ok(()),
    }
}
