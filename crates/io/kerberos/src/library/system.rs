//! The library itself: found, loaded, and asked for names and credentials.

use std::error::Error;
use std::ffi::{CStr, CString, c_int};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::Arc;

use crate::abi::{
    BufferDesc, COMPLETE, GSS_CODE, Handle, INDEFINITE, KERBEROS, KeyValue, KeyValueSet, MECHANISM_CODE, OidDesc,
    OidSetDesc, SPNEGO,
};
use crate::error::KerberosError;
use crate::library::calls::Calls;
use crate::library::held::{Buffer, Credential, Held, Name};

/// What the library may be called: MIT krb5's, Heimdal's (both by their sonames, which name the ABI), Apple's.
#[cfg(not(target_vendor = "apple"))]
pub const CANDIDATES: &[&str] = &["libgssapi_krb5.so.2", "libgssapi.so.3"];
/// What the library may be called: Apple's own, or MIT krb5's where somebody installed it.
#[cfg(target_vendor = "apple")]
pub const CANDIDATES: &[&str] = &["/System/Library/Frameworks/GSS.framework/GSS", "libgssapi_krb5.2.dylib"];

/// How many lines an explanation of the library may have.
const MAX_LINES: usize = 8;

/// The system's GSSAPI library. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Library {
    pub(super) calls: Arc<Calls>,
    // Never unloaded: krb5 keeps data per thread, and its destructors must find their code when
    // the thread ends.
    _loaded: Arc<ManuallyDrop<libloading::Library>>,
}

impl Library {
    /// Loads the first of the `candidates` that there is. Where it is loaded already this costs a reference count.
    ///
    /// # Errors
    /// [`KerberosError::Missing`] if none is installed, [`KerberosError::Unsupported`] on a system whose library
    /// Gatepost does not know, [`KerberosError::Symbol`] if it is something else.
    pub fn load(candidates: &[&str]) -> Result<Self, KerberosError> {
        // Apple packs these structures differently on Intel, and Windows has SSPI instead.
        if cfg!(any(windows, all(target_vendor = "apple", not(target_arch = "aarch64")))) {
            return Err(KerberosError::Unsupported(std::env::consts::OS));
        }
        let mut said = Vec::new();
        for name in candidates {
            // SAFETY: the initialisers of these libraries only prepare their locks; they make no demand on us.
            match unsafe { libloading::Library::new(*name) } {
                Ok(loaded) => {
                    let loaded = ManuallyDrop::new(loaded);
                    return Ok(Self { calls: Arc::new(Calls::find(&loaded)?), _loaded: Arc::new(loaded) });
                }
                // What the system's loader says names the file.
                Err(error) => said.push(error.source().map_or_else(|| error.to_string(), ToString::to_string)),
            }
        }
        Err(KerberosError::Missing { names: candidates.join(", "), detail: said.join("; ") })
    }

    /// A name of this kind, one of the identifiers in `abi.rs`.
    pub(crate) fn name(&self, text: &str, kind: &'static [u8]) -> Result<Name, KerberosError> {
        let mut name = self.no_name();
        let (kind, text, mut minor) = (OidDesc::of(kind), BufferDesc::of(text.as_bytes()), 0);
        // SAFETY: the four pointers are to live variables; the library copies text and kind (RFC 2744 §5.16).
        let major =
            unsafe { (self.calls.import_name)(&raw mut minor, &raw const text, &raw const kind, &raw mut name.0.raw) };
        self.checked("gss_import_name", major, minor, KERBEROS)?;
        Ok(name)
    }

    /// What a name is in text, in the library's own spelling.
    pub(crate) fn text(&self, name: &Name) -> Result<Vec<u8>, KerberosError> {
        let (mut text, mut kind, mut minor) = (self.no_buffer(), ptr::null(), 0);
        // SAFETY: the name is one that the library made; `kind` is set to a static of its own (RFC 2744 §5.10).
        let major = unsafe { (self.calls.display_name)(&raw mut minor, name.0.raw, &raw mut text.raw, &raw mut kind) };
        self.checked("gss_display_name", major, minor, KERBEROS)?;
        text.octets()
    }

    /// A credential for this mechanism alone. A library that may choose takes NTLM where that is installed, which
    /// nobody here expects.
    ///
    /// With an empty store it is what the process has; else the entries name it: `ccache`, `client_keytab`, `keytab`.
    pub(crate) fn acquire(&self, wanted: &Wanted<'_>, store: &[(&CStr, CString)]) -> Result<Credential, KerberosError> {
        if store.is_empty() {
            let call = self.calls.acquire;
            // SAFETY: the pointers are borrowed for the call, `out` is written to once (RFC 2744 §5.2); what we do
            // not ask for is null.
            return self.acquired("gss_acquire_cred", wanted, |minor, name, set, out| unsafe {
                call(minor, name, INDEFINITE, set, wanted.usage, out, ptr::null_mut(), ptr::null_mut())
            });
        }
        let call = self.calls.acquire_from.ok_or(KerberosError::Symbol("gss_acquire_cred_from"))?;
        let entries: Vec<_> =
            store.iter().map(|(key, value)| KeyValue { key: key.as_ptr(), value: value.as_ptr() }).collect();
        let count = u32::try_from(entries.len()).unwrap_or_default();
        let store = KeyValueSet { count, elements: entries.as_ptr() };
        // SAFETY: the same; the entries are C strings that outlive the call.
        self.acquired("gss_acquire_cred_from", wanted, |minor, name, set, out| unsafe {
            call(minor, name, INDEFINITE, set, wanted.usage, &raw const store, out, ptr::null_mut(), ptr::null_mut())
        })
    }

    /// A credential for this mechanism alone that a password stands for.
    pub(crate) fn acquire_with_password(
        &self,
        wanted: &Wanted<'_>,
        password: &[u8],
    ) -> Result<Credential, KerberosError> {
        const NAME: &str = "gss_acquire_cred_with_password";
        let call = self.calls.acquire_with_password.ok_or(KerberosError::Symbol(NAME))?;
        let password = BufferDesc::of(password);
        // SAFETY: as in `acquire`; the library copies the password and wipes its copy.
        self.acquired(NAME, wanted, |minor, name, set, out| unsafe {
            let (password, none) = (&raw const password, ptr::null_mut());
            call(minor, name, password, INDEFINITE, set, wanted.usage, out, none, ptr::null_mut())
        })
    }

    /// What the ways to a credential share: the set of one mechanism, and the guard.
    fn acquired(
        &self,
        name: &'static str,
        wanted: &Wanted<'_>,
        call: impl FnOnce(*mut u32, Handle, *const OidSetDesc, *mut Handle) -> u32,
    ) -> Result<Credential, KerberosError> {
        let mut credential = Credential(Held { raw: ptr::null_mut(), release: self.calls.release_credential });
        let (mechanism, mut minor) = (OidDesc::of(wanted.mechanism), 0);
        let mechanisms = OidSetDesc { count: 1, elements: &raw const mechanism };
        let who = wanted.name.map_or(ptr::null_mut(), |name| name.0.raw);
        let major = call(&raw mut minor, who, &raw const mechanisms, &raw mut credential.0.raw);
        self.checked(name, major, minor, wanted.mechanism)?;
        Ok(credential)
    }

    /// Restricts what SPNEGO may choose with this credential to Kerberos.
    pub(crate) fn negotiate_kerberos_alone(&self, credential: &mut Credential) -> Result<(), KerberosError> {
        let call = self.calls.set_negotiable.ok_or(KerberosError::Symbol("gss_set_neg_mechs"))?;
        let (kerberos, mut minor) = (OidDesc::of(KERBEROS), 0);
        let set = OidSetDesc { count: 1, elements: &raw const kerberos };
        // SAFETY: the credential is ours alone by `&mut`; the library copies the set.
        let major = unsafe { call(&raw mut minor, credential.0.raw, &raw const set) };
        self.checked("gss_set_neg_mechs", major, minor, SPNEGO)
    }

    pub(super) fn no_name(&self) -> Name {
        Name(Held { raw: ptr::null_mut(), release: self.calls.release_name })
    }

    pub(super) fn no_buffer(&self) -> Buffer {
        Buffer { raw: BufferDesc::EMPTY, release: self.calls.release_buffer }
    }

    /// An error, if the status is not that of a finished call.
    pub(super) fn checked(
        &self,
        call: &'static str,
        major: u32,
        minor: u32,
        mechanism: &'static [u8],
    ) -> Result<(), KerberosError> {
        match major {
            COMPLETE => Ok(()),
            _ => Err(KerberosError::Status { call, major, minor, detail: self.explain(major, minor, mechanism) }),
        }
    }

    /// What the library says to a status: the mechanism's words, or where it has none, the general ones.
    fn explain(&self, major: u32, minor: u32, mechanism: &'static [u8]) -> String {
        let mechanism = OidDesc::of(mechanism);
        let (status, kind) = if minor == 0 { (major, GSS_CODE) } else { (minor, MECHANISM_CODE) };
        let (mut lines, mut more, mut ignored) = (Vec::new(), 0, 0);
        for _ in 0..MAX_LINES {
            let mut text = self.no_buffer();
            let call = self.calls.display_status;
            // SAFETY: the pointers are to live variables; `more` is the library's place in its answer (RFC 2744 §5.11).
            let major =
                unsafe { call(&raw mut ignored, status, kind, &raw const mechanism, &raw mut more, &raw mut text.raw) };
            if major != COMPLETE {
                break;
            }
            lines.extend(text.octets().map(|octets| String::from_utf8_lossy(&octets).into_owned()));
            if more == 0 {
                break;
            }
        }
        lines.join("; ").chars().filter(|char| !char.is_control()).take(400).collect()
    }
}

/// What a credential is to be for.
pub(crate) struct Wanted<'a> {
    pub(crate) name: Option<&'a Name>,
    pub(crate) mechanism: &'static [u8],
    pub(crate) usage: c_int,
}
