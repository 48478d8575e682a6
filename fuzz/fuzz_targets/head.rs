//! Heads: no octets panic, and what is printed is read back as the same.
#![no_main]

use gatepost_http::head::{RequestHead, ResponseHead};
use gatepost_http::scan::HeadLimits;
use gatepost_http::target::check_path;
use gatepost_http::write::{write_request, write_response};

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let limits = HeadLimits::default();
    if let Ok(Some((head, used))) = RequestHead::parse(octets, &limits) {
        assert!(used <= octets.len());
        let target = target(&octets[..used]);
        if let Some(path) = head.target.origin_form() {
            let _ = check_path(path);
        }
        let mut out = Vec::new();
        write_request(&head.method, target, head.version, &head.headers, &mut out).unwrap();
        let (again, length) = RequestHead::parse(&out, &limits).unwrap().unwrap();
        assert_eq!((&again, length), (&head, out.len()));
        // A prefix is never a whole head.
        assert!(!matches!(RequestHead::parse(&octets[..used - 1], &limits), Ok(Some(_))));
    }
    if let Ok(Some((head, _))) = ResponseHead::parse(octets, &limits) {
        let mut out = Vec::new();
        write_response(head.status, head.version, &head.headers, &mut out).unwrap();
        let (again, length) = ResponseHead::parse(&out, &limits).unwrap().unwrap();
        assert_eq!((again.status, again.version, again.headers), (head.status, head.version, head.headers));
        assert_eq!(length, out.len());
    }
});

/// The target as it stands in the request line.
fn target(head: &[u8]) -> &str {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    std::str::from_utf8(head.split(|b| *b == b' ').nth(1).unwrap()).unwrap()
}
