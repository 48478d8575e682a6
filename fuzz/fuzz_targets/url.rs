//! URLs and authorities: what is printed is read back as the same, and a reference stays a URL of ours.
#![no_main]

use gatepost_http::host::Authority;
use gatepost_http::target::check_path;
use gatepost_model::url::Url;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(authority) = Authority::parse(text) {
        let printed = authority.to_string();
        assert_eq!(Authority::parse(&printed).unwrap().to_string(), printed);
        // Whoever reads URLs by another rule still means this host.
        if let Ok(url) = Url::parse(&format!("http://{printed}/")) {
            assert_eq!(url.path(), "/");
        }
    }
    if let Ok(url) = Url::parse(text) {
        assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url));
        assert!(url.request_target().starts_with('/'));
        assert_eq!(url.origin(), Url::parse(url.as_str()).unwrap().origin());
    }
    if check_path(text).is_ok() && !text.contains('?') {
        assert_eq!(Url::parse(&format!("http://a{text}")).unwrap().path(), text);
    }
    let base = Url::parse("https://a.example/b/c?d").unwrap();
    if let Ok(joined) = base.join(text) {
        assert!(["http", "https", "ws", "wss"].contains(&joined.scheme()), "{joined:?}");
    }
});
