//! What a client may try, and what the upstream must see.

use super::*;

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

const IDENTITY: HeaderName = HeaderName::from_static("x-gatepost-user");
const ORIGIN: Origin<'static> = Origin { peer: Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), proto: "https", host: "h:1" };

#[test]
fn every_spelling_of_our_fields_is_stripped() {
    let mut headers = map(&[
        ("X-Gatepost-User", "admin"),
        ("x_gatepost_user", "admin"),
        ("X.Gatepost_User", "admin"),
        ("X-Gatepost-User", "root"),
        ("X_Forwarded_For", "1.2.3.4"),
        ("Forwarded", "for=1.2.3.4"),
        ("Authorization", "Basic x"),
        ("X-WSSE", "y"),
        ("X-Kept", "1"),
    ]);
    cleanse(&mut headers, &[IDENTITY], &[header::AUTHORIZATION, HeaderName::from_static("x-wsse")]);
    assert_eq!(headers, map(&[("x-kept", "1")]));
}

#[test]
fn a_field_listed_in_connection_goes_but_ours_is_set_after() {
    let mut headers = map(&[("Connection", "close, X-Gatepost-User"), ("connection", "x-other"), ("x-other", "1"), ("TE", "trailers")]);
    cleanse(&mut headers, &[IDENTITY], &[]);
    tell(&mut headers, ORIGIN, &IDENTITY, Some("alice"));
    let told = map(&[
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "h:1"),
        ("x-gatepost-user", "alice"),
    ]);
    assert_eq!(headers, told);
}

#[test]
fn names_never_look_alike() {
    let table = [("alice", "alice"), ("a b", "a%20b"), ("a%20b", "a%2520b"), ("zoë", "zo%C3%AB"), ("a\r\nX: y", "a%0D%0AX:%20y")];
    for (name, text) in table {
        assert_eq!(field_text(name), text, "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_spelling_survives(name in "[xX][-_.][uU][sS][eE][rR]") {
        let mut headers = map(&[(&name, "admin")]);
        cleanse(&mut headers, &[HeaderName::from_static("x-user")], &[]);
        proptest::prop_assert!(headers.is_empty());
    }
}
