//! `cargo xtask conformance`: Autobahn|Testsuite against our WebSocket server and client, by `tests/conformance`.

mod python27;
pub(crate) mod suite;
