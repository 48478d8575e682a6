//! The loaded library, and its calls made safe. All `unsafe` of Gatepost is in this file.

use std::error::Error;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr;
use std::slice;

use crate::error::KerberosError;
use crate::oid;

/// MIT krb5's library by its soname, which names the ABI: layouts and calls below belong to it.
const NAME: &str = "libgssapi_krb5.so.2";

/// `gss_OID_desc` (RFC 2744 §3.5).
#[repr(C)]
struct OidDesc {
    length: u32,
    elements: *const c_void,
}

/// `gss_OID_set_desc` (RFC 2744 §3.6).
#[repr(C)]
struct OidSetDesc {
    count: usize,
    elements: *const OidDesc,
}

/// `gss_indicate_mechs` and `gss_release_oid_set` (RFC 2744 §5.14, §5.26) share this form.
type OnOidSet = unsafe extern "C" fn(minor: *mut u32, set: *mut *mut OidSetDesc) -> u32;

/// The system's GSSAPI library.
///
/// ```
/// use gatepost_kerberos::library::Library;
///
/// match Library::load() {
///     Ok(library) => println!("mechanisms: {}", library.mechanisms()?.join(" ")),
///     Err(error) => println!("{error}"),
/// }
/// # Ok::<(), gatepost_kerberos::error::KerberosError>(())
/// ```
#[derive(Debug)]
pub struct Library {
    indicate_mechs: OnOidSet,
    release_oid_set: OnOidSet,
    // Never unloaded: krb5 keeps data per thread, and its destructors must find their code when
    // the thread ends.
    _loaded: ManuallyDrop<libloading::Library>,
}

impl Library {
    /// Loads the library. Where it is loaded already this costs a reference count.
    ///
    /// # Errors
    /// [`KerberosError::Missing`] if it is not installed, [`KerberosError::Unsupported`] on a
    /// system whose library Gatepost does not know, [`KerberosError::Symbol`] if it is another one.
    pub fn load() -> Result<Self, KerberosError> {
        // Apple packs these structures differently, and Windows has SSPI instead.
        if cfg!(any(windows, target_vendor = "apple")) {
            return Err(KerberosError::Unsupported(std::env::consts::OS));
        }
        Self::load_named(NAME)
    }

    fn load_named(name: &str) -> Result<Self, KerberosError> {
        // SAFETY: the initialisers of MIT krb5 only prepare its locks; they make no demand on us.
        let loaded = unsafe { libloading::Library::new(name) };
        let loaded = loaded.map_err(|error| KerberosError::Missing { detail: detail(&error) })?;
        let loaded = ManuallyDrop::new(loaded);
        let indicate_mechs = on_oid_set(&loaded, "gss_indicate_mechs")?;
        let release_oid_set = on_oid_set(&loaded, "gss_release_oid_set")?;
        Ok(Self { indicate_mechs, release_oid_set, _loaded: loaded })
    }

    /// The mechanisms that it has, as dotted object identifiers in its own order, such as
    /// [`oid::KERBEROS`].
    ///
    /// # Errors
    /// [`KerberosError::Status`] if the library refuses, [`KerberosError::Oid`] if its answer
    /// cannot be read.
    pub fn mechanisms(&self) -> Result<Vec<String>, KerberosError> {
        let mut set = OidSet { raw: ptr::null_mut(), release: self.release_oid_set };
        let mut minor = 0;
        // SAFETY: both pointers are to live variables of the types that RFC 2744 §5.14 asks for.
        let major = unsafe { (self.indicate_mechs)(&raw mut minor, &raw mut set.raw) };
        if is_error(major) {
            return Err(KerberosError::Status { call: "gss_indicate_mechs", major, minor });
        }
        set.oids()?.into_iter().map(oid::dotted).collect()
    }
}

/// What the system's loader says; it names the file.
fn detail(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Finds a function of the form [`OnOidSet`].
fn on_oid_set(library: &libloading::Library, name: &'static str) -> Result<OnOidSet, KerberosError> {
    // SAFETY: both functions that are asked for have this form in the ABI that NAME stands for.
    let symbol = unsafe { library.get::<OnOidSet>(name) };
    symbol.map(|symbol| *symbol).map_err(|_| KerberosError::Symbol(name))
}

/// `GSS_ERROR` (RFC 2744 §3.9.1): the calling and the routine part, without the supplementary one.
fn is_error(major: u32) -> bool {
    major & 0xffff_0000 != 0
}

/// A set that belongs to us, given back when dropped.
struct OidSet {
    raw: *mut OidSetDesc,
    release: OnOidSet,
}

impl OidSet {
    /// The contents octets of each member; they live as long as the set.
    fn oids(&self) -> Result<Vec<&[u8]>, KerberosError> {
        // SAFETY: null, or a set that the library filled in and that only `drop` gives back.
        let Some(set) = (unsafe { self.raw.as_ref() }) else {
            return Ok(Vec::new()); // GSS_C_NO_OID_SET is the empty set.
        };
        if set.count == 0 {
            return Ok(Vec::new());
        }
        if set.elements.is_null() {
            return Err(KerberosError::Oid);
        }
        // SAFETY: not null, and RFC 2744 §3.6 has `elements` point to `count` descriptors in a row.
        let members = unsafe { slice::from_raw_parts(set.elements, set.count) };
        members.iter().map(octets).collect()
    }
}

impl Drop for OidSet {
    fn drop(&mut self) {
        if self.raw.is_null() {
            return;
        }
        let mut minor = 0;
        // SAFETY: the set came from the library and has not been given back; nothing borrows it now.
        // A failure would leak it, and there is nobody to tell.
        let _major = unsafe { (self.release)(&raw mut minor, &raw mut self.raw) };
    }
}

/// The contents octets of one object identifier.
fn octets(member: &OidDesc) -> Result<&[u8], KerberosError> {
    let length = usize::try_from(member.length).map_err(|_| KerberosError::Oid)?;
    if member.elements.is_null() {
        return Err(KerberosError::Oid);
    }
    // SAFETY: not null, and RFC 2744 §3.5 has `elements` point to `length` octets, which live as
    // long as the descriptor.
    Ok(unsafe { slice::from_raw_parts(member.elements.cast::<u8>(), length) })
}

#[cfg(test)]
mod tests {
    use gatepost_model::fault::{Blame, Fault};

    use super::*;

    #[test]
    fn the_library_has_kerberos_or_is_missing() {
        match Library::load() {
            Ok(library) => {
                let mechanisms = library.mechanisms().unwrap();
                assert!(mechanisms.iter().any(|oid| oid == oid::KERBEROS), "{mechanisms:?}");
                assert_eq!(library.mechanisms(), Ok(mechanisms), "asking again gives the same");
            }
            Err(error @ KerberosError::Missing { .. }) => assert!(error.to_string().contains(NAME), "{error}"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_missing_library_is_one_sentence_and_a_hint() {
        let error = Library::load_named("libgatepost-no-such-thing.so.0").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("the GSSAPI library of this system cannot be loaded: "), "{text}");
        assert!(text.contains("libgatepost-no-such-thing.so.0") && text.lines().count() == 1, "{text}");
        assert_eq!((error.blame(), error.code()), (Blame::Environment, "GP-KERBEROS-001"));
        assert_eq!(error.hint().unwrap(), "install it; on Debian: `apt install libgssapi-krb5-2`");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_library_lacks_the_functions() {
        // The C library is there on every Linux with a dynamic loader of this name.
        match Library::load_named("libc.so.6") {
            Err(KerberosError::Symbol(name)) => assert_eq!(name, "gss_indicate_mechs"),
            Err(KerberosError::Missing { detail }) => assert!(detail.contains("libc.so.6"), "{detail}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_upper_half_is_an_error() {
        // GSS_S_COMPLETE, GSS_S_CONTINUE_NEEDED, GSS_S_BAD_MECH, GSS_S_CALL_INACCESSIBLE_READ.
        for (major, error) in [(0, false), (1, false), (1 << 16, true), (1 << 24, true)] {
            assert_eq!(is_error(major), error, "{major:#x}");
        }
    }

    /// A library of our own: its set has a good and a bad member, and counts what is given back.
    mod fake {
        use std::sync::atomic::{AtomicUsize, Ordering};

        use super::super::*;

        pub(super) static RELEASED: AtomicUsize = AtomicUsize::new(0);

        pub(super) unsafe extern "C" fn release(_minor: *mut u32, set: *mut *mut OidSetDesc) -> u32 {
            RELEASED.fetch_add(1, Ordering::SeqCst);
            // SAFETY: called from `drop` with a pointer to its own field.
            unsafe { *set = ptr::null_mut() };
            0
        }
    }

    #[test]
    fn a_set_is_read_and_given_back_once() {
        let kerberos = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2_u8];
        let good = OidDesc { length: 9, elements: kerberos.as_ptr().cast() };
        let bad = OidDesc { length: 9, elements: ptr::null() };
        let mut whole = OidSetDesc { count: 1, elements: &raw const good };
        let mut broken = OidSetDesc { count: 1, elements: &raw const bad };
        let mut hollow = OidSetDesc { count: 1, elements: ptr::null() };
        let mut empty = OidSetDesc { count: 0, elements: ptr::null() };
        let table = [
            (&raw mut whole, Ok(vec![kerberos.as_slice()])),
            (&raw mut broken, Err(KerberosError::Oid)),
            (&raw mut hollow, Err(KerberosError::Oid)),
            (&raw mut empty, Ok(vec![])),
            (ptr::null_mut(), Ok(vec![])),
        ];
        for (raw, expected) in table {
            let set = OidSet { raw, release: fake::release };
            assert_eq!(set.oids(), expected);
        }
        // The null set has nothing to give back.
        assert_eq!(fake::RELEASED.load(std::sync::atomic::Ordering::SeqCst), 4);
    }
}
