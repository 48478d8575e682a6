//! Challenge lists and credentials as the wild writes them, and what breaks in them.

use gatepost_auth::challenge::{Challenge, MOST_CHALLENGES, MOST_OCTETS};
use gatepost_auth::credentials::Credentials;
use gatepost_auth::error::AuthError;
use gatepost_model::secret::Secret;
use http::HeaderValue;
use proptest::prelude::*;

fn new(scheme: &str) -> Challenge {
    Challenge::new(scheme)
}

fn token68(scheme: &str, data: &str) -> Challenge {
    Challenge { token68: Some(data.into()), ..new(scheme) }
}

#[test]
fn well_formed_lists() {
    let simple = || new("Basic").with("realm", "simple");
    let apps = || new("Newauth").with("realm", "apps").with("type", "1").with("title", r#"Login to "apps""#);
    let apps_text = r#"Newauth realm="apps", type=1, title="Login to \"apps\"""#;
    let table: Vec<(Vec<String>, Vec<Challenge>)> = vec![
        (vec![format!("{apps_text}, Basic realm=\"simple\"")], vec![apps(), simple()]),
        (vec![apps_text.into(), "Basic realm=\"simple\"".into()], vec![apps(), simple()]),
        (vec![r#"Negotiate YII=, Basic realm="simple""#.into()], vec![token68("Negotiate", "YII="), simple()]),
        (vec!["NTLM TlRMTVNTUAABAAAA==".into()], vec![token68("NTLM", "TlRMTVNTUAABAAAA==")]),
        (vec!["Negotiate, NTLM".into(), "Kerberos".into()], vec![new("Negotiate"), new("NTLM"), new("Kerberos")]),
        (vec!["Negotiate abc, NTLM".into()], vec![token68("Negotiate", "abc"), new("NTLM")]),
        (vec![",, ,Basic realm=\"simple\" , ,".into()], vec![simple()]),
        (vec!["Basic , realm=\"simple\"".into()], vec![simple()]),
        (vec!["Basic  \trealm \t= \t\"simple\"".into()], vec![simple()]),
        (vec!["Basic REALM=simple".into()], vec![simple()]),
        (vec!["Digest realm=x, basic".into()], vec![new("Digest").with("realm", "x"), new("basic")]),
        (
            vec![r#"Digest realm="Basic realm=, NTLM ""#.into()],
            vec![new("Digest").with("realm", "Basic realm=, NTLM ")],
        ),
        (vec![r#"A x="a\\", B"#.into()], vec![new("A").with("x", r"a\"), new("B")]),
        (vec![r#"A x="", y="\a""#.into()], vec![new("A").with("x", "").with("y", "a")]),
        (vec!["A b=c, D e=f, G h".into()], vec![new("A").with("b", "c"), new("D").with("e", "f"), token68("G", "h")]),
        (vec!["WSSE profile=\"UsernameToken\"".into()], vec![new("WSSE").with("profile", "UsernameToken")]),
        (vec!["Basic realm=\"gärten\"".into()], vec![new("Basic").with("realm", "gärten")]),
        (vec!["".into(), " , ".into()], vec![]),
    ];
    for (fields, challenges) in table {
        let parsed = Challenge::parse_all(&fields);
        assert_eq!((parsed.challenges, parsed.faults), (challenges, vec![]), "{fields:?}");
    }
}

#[test]
fn a_malformed_challenge_costs_only_itself() {
    let good = || new("Basic").with("realm", "a");
    let table: [(&[u8], &str); 14] = [
        (b"Foo a=b=c, x=y, Basic realm=a", "octet 0: a value is neither a token nor a quoted string"),
        (b"Foo a=\"b\"c, Basic realm=a", "octet 0: text after a quoted string"),
        (b"Foo a=b, A=c, d=e, Basic realm=a", "octet 8: a parameter comes twice"),
        (b"a=b, Basic realm=a", "octet 0: a parameter without its challenge"),
        (b"Foo YII=, a=b, c=d, Basic realm=a", "octet 9: a parameter beside token68"),
        (b"Foo a b, Basic realm=a", "octet 0: a parameter has no `=`"),
        (b"@, Basic realm=a", "octet 0: neither a scheme nor a parameter"),
        (b"Foo/1 x, Basic realm=a", "octet 0: neither a scheme nor a parameter"),
        (b"Foo =, Basic realm=a", "octet 0: a parameter without its challenge"),
        (b"Foo a=, Basic realm=a", ""),
        (b"Foo a=\"\x01\", Basic realm=a", "octet 0: a control character in a quoted string"),
        (b"Foo a=\"\\\x7f\", Basic realm=a", "octet 0: a control character in a quoted string"),
        (b"Basic realm=a, Foo a=\"b, NTLM", "octet 14: a quoted string has no end"),
        (b"Basic realm=a, Foo a=\"b\\", "octet 14: a quoted string has no end"),
    ];
    for (field, why) in table {
        let parsed = Challenge::parse_all([field]);
        let shown = String::from_utf8_lossy(field);
        assert!(parsed.challenges.contains(&good()), "{shown}: {parsed:?}");
        if why.is_empty() {
            // `a=` is a token68 with padding.
            assert_eq!((parsed.challenges[0].clone(), parsed.faults), (token68("Foo", "a="), vec![]));
            continue;
        }
        let fault = AuthError::Malformed { scheme: "challenge", what: "list", detail: format!("field 1, {why}") };
        assert_eq!((parsed.challenges.len(), parsed.faults), (1, vec![fault]), "{shown}");
    }
    let fields: [&[u8]; 3] = [b"Foo \"", b"Basic realm=a", b"\""];
    let parsed = Challenge::parse_all(fields);
    assert_eq!((parsed.challenges, parsed.faults.len()), (vec![good()], 2));
}

#[test]
fn names_compare_as_ascii() {
    let challenge = &Challenge::parse_all(["BaSiC ReAlM=x"]).challenges[0];
    assert!(challenge.is("basic") && !challenge.is("bas\u{131}c"));
    assert_eq!((challenge.param("REALM"), challenge.param("rea")), (Some("x"), None));
    // A comparison that only sets bit 5 takes these for the same.
    assert!(!Challenge::new("a@b").is("a`b"));
}

#[test]
fn what_is_not_utf_8_is_read_as_latin_1() {
    let parsed = Challenge::parse_all([b"Basic realm=\"g\xe4rten\""]);
    assert_eq!(parsed.challenges, [new("Basic").with("realm", "gärten")]);
}

#[test]
fn limits() {
    let many = Challenge::parse_all([vec!["A"; MOST_CHALLENGES + 1].join(",")]);
    assert_eq!((many.challenges.len(), many.faults.len()), (MOST_CHALLENGES, 1));

    let params = |count: usize| (0..count).map(|n| format!("p{n}=v")).collect::<Vec<_>>().join(",");
    assert_eq!(Challenge::parse_all([format!("A {}", params(32))]).challenges[0].params.len(), 32);
    let over = Challenge::parse_all([format!("A {}, B", params(33))]);
    assert_eq!((over.challenges, over.faults.len()), (vec![new("B")], 1));

    let long = format!("A x={}", "v".repeat(MOST_OCTETS));
    let parsed = Challenge::parse_all([long.as_str(), "B"]);
    assert_eq!((parsed.challenges, parsed.faults.len()), (vec![new("B")], 1));

    assert_eq!(Challenge::parse_all(vec!["@"; 1000]).faults.len(), MOST_CHALLENGES);
}

#[test]
fn header_values_and_what_cannot_be_one() {
    let value = Challenge::new("Basic").with("realm", "a\"\\é\t").to_header_value().unwrap();
    assert_eq!(value, HeaderValue::from_bytes("Basic realm=\"a\\\"\\\\é\t\"".as_bytes()).unwrap());
    for wrong in [
        new("Basic").with("realm", "a\r\nSet-Cookie: x"),
        new("Basic").with("realm", "\0"),
        new("Ba sic"),
        new(""),
        new("A").with("r m", "x"),
        token68("A", "=="),
        token68("A", "b").with("c", "d"),
    ] {
        assert!(matches!(wrong.to_header_value(), Err(AuthError::Setting { .. })), "{wrong:?}");
    }
}

#[test]
fn credentials() {
    let read = |field: &str| Credentials::parse(field.as_bytes(), "X");
    let param = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let table = [
        ("Bearer a.b-c_d~e+f/g==", Some((Some("a.b-c_d~e+f/g=="), vec![]))),
        ("  Basic   QQ==  ", Some((Some("QQ=="), vec![]))),
        ("Negotiate", Some((None, vec![]))),
        (
            r#"WSSE profile="UsernameToken",a = b"#,
            Some((None, vec![param("profile", "UsernameToken"), param("a", "b")])),
        ),
        ("Bearer a b", None),
        ("Bearer a,b", None),
        ("Digest a=b, A=c", None),
        ("Digest a=\"b", None),
        ("", None),
        ("\"x\"", None),
        ("Foo:bar", None),
    ];
    for (field, expected) in table {
        let found = read(field).ok().map(|found| (found.token68, found.params));
        assert_eq!(found, expected.map(|(data, params)| (data.map(Secret::from), params)), "{field}");
    }
    let shown = format!("{:?} {:?}", read("Bearer hunter2"), read("Digest response=hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

fn challenge() -> impl Strategy<Value = Challenge> {
    let token = "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,8}";
    let params = proptest::collection::btree_map("[a-z0-9!#$%&'*+.^_`|~-]{1,8}", "[\\t -~¡-\u{2fff}]{0,12}", 0..5);
    let body = prop_oneof![
        "[a-zA-Z0-9._~+/-]{1,8}={0,2}".prop_map(|data| (Some(data), Vec::new())),
        params.prop_map(|params| (None, params.into_iter().collect())),
    ];
    (token, body).prop_map(|(scheme, (token68, params))| Challenge { scheme, token68, params })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(challenges in proptest::collection::vec(challenge(), 0..6)) {
        let each: Vec<HeaderValue> = challenges.iter().map(|one| one.to_header_value().unwrap()).collect();
        let parsed = Challenge::parse_all(&each);
        prop_assert_eq!((&parsed.challenges, parsed.faults.len()), (&challenges, 0));
        let joined = challenges.iter().map(Challenge::to_string).collect::<Vec<_>>().join(", ");
        let parsed = Challenge::parse_all([joined]);
        prop_assert_eq!((&parsed.challenges, parsed.faults.len()), (&challenges, 0));
    }

    #[test]
    fn what_was_read_can_be_printed(field in "([a-zA-Z ,=\"\\\\/@\u{e9}\t]|Basic |realm=\"){0,40}") {
        for challenge in Challenge::parse_all([&field]).challenges {
            let again = Challenge::parse_all([challenge.to_header_value().unwrap()]).challenges;
            prop_assert_eq!(again, [challenge]);
        }
    }

    #[test]
    fn arbitrary_octets_do_no_harm(fields in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..4)) {
        let parsed = Challenge::parse_all(&fields);
        prop_assert!(parsed.challenges.len() <= MOST_CHALLENGES);
        for field in &fields {
            if let Ok(credentials) = Credentials::parse(field, "X") {
                prop_assert!(!credentials.scheme.is_empty());
            }
        }
    }
}
