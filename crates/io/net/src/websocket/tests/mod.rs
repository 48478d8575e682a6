//! Sockets over pipes, with a clock that is moved by hand.
