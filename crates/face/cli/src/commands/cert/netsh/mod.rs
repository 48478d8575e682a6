//! The listings of `netsh http show sslcert`: read as text or JSON, and printed as text.

pub(super) mod entry;
pub(super) mod json;
pub(super) mod labels;
pub(super) mod text;
