//! The functions of the library that are called, found by name.

use crate::abi::{
    AcceptContext, AcquireCredential, AcquireCredentialFrom, AcquireCredentialWithPassword, DeleteContext, DisplayName,
    DisplayStatus, ImportName, InitContext, InquireContext, Release, ReleaseBuffer, SetNegotiable,
};
use crate::error::KerberosError;

/// The functions that are called, by the names of their prototypes in `abi.rs`.
macro_rules! calls {
    ($($name:ident: $kind:ty = $symbol:literal,)* ; or absent $($extra:ident: $extra_kind:ty = $extra_symbol:literal,)*) => {
        #[derive(Debug)]
        pub(super) struct Calls {
            $(pub(super) $name: $kind,)*
            $(pub(super) $extra: Option<$extra_kind>,)*
        }

        impl Calls {
            pub(super) fn find(library: &libloading::Library) -> Result<Self, KerberosError> {
                Ok(Self {
                    $($name: {
                        // SAFETY: the prototype beside the name is that of the headers.
                        let found = unsafe { library.get::<$kind>($symbol) };
                        *found.map_err(|_| KerberosError::Symbol($symbol))?
                    },)*
                    $($extra: {
                        // SAFETY: the same.
                        let found = unsafe { library.get::<$extra_kind>($extra_symbol) };
                        found.ok().map(|found| *found)
                    },)*
                })
            }
        }
    };
}

calls! {
    import_name: ImportName = "gss_import_name",
    display_name: DisplayName = "gss_display_name",
    release_name: Release = "gss_release_name",
    display_status: DisplayStatus = "gss_display_status",
    release_buffer: ReleaseBuffer = "gss_release_buffer",
    acquire: AcquireCredential = "gss_acquire_cred",
    release_credential: Release = "gss_release_cred",
    init_context: InitContext = "gss_init_sec_context",
    accept_context: AcceptContext = "gss_accept_sec_context",
    inquire_context: InquireContext = "gss_inquire_context",
    delete_context: DeleteContext = "gss_delete_sec_context",
    ; or absent
    acquire_from: AcquireCredentialFrom = "gss_acquire_cred_from",
    acquire_with_password: AcquireCredentialWithPassword = "gss_acquire_cred_with_password",
    set_negotiable: SetNegotiable = "gss_set_neg_mechs",
}
