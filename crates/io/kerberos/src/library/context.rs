//! A security context: steps, and what it says of itself at the end.

use std::ptr;
use std::slice;

use crate::abi::{BufferDesc, COMPLETE, CONTINUE_NEEDED, ChannelBindings, Handle, INDEFINITE, KERBEROS, OidDesc};
use crate::error::KerberosError;
use crate::library::held::{Buffer, Credential, Name};
use crate::library::system::Library;

/// What one step of a context gave.
pub(crate) struct Reply {
    /// For the other end.
    pub(crate) token: Vec<u8>,
    /// Whether the context stands.
    pub(crate) complete: bool,
    /// What the context has so far.
    pub(crate) flags: u32,
    /// Whether it was Kerberos in the end, whatever it was negotiated with.
    pub(crate) is_kerberos: bool,
}

/// A security context, from its first token to its last. It belongs to one thread at a time.
pub(crate) struct Context {
    library: Library,
    mechanism: &'static [u8],
    raw: Handle,
}

// SAFETY: neither library ties a context to a thread, they only ask that no two use it at once; each use takes `&mut`.
unsafe impl Send for Context {}

impl Context {
    /// A context that has not begun.
    pub(crate) fn new(library: &Library, mechanism: &'static [u8]) -> Self {
        Self { library: library.clone(), mechanism, raw: ptr::null_mut() }
    }

    /// The initiator's next step (RFC 2744 §5.19).
    pub(crate) fn initiate(
        &mut self,
        credential: &Credential,
        target: &Name,
        flags: u32,
        bindings: Option<&[u8]>,
        input: &[u8],
    ) -> Result<Reply, KerberosError> {
        let bindings = bindings.map(ChannelBindings::to);
        let bindings = bindings.as_ref().map_or(ptr::null(), ptr::from_ref);
        let (mechanism, input) = (OidDesc::of(self.mechanism), BufferDesc::of(input));
        let (mut output, mut actual, mut granted, mut minor) = (self.library.no_buffer(), ptr::null(), 0, 0);
        let call = self.library.calls.init_context;
        // SAFETY: credential and target are the library's own and outlive the call; the context is ours alone by
        // `&mut`; everything else is borrowed or written to once.
        let major = unsafe {
            call(
                &raw mut minor,
                credential.0.raw,
                &raw mut self.raw,
                target.0.raw,
                &raw const mechanism,
                flags,
                INDEFINITE,
                bindings,
                &raw const input,
                &raw mut actual,
                &raw mut output.raw,
                &raw mut granted,
                ptr::null_mut(),
            )
        };
        self.reply("gss_init_sec_context", (major, minor), &output, actual, granted)
    }

    /// The acceptor's next step (RFC 2744 §5.1). A credential that the initiator delegates is not asked for.
    pub(crate) fn accept(
        &mut self,
        credential: &Credential,
        bindings: Option<&[u8]>,
        input: &[u8],
    ) -> Result<Reply, KerberosError> {
        let bindings = bindings.map(ChannelBindings::to);
        let bindings = bindings.as_ref().map_or(ptr::null(), ptr::from_ref);
        let input = BufferDesc::of(input);
        let (mut output, mut actual, mut granted, mut minor) = (self.library.no_buffer(), ptr::null(), 0, 0);
        let (call, none) = (self.library.calls.accept_context, ptr::null_mut());
        // SAFETY: as in `initiate`.
        let major = unsafe {
            call(
                &raw mut minor,
                &raw mut self.raw,
                credential.0.raw,
                &raw const input,
                bindings,
                none,
                &raw mut actual,
                &raw mut output.raw,
                &raw mut granted,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        self.reply("gss_accept_sec_context", (major, minor), &output, actual, granted)
    }

    /// The names of both ends, and the seconds left. Only of a context that stands and is Kerberos: this call has
    /// crashed on others.
    pub(crate) fn inquire(&self) -> Result<(Name, Name, u32), KerberosError> {
        let (mut source, mut target) = (self.library.no_name(), self.library.no_name());
        let (mut left, mut minor) = (0, 0);
        let call = self.library.calls.inquire_context;
        // SAFETY: the context is one that the library made; what we do not ask for is null (RFC 2744 §5.21).
        let major = unsafe {
            call(
                &raw mut minor,
                self.raw,
                &raw mut source.0.raw,
                &raw mut target.0.raw,
                &raw mut left,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        self.library.checked("gss_inquire_context", major, minor, self.mechanism)?;
        Ok((source, target, left))
    }

    fn reply(
        &self,
        call: &'static str,
        (major, minor): (u32, u32),
        output: &Buffer,
        actual: *const OidDesc,
        flags: u32,
    ) -> Result<Reply, KerberosError> {
        // Not only errors: a supplementary bit such as that of a duplicate token is none of the two either.
        if major != CONTINUE_NEEDED {
            self.library.checked(call, major, minor, self.mechanism)?;
        }
        // SAFETY: null, or a static of the library that names the mechanism (RFC 2744 §5.19).
        let actual = unsafe { actual.as_ref() };
        let is_kerberos = actual.is_some_and(|actual| octets(actual) == KERBEROS);
        Ok(Reply { token: output.octets()?, complete: major == COMPLETE, flags, is_kerberos })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.raw.is_null() {
            return;
        }
        let mut minor = 0;
        // SAFETY: the library made it, nobody else has it, and it is not used again.
        let _major = unsafe { (self.library.calls.delete_context)(&raw mut minor, &raw mut self.raw, ptr::null_mut()) };
    }
}

/// The contents octets of one object identifier.
fn octets(identifier: &OidDesc) -> &[u8] {
    let length = usize::try_from(identifier.length).unwrap_or_default();
    if identifier.elements.is_null() {
        return &[];
    }
    // SAFETY: not null, and RFC 2744 §3.5 has `elements` point to `length` octets, which live as long as the
    // descriptor.
    unsafe { slice::from_raw_parts(identifier.elements.cast::<u8>(), length) }
}
