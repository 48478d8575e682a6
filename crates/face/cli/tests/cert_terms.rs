//! `gatepost cert bind` with terms that need files, and what a running gateway makes of them.

mod bench;
mod desk;
mod running;
mod served;

use desk::Desk;
use gatepost::model::time::Timestamp;
use gatepost_testkit::authority::{Authority, Leaf};
use gatepost_testkit::ocsp::{Reply, Word};
use serde_json::json;
use served::Served;

/// A desk with what an authority of the kit has made: `own.pem` (for 127.0.0.1, demanding a staple), `ca.pem`, `ali.pem`
/// and `eve.pem` (clients), and `list.crl`, which names eve.
struct World {
    desk: Desk,
    authority: Authority,
    own: Leaf,
}

fn both(leaf: &Leaf, authority: &Authority) -> String {
    [leaf.certificate_pem.as_str(), authority.pem(), leaf.key_pem.as_str()].join("\n")
}

/// A moment as OCSP has it, seconds from now.
fn moment(seconds: i64) -> String {
    let at = Timestamp::from_secs(gatepost::clock::now().as_secs() + seconds);
    at.to_string().replace(['-', ':', 'T'], "")
}

impl World {
    fn new() -> Self {
        let (desk, authority) = (Desk::new(), Authority::new());
        let own = authority.issue_must_staple(&["127.0.0.1"]);
        let (ali, eve) = (authority.issue_client("ali"), authority.issue_client("eve"));
        for (name, leaf) in [("own", &own), ("ali", &ali), ("eve", &eve)] {
            desk.bench.write(&format!("{name}.pem"), &both(leaf, &authority));
        }
        desk.bench.write("ca.pem", authority.pem());
        let world = Self { desk, authority, own };
        world.write("list.crl", &world.authority.revocation_list(&[&eve], 4000));
        world
    }

    fn write(&self, name: &str, content: &[u8]) {
        let place = self.desk.bench.path();
        std::fs::write(place.join("draft"), content).unwrap();
        std::fs::rename(place.join("draft"), place.join(name)).unwrap();
    }

    fn says(&self, word: Word, from: i64, to: i64) -> Vec<u8> {
        self.authority.ocsp(&self.own, &Reply::new(word, &moment(from), &moment(to)))
    }
}

#[test]
fn lists_and_staples_are_looked_at_when_they_are_named() {
    let world = World::new();
    let desk = &world.desk;
    world.write("old.crl", &world.authority.revocation_list(&[], 2001));
    world.write("good.ocsp", &world.says(Word::Good, -60, 3600));
    world.write("over.ocsp", &world.says(Word::Good, -7200, -3600));
    world.write("revoked.ocsp", &world.says(Word::Revoked("20200101000000Z"), -60, 3600));
    let client = "cert bind a.test:1 --cert own.pem --client-cert require --client-ca ca.pem";
    let staple = "cert bind a.test:1 --cert own.pem --ocsp-staple";
    let table = [
        (format!("{client} --verify-revocation on"), 2, "name them with `--crl FILE`"),
        (format!("{client} --crl none.crl"), 6, "none.crl"),
        (format!("{client} --crl own.pem"), 6, "there is no revocation list in it"),
        (format!("{client} --crl old.crl"), 2, "over since 2001-01-01"),
        (format!("{staple} on"), 2, "there is nothing to staple"),
        (format!("{staple} none.ocsp"), 6, "none.ocsp"),
        (format!("{staple} own.pem"), 3, "wrong-staple: the OCSP response cannot be read"),
        (format!("{staple} over.ocsp"), 3, "wrong-staple: the OCSP response is too old"),
        (format!("{staple} revoked.ocsp"), 3, "wrong-staple: it says that the certificate was revoked"),
        ("cert bind a.test:1 --cert a.pem --ocsp-staple good.ocsp".into(), 3, "wrong-staple"),
        ("cert bind *:1 --dir . --ocsp-staple good.ocsp".into(), 2, "stapled to a certificate"),
    ];
    for (command, expected, words) in table {
        let (code, said) = desk.tell(&command);
        assert_eq!((code, said.contains(words)), (Some(expected), true), "{command}: {said}");
    }
    assert_eq!(desk.json("cert list"), json!([]));
    desk.good(&format!("{client} --crl list.crl --ocsp-staple good.ocsp --log-tls on"));
    let shown = desk.json("cert show a.test:1");
    assert_eq!(shown["terms"], json!({ "client-cert": "require", "staple": "on", "log": "on" }));
    for (value, name) in [(&shown["revocation_lists"][0], "/list.crl"), (&shown["staple_file"], "/good.ocsp")] {
        let place = value.as_str().unwrap();
        assert!(place.starts_with('/') && place.ends_with(name), "a running gateway has another directory: {place}");
    }
    desk.good("cert rebind a.test:1 --ocsp-staple off --verify-revocation off");
    let terms = json!({ "client-cert": "require", "staple": "off", "log": "on", "verify-revocation": "off" });
    assert_eq!(desk.json("cert show a.test:1")["terms"], terms);
    desk.good("cert rebind a.test:1 --ocsp-staple on --verify-revocation listed");
    // A renewal does not wait for the response of the new certificate.
    let renewed = world.authority.issue(&["a.test"]);
    desk.bench.write("renewed.pem", &both(&renewed, &world.authority));
    let (code, said) = desk.tell("cert rebind a.test:1 --cert renewed.pem");
    assert_eq!(
        (code, said.contains("about other certificates: nothing is stapled until then")),
        (Some(0), true),
        "{said}"
    );
}

#[test]
fn a_running_gateway_staples_checks_and_tells() {
    let world = World::new();
    let desk = &world.desk;
    world.write("own.ocsp", &world.says(Word::Good, -60, 3600));
    desk.good(
        "cert bind 127.0.0.1:0 --cert own.pem --ocsp-staple own.ocsp --log-tls on --client-cert require --client-ca ca.pem \
         --crl list.crl",
    );
    let served = Served::start(&desk.bench, "-v");
    let port = served.of("url").trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let get = |options: &str| desk.tell(&format!("get https://127.0.0.1:{port}/ --ca ca.pem {options}"));
    let (code, said) = get("--client-cert ali.pem");
    assert_eq!((code, said.contains("401")), (Some(8), true), "TLS is up, and the demo wants a password: {said}");
    for (options, alert) in [("", "CertificateRequired"), ("--client-cert eve.pem", "CertificateRevoked")] {
        let (code, said) = get(options);
        assert!(code != Some(8) && said.contains(alert), "{options}: {said}");
    }
    let shown = desk.json(&format!("cert show --live 127.0.0.1:{port} --ca ca.pem"));
    assert!(shown["stapled_until"].is_string(), "{shown}");
    // What does not count any more is not stapled, and nobody is sent away for that.
    let stapled = || desk.json(&format!("cert show --live 127.0.0.1:{port} --ca ca.pem"));
    world.write("own.ocsp", &world.says(Word::Unknown, -60, 3600));
    let flaws = (0..1000).find_map(|_| {
        let shown = stapled();
        shown["stapled_until"].is_null().then(|| shown["flaws"][0]["flaw"].clone())
    });
    assert_eq!(flaws, Some(json!("must-staple")), "the certificate demands what is gone");
    let said = served.said();
    let told = |words: &str| said.lines().any(|line| line.contains("TLS with 127.0.0.1") && line.contains(words));
    assert!(told("for no name: TLSv1.3, TLS_AES_128_GCM_SHA256, X25519") && told("new, client CN=ali"), "{said}");
    assert!(
        said.contains("127.0.0.1:0: ") && said.contains("wrong-staple") && said.contains("nothing is stapled"),
        "{said}"
    );
}
