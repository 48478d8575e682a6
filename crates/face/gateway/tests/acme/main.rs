//! Certificates of an ACME authority, against one that does what a test says.

mod answers;
mod authority;
mod bad_paths;
mod gateway;
mod renewing;
