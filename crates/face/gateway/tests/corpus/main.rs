//! The corpus of `tests/corpus` through the gateway, in front of a strict upstream that writes down what
//! reaches it.

#[path = "../../../../../tests/corpus/escape.rs"]
mod escape;
mod frames;
mod gateway;
mod http1;
mod http2;
mod upstream;
