//! Turns the errors of h2, rustls and the system into ours.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use gatepost_http::error::HttpError;
use gatepost_model::event::one_line;
use gatepost_tls::client::explain as explain_tls;

use crate::error::{NetError, Wait};

/// What a reset HTTP/2 stream or a closed connection means. `what` is the message that was under way.
pub(crate) fn h2(error: &h2::Error, what: &'static str) -> NetError {
    match error.reason() {
        // RFC 9113 §8.7: nothing of the request was processed.
        Some(h2::Reason::REFUSED_STREAM) => NetError::Unsent,
        Some(h2::Reason::CANCEL | h2::Reason::NO_ERROR | h2::Reason::INTERNAL_ERROR) => NetError::ClosedEarly { what },
        Some(_) => NetError::Protocol { protocol: "h2", detail: whole(error) },
        None => match error.get_io() {
            Some(broken) => io(broken, what),
            None => NetError::ClosedEarly { what },
        },
    }
}

/// What a failed read or write means.
pub(crate) fn io(error: &io::Error, what: &'static str) -> NetError {
    if let Some(own) = error.get_ref().and_then(|inner| inner.downcast_ref::<NetError>()) {
        return own.clone();
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            NetError::ClosedEarly { what }
        }
        _ => NetError::Broken { detail: one_line(&error.to_string()) },
    }
}

/// What a message means that breaks the rules of our own core.
pub(crate) fn http1(error: HttpError) -> NetError {
    match error {
        HttpError::HeadTooLarge | HttpError::TooManyFields => NetError::HeadTooLarge,
        HttpError::Truncated => NetError::ClosedEarly { what: "the request" },
        HttpError::Unwritable(_) => NetError::BodySource { detail: error.to_string() },
        other => NetError::Protocol { protocol: "http/1.1", detail: other.to_string() },
    }
}

/// The same for an answer.
pub(crate) fn answer(error: HttpError) -> NetError {
    match error {
        HttpError::Truncated => NetError::ClosedEarly { what: "the answer" },
        other => http1(other),
    }
}

/// What a failed TLS handshake with `peer` means.
pub(crate) fn handshake(error: &io::Error, peer: String) -> NetError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(reason) => NetError::Tls { peer, reason: explain_tls(reason) },
        None => io(error, "the TLS handshake"),
    }
}

pub(crate) fn timeout(what: Wait, limit: std::time::Duration) -> NetError {
    NetError::Timeout { what, limit }
}

/// The error with its causes, on one line.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    one_line(&text)
}

/// What a failed attempt to connect means.
pub(crate) fn unreached(address: SocketAddr, error: &io::Error) -> NetError {
    exhausted(error).unwrap_or_else(|| NetError::Connect { address, detail: error.to_string() })
}

/// What this machine lacks, if that is why it failed: neither the other end nor the way there is at fault.
#[cfg(unix)]
pub(crate) fn exhausted(error: &io::Error) -> Option<NetError> {
    use rustix::io::Errno;
    let lacking = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].map(Errno::raw_os_error);
    let code = error.raw_os_error().filter(|code| lacking.contains(code));
    code.map(|_| NetError::Exhausted { detail: error.to_string() })
}

#[cfg(not(unix))]
pub(crate) fn exhausted(_error: &io::Error) -> Option<NetError> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn what_this_machine_lacks_is_no_fault_of_the_other_end() {
        let address = SocketAddr::from(([192, 0, 2, 1], 80));
        let error = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            let expected = NetError::Exhausted { detail: error(errno).to_string() };
            assert_eq!(unreached(address, &error(errno)), expected);
        }
        let refused = error(Errno::CONNREFUSED);
        assert_eq!(unreached(address, &refused), NetError::Connect { address, detail: refused.to_string() });
    }
}
