//! `gatepost cert import --netsh` and `cert show --netsh`: listings of the HTTP Server API's bindings, in and out.

mod bench;
mod desk;

use desk::{Desk, text};
use serde_json::json;

#[test]
fn a_listing_is_imported_and_printed_back() {
    let desk = Desk::new();
    let (one, two) = (desk.hash("a.pem", "sha1"), desk.hash("b.pem", "sha1"));
    let listing = include_str!("vectors/netsh/server2022.txt").replace("[ONE]", &one).replace("[TWO]", &two);
    // As PowerShell redirects it.
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(listing.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(desk.bench.path().join("dump.txt"), wide).unwrap();
    desk.good("cert import --netsh dump.txt --certs .");
    assert_eq!(text(desk.run("cert show --netsh")), listing.replace('\r', ""));
    let shown = desk.json("cert show 0.0.0.0:443");
    assert_eq!(
        (&shown["application"], &shown["terms"], &shown["answer"]),
        (
            &json!("4dc3e181-e14b-4a21-b022-59fc669b0914"),
            &json!({ "min-tls": "1.3", "http2": "off", "log": "on", "verify-revocation": "on" }),
            &json!("certificate")
        )
    );
    assert_eq!(desk.json("cert show www.example.com:443")["answer"], "reject");
    desk.good("cert rebind 0.0.0.0:443 --http2 on");
    assert!(text(desk.run("cert show 0.0.0.0:443 --netsh")).contains("    Disable HTTP2                : Not Set\n"));
    let again = desk.run("cert import --netsh dump.txt --certs .");
    assert_eq!(again.status.code(), Some(4));
    assert_eq!(text(again).matches("not imported: a binding of ").count(), 3, "nothing is overwritten");
}

#[test]
fn what_cannot_be_imported_is_listed_with_the_reason() {
    let desk = Desk::new();
    let (one, two) = (desk.hash("a.pem", "sha1"), desk.hash("b.pem", "sha1"));
    let listing = include_str!("vectors/netsh/mixed.txt").replace("[ONE]", &one).replace("[TWO]", &two);
    desk.bench.write("dump.txt", &listing);
    desk.good("cert import --cert b.pem");
    let output = desk.run("cert import --netsh dump.txt --certs .");
    assert_eq!(output.status.code(), Some(4));
    let expected = "\
BINDING        OUTCOME
10.0.0.5:8443  imported
10.0.0.6:8443  not imported: its certificate 00112233445566778899aabbccddeeff00112233 is not here
10.0.0.7:8443  not imported: it asks clients for certificates: name their authorities with --client-ca
443            not imported: it is a central certificate store: name its directory with --dir
10.0.0.8:443   not imported: it has TLS 1.2 and 1.3 off, and nothing older is spoken here
";
    assert_eq!(text(output), expected);
    let output = desk.run("cert import --netsh dump.txt --certs . --client-ca a.pem --dir .");
    let printed = text(output);
    assert_eq!(printed.matches(" imported\n").count(), 1);
    let wrong =
        "10.0.0.7:8443  not imported: it holds clients' certificates against revocation lists: name them with --crl\n";
    assert!(printed.contains(wrong), "{printed}");
    let list = gatepost_testkit::authority::Authority::new().revocation_list(&[], 4000);
    std::fs::write(desk.bench.path().join("one.crl"), list).unwrap();
    let output = desk.run("cert import --netsh dump.txt --certs . --client-ca a.pem --crl one.crl");
    assert_eq!(text(output).matches(" imported\n").count(), 1);
    let shown = desk.json("cert show 10.0.0.7:8443");
    assert_eq!(
        (&shown["terms"]["client-cert"], &shown["terms"]["verify-revocation"]),
        (&json!("request"), &json!("on"))
    );
    assert!(shown["revocation_lists"][0].as_str().unwrap().ends_with("/one.crl"), "{shown}");
    assert_eq!(desk.json("cert show *:443")["answer"], "directory");
    assert_eq!(desk.json("cert show 10.0.0.5:8443")["terms"]["verify-revocation"], "cached");
    for junk in ["", "SSL Certificate bindings:\n", "{", "{\"x\": 1}"] {
        desk.bench.write("dump.txt", junk);
        assert_eq!(desk.tell("cert import --netsh dump.txt").0, Some(2), "{junk}");
    }
}

#[test]
fn a_listing_as_json_is_imported() {
    let desk = Desk::new();
    let octets = |hex: &str| {
        let pairs: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        json!(pairs).to_string()
    };
    let (one, two) = (octets(&desk.hash("a.pem", "sha1")), desk.hash("b.pem", "sha1"));
    let listing = include_str!("vectors/netsh/listing.json").replace("[ONE]", &one).replace("[TWO]", &two);
    desk.bench.write("dump.json", &listing);
    let outcome = desk.json("cert import --netsh dump.json --certs .");
    let done: Vec<bool> = outcome.as_array().unwrap().iter().map(|row| row["imported"].as_bool().unwrap()).collect();
    assert_eq!(done, [true, true, false], "{outcome}");
    let shown = desk.json("cert show 0.0.0.0:443");
    // 2640 is 0x800 (session ticket), 0x200 (log), 0x40 (no TLS 1.3) and 0x10 (no HTTP/2).
    let terms = json!({
        "max-tls": "1.2", "http2": "off", "tickets": "on", "log": "on", "usage-check": "off", "verify-revocation": "off",
    });
    assert_eq!(shown["terms"], terms);
    assert_eq!(desk.json("cert show api.example.com:8443")["answer"], "reject");
    let text = text(desk.run("cert show 0.0.0.0:443 --netsh"));
    assert!(
        text.contains("    Revocation Freshness Time    : 60\n")
            && text.contains("    Disable TLS1.3               : Set\n")
    );
}

#[test]
fn a_binding_is_shown_in_the_order_of_netsh() {
    let desk = Desk::new();
    desk.good("cert bind a.test:443 --cert a.pem --max-tls 1.2 --app 4dc3e181-e14b-4a21-b022-59fc669b0914");
    let shown = text(desk.run("cert show a.test:443"));
    let labels: Vec<&str> = shown.lines().filter_map(|line| Some(line.split_once(" : ")?.0.trim())).collect();
    let expected = [
        "Hostname:port",
        "Certificate Hash",
        "Application ID",
        "Certificate Store Name",
        "Verify Client Certificate Revocation",
        "Verify Revocation Using Cached Client Certificate Only",
        "Usage Check",
        "Revocation Freshness Time",
        "URL Retrieval Timeout",
        "Ctl Identifier",
        "Ctl Store Name",
        "DS Mapper Usage",
        "Negotiate Client Certificate",
        "Reject Connections",
        "Disable HTTP2",
        "Disable QUIC",
        "Disable TLS1.2",
        "Disable TLS1.3",
        "Disable OCSP Stapling",
        "Enable Token Binding",
        "Log Extended Events",
        "Disable Legacy TLS Versions",
        "Enable Session Ticket",
        "Disable Session ID",
        "Enable Caching Client Hello",
        "Subject",
        "Issuer",
        "Names",
        "Valid",
        "Key",
        "SHA-256",
        "Pin",
        "Minimum TLS",
        "Maximum TLS",
        "HTTP/2",
        "Client Certificate",
        "Client Authorities",
        "Client Authority Hints",
        "Revocation Lists",
        "Session Tickets",
        "OCSP Response",
        "TLS Log",
    ];
    assert_eq!(labels, expected);
    assert!(shown.contains(&format!("    Certificate Hash             : {}\n", desk.hash("a.pem", "sha1"))), "{shown}");
    assert!(shown.contains("    Disable TLS1.3               : Set\n"), "{shown}");
}

#[test]
fn what_is_not_understood_is_not_taken_for_off() {
    let desk = Desk::new();
    let hash = desk.hash("a.pem", "sha1");
    let entry = |port: u16, label: &str, value: &str| {
        format!(
            "    IP:port                      : 0.0.0.0:{port}\n    Certificate Hash             : {hash}\n    \
             Application ID               : {{214124cd-d05b-4309-9af9-9caa44b2b74a}}\n    {label:28} : {value}\n\n"
        )
    };
    let listing = [
        entry(1, "Negotiate Client Certificate", "Aktiviert"),
        entry(2, "Reject Connections", "Yes"),
        entry(3, "Disable TLS1.3", ""),
        entry(4, "Disable TLS1.3", "Not Set"),
    ];
    desk.bench.write("dump.txt", &listing.concat());
    let output = desk.run("cert import --netsh dump.txt --certs .");
    assert_eq!(output.status.code(), Some(4));
    let expected = "\
BINDING    OUTCOME
0.0.0.0:1  not imported: `Negotiate Client Certificate` is `Aktiviert`, which is neither on nor off
0.0.0.0:2  not imported: `Reject Connections` is `Yes`, which is neither on nor off
0.0.0.0:3  not imported: `Disable TLS1.3` is ``, which is neither on nor off
0.0.0.0:4  imported
";
    assert_eq!(text(output), expected);

    let row = |port: u16, flags: serde_json::Value| json!({ "IpPort": format!("127.0.0.1:{port}"), "SslHash": hash, "DefaultFlags": flags });
    let rows = json!([row(1, json!("2")), row(2, json!(1_u64 << 40)), row(3, json!(2.5)), row(4, json!(16))]);
    desk.bench.write("dump.json", &rows.to_string());
    let outcome = desk.json("cert import --netsh dump.json --certs .");
    let reasons: Vec<_> = outcome.as_array().unwrap().iter().map(|row| row["reason"].as_str()).collect();
    let expected = [
        Some("`DefaultFlags` is \"2\", which is no number"),
        Some("`DefaultFlags` has bits that are not known here: 0x10000000000"),
        Some("`DefaultFlags` is 2.5, which is no number"),
        None,
    ];
    assert_eq!(reasons, expected);
    assert_eq!(desk.json("cert list").as_array().unwrap().len(), 2, "the others are bound");
}
