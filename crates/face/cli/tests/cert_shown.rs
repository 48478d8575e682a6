//! What `gatepost cert` shows of a certificate whose names a terminal would obey.

mod bench;
mod running;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use bench::Bench;
use running::Running;

#[test]
fn nothing_in_a_certificate_moves_the_cursor() {
    let bench = Bench::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = ["evil.test", "y\u{1b}[2j.test"].map(str::to_owned);
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "x\u{1b}[2J\u{202e}");
    let made = params.self_signed(&key).unwrap();
    bench.write("evil.pem", &(made.pem() + &key.serialize_pem()));
    bench.gatepost("cert bind evil.test:443 --cert evil.pem").assert().code(0);
    std::fs::set_permissions(bench.path().join("evil.pem"), Permissions::from_mode(0o600)).unwrap();
    let mut server = Running::start(&bench, "ws --listen 127.0.0.1:0 --cert evil.pem --key evil.pem");
    let place = server.first_told().trim().replace("listening on wss://", "");
    let live = format!("cert show --live {}", place.trim_end_matches('/'));
    // What `one_line` makes of them.
    let (subject, name) = ("x\\u{1b}[2J\\u{202e}", "y\\u{1b}[2j.test");
    for (arguments, expected) in [
        ("cert show evil.pem", subject),
        ("cert show evil.test:443", subject),
        (&live, subject),
        ("cert show --netsh", "evil.test"),
        ("cert list", name),
        ("cert which evil.test", name),
        // Told in a warning: the certificate is for other names.
        ("cert bind other.test:443 --cert evil.pem", name),
    ] {
        let output = bench.gatepost(arguments).output().unwrap();
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(shown.contains(expected), "{arguments}: {shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{arguments}: {shown}");
    }
}
