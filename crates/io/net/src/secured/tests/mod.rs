//! Secured streams against rustls' own, against each other, and against the worst of wires.

mod canary;
mod faults;
mod peers;
mod world;
