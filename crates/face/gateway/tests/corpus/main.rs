//! The corpus of `tests/corpus` through the gateway, in front of a strict upstream that writes down what
//! reaches it.

#[path = "../../../../../tests/corpus/escape.rs"]
mod escape;
mod gateway;
mod http1;
mod upstream;
