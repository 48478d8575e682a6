//! Kerberos, through the system's GSSAPI library (RFC 2743, RFC 2744), which is loaded at run time.
//!
//! Gatepost builds and runs without Kerberos on the machine. Where the library is installed,
//! [`Kerberos`](kerberos::Kerberos) finds it at the first context; where it is not, the answer is one sentence and a
//! hint, and every other scheme works as before.
//!
//! This is the only crate with `unsafe` in it. All of it stands in `library/`; what comes out is owned, safe data.
//!
//! What a context uses is named each time: the mechanism, which is never left to the library; tickets, keytab or
//! password; channel bindings. No environment variable is set, since those are the whole process's; the library reads
//! `KRB5_CONFIG` as the user has set it.
//!
//! What is absent: delegation of credentials, and messages under the context's protection.

mod abi;
pub mod acceptor;
mod credential;
pub mod error;
pub mod facts;
pub mod identity;
pub mod initiator;
pub mod kerberos;
pub mod lane;
pub mod library;
pub mod mechanism;
pub mod service;
mod slot;
mod status;
pub mod step;
mod token;
