//! The shapes of GSSAPI: structures, numbers and prototypes, as the C headers have them. Nothing here is called.
//!
//! MIT krb5 and Heimdal share them on Linux and the BSDs, and so does Apple's framework on ARM.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

/// `GSS_C_INITIATE` (RFC 2744 §5.2).
pub(crate) const INITIATE: c_int = 1;
/// `GSS_C_ACCEPT` (RFC 2744 §5.2).
pub(crate) const ACCEPT: c_int = 2;
/// `GSS_C_MECH_CODE`: a minor status is to be explained (RFC 2744 §5.11).
pub(crate) const MECHANISM_CODE: c_int = 2;
/// `GSS_C_GSS_CODE`: a major status is to be explained (RFC 2744 §5.11).
pub(crate) const GSS_CODE: c_int = 1;
/// `GSS_C_INDEFINITE`: a lifetime without an end (RFC 2744 §3.9).
pub(crate) const INDEFINITE: u32 = u32::MAX;

/// `GSS_S_COMPLETE` (RFC 2744 §3.9.1).
pub(crate) const COMPLETE: u32 = 0;
/// `GSS_S_CONTINUE_NEEDED` (RFC 2744 §3.9.1).
pub(crate) const CONTINUE_NEEDED: u32 = 1;

/// `GSS_C_MUTUAL_FLAG` (RFC 2744 §5.19).
pub(crate) const MUTUAL: u32 = 0x2;
/// `GSS_C_REPLAY_FLAG`.
pub(crate) const REPLAY: u32 = 0x4;
/// `GSS_C_SEQUENCE_FLAG`.
pub(crate) const SEQUENCE: u32 = 0x8;
/// `GSS_C_ANON_FLAG`.
pub(crate) const ANONYMOUS: u32 = 0x40;
/// `GSS_C_CHANNEL_BOUND_FLAG`: both ends gave the same bindings. MIT krb5 since 1.19, `gssapi_ext.h`.
pub(crate) const CHANNEL_BOUND: u32 = 0x800;

/// `gss_OID_desc` (RFC 2744 §3.5).
#[repr(C)]
pub(crate) struct OidDesc {
    pub(crate) length: u32,
    pub(crate) elements: *const c_void,
}

impl OidDesc {
    /// An identifier of ours, by its contents octets. The library copies what it keeps.
    pub(crate) fn of(octets: &'static [u8]) -> Self {
        // No identifier of ours comes near the limit; an empty one is refused by the library.
        let length = u32::try_from(octets.len()).unwrap_or_default();
        Self { length, elements: octets.as_ptr().cast() }
    }
}

/// Kerberos V5, 1.2.840.113554.1.2.2 (RFC 1964 §1).
pub(crate) const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
/// SPNEGO, 1.3.6.1.5.5.2 (RFC 4178 §3).
pub(crate) const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
/// `GSS_C_NT_HOSTBASED_SERVICE`, 1.2.840.113554.1.2.1.4 (RFC 2744 §4.1).
pub(crate) const HOST_BASED_SERVICE: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
/// `GSS_KRB5_NT_PRINCIPAL_NAME`, 1.2.840.113554.1.2.2.1 (RFC 1964 §2.1.1).
pub(crate) const PRINCIPAL_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01";

/// `gss_OID_set_desc` (RFC 2744 §3.6).
#[repr(C)]
pub(crate) struct OidSetDesc {
    pub(crate) count: usize,
    pub(crate) elements: *const OidDesc,
}

/// `gss_buffer_desc` (RFC 2744 §3.2).
#[repr(C)]
#[derive(Debug)]
pub(crate) struct BufferDesc {
    pub(crate) length: usize,
    pub(crate) value: *const c_void,
}

impl BufferDesc {
    /// `GSS_C_EMPTY_BUFFER`.
    pub(crate) const EMPTY: Self = Self { length: 0, value: ptr::null() };

    /// Octets of ours, for one call.
    pub(crate) fn of(octets: &[u8]) -> Self {
        Self { length: octets.len(), value: octets.as_ptr().cast() }
    }
}

/// `gss_channel_bindings_struct` (RFC 2744 §3.11).
#[repr(C)]
pub(crate) struct ChannelBindings {
    initiator_address_type: u32,
    initiator_address: BufferDesc,
    acceptor_address_type: u32,
    acceptor_address: BufferDesc,
    application_data: BufferDesc,
}

impl ChannelBindings {
    /// Bindings to a TLS channel: no addresses, and the type, a colon and the value as application data (RFC 5056
    /// §2.1, RFC 5554 §3). They borrow `data` for one call.
    pub(crate) fn to(data: &[u8]) -> Self {
        Self {
            initiator_address_type: 0,
            initiator_address: BufferDesc::EMPTY,
            acceptor_address_type: 0,
            acceptor_address: BufferDesc::EMPTY,
            application_data: BufferDesc::of(data),
        }
    }
}

/// `gss_key_value_element_desc`, MIT's `gssapi_ext.h`.
#[repr(C)]
pub(crate) struct KeyValue {
    pub(crate) key: *const c_char,
    pub(crate) value: *const c_char,
}

/// `gss_key_value_set_desc`, MIT's `gssapi_ext.h`.
#[repr(C)]
pub(crate) struct KeyValueSet {
    pub(crate) count: u32,
    pub(crate) elements: *const KeyValue,
}

/// `gss_name_t`, `gss_cred_id_t`, `gss_ctx_id_t`: what they point to is the library's own.
pub(crate) type Handle = *mut c_void;

/// `gss_release_name` and `gss_release_cred` (RFC 2744 §5.28, §5.27).
pub(crate) type Release = unsafe extern "C" fn(minor: *mut u32, handle: *mut Handle) -> u32;

/// `gss_release_buffer` (RFC 2744 §5.26).
pub(crate) type ReleaseBuffer = unsafe extern "C" fn(minor: *mut u32, buffer: *mut BufferDesc) -> u32;

/// `gss_delete_sec_context` (RFC 2744 §5.9).
pub(crate) type DeleteContext =
    unsafe extern "C" fn(minor: *mut u32, context: *mut Handle, output: *mut BufferDesc) -> u32;

/// `gss_import_name` (RFC 2744 §5.16).
pub(crate) type ImportName =
    unsafe extern "C" fn(minor: *mut u32, text: *const BufferDesc, kind: *const OidDesc, name: *mut Handle) -> u32;

/// `gss_display_name` (RFC 2744 §5.10).
pub(crate) type DisplayName =
    unsafe extern "C" fn(minor: *mut u32, name: Handle, text: *mut BufferDesc, kind: *mut *const OidDesc) -> u32;

/// `gss_display_status` (RFC 2744 §5.11).
pub(crate) type DisplayStatus = unsafe extern "C" fn(
    minor: *mut u32,
    status: u32,
    kind: c_int,
    mechanism: *const OidDesc,
    more: *mut u32,
    text: *mut BufferDesc,
) -> u32;

/// `gss_acquire_cred` (RFC 2744 §5.2).
pub(crate) type AcquireCredential = unsafe extern "C" fn(
    minor: *mut u32,
    name: Handle,
    lifetime: u32,
    mechanisms: *const OidSetDesc,
    usage: c_int,
    credential: *mut Handle,
    actual: *mut *mut OidSetDesc,
    granted: *mut u32,
) -> u32;

/// `gss_acquire_cred_from`, MIT's `gssapi_ext.h`; Heimdal has it since 8.
pub(crate) type AcquireCredentialFrom = unsafe extern "C" fn(
    minor: *mut u32,
    name: Handle,
    lifetime: u32,
    mechanisms: *const OidSetDesc,
    usage: c_int,
    store: *const KeyValueSet,
    credential: *mut Handle,
    actual: *mut *mut OidSetDesc,
    granted: *mut u32,
) -> u32;

/// `gss_acquire_cred_with_password`, MIT's `gssapi_ext.h`; Heimdal has it too.
pub(crate) type AcquireCredentialWithPassword = unsafe extern "C" fn(
    minor: *mut u32,
    name: Handle,
    password: *const BufferDesc,
    lifetime: u32,
    mechanisms: *const OidSetDesc,
    usage: c_int,
    credential: *mut Handle,
    actual: *mut *mut OidSetDesc,
    granted: *mut u32,
) -> u32;

/// `gss_init_sec_context` (RFC 2744 §5.19).
pub(crate) type InitContext = unsafe extern "C" fn(
    minor: *mut u32,
    credential: Handle,
    context: *mut Handle,
    target: Handle,
    mechanism: *const OidDesc,
    flags: u32,
    lifetime: u32,
    bindings: *const ChannelBindings,
    input: *const BufferDesc,
    actual: *mut *const OidDesc,
    output: *mut BufferDesc,
    granted: *mut u32,
    left: *mut u32,
) -> u32;

/// `gss_accept_sec_context` (RFC 2744 §5.1).
pub(crate) type AcceptContext = unsafe extern "C" fn(
    minor: *mut u32,
    context: *mut Handle,
    credential: Handle,
    input: *const BufferDesc,
    bindings: *const ChannelBindings,
    source: *mut Handle,
    mechanism: *mut *const OidDesc,
    output: *mut BufferDesc,
    granted: *mut u32,
    left: *mut u32,
    delegated: *mut Handle,
) -> u32;

/// `gss_inquire_context` (RFC 2744 §5.21).
pub(crate) type InquireContext = unsafe extern "C" fn(
    minor: *mut u32,
    context: Handle,
    source: *mut Handle,
    target: *mut Handle,
    left: *mut u32,
    mechanism: *mut *const OidDesc,
    flags: *mut u32,
    initiated_here: *mut c_int,
    open: *mut c_int,
) -> u32;

/// `gss_set_neg_mechs` (RFC 4178, appendix C).
pub(crate) type SetNegotiable =
    unsafe extern "C" fn(minor: *mut u32, credential: Handle, mechanisms: *const OidSetDesc) -> u32;
