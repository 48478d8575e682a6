//! `gatepost serve`, `get`, `token` and `cert` against one another: the way that the README shows.

mod bench;
mod running;
mod served;

use bench::Bench;
use served::Served;

#[test]
fn the_demo_greets_and_lets_in_whoever_it_told_how() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let (url, ca, password) = (served.of("url"), served.of("ca"), served.of("password").to_owned());
    let get = |more: &str| {
        let command = format!("get --ca {ca} {url} {more}");
        bench.gatepost(&command).env("PW", &password).output().unwrap()
    };
    for scheme in ["basic", "wsse"] {
        let output = get(&format!("--auth {scheme} --user demo --password-env PW -v"));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(seen["you"], "demo");
        assert!(!String::from_utf8(output.stderr).unwrap().contains(&password));
    }
    let issued = bench.gatepost("token issue --user demo").output().unwrap();
    let bearer = bench
        .gatepost(&format!("get --ca {ca} {url} --token-env T --json"))
        .env("T", String::from_utf8(issued.stdout).unwrap().trim());
    let answer: serde_json::Value = serde_json::from_slice(&bearer.output().unwrap().stdout).unwrap();
    assert_eq!(answer["status"], 200);
    assert_eq!(get("").status.code(), Some(8));
    assert_eq!(get("--user demo --password-env HOME").status.code(), Some(8));
    let (code, greeting) = served.end();
    assert_eq!(code, Some(0));
    assert_eq!(greeting.matches("\n    ").count(), 3, "{greeting}");
    assert!(
        greeting.contains("--auth wsse --user demo") && greeting.contains("Authorization: Bearer $(cat "),
        "{greeting}"
    );
}

#[test]
fn whoever_is_removed_or_gets_another_password_is_refused_without_a_restart() {
    let bench = Bench::new();
    // One worker: what one remembers, another may have to judge anew, and only the first is asked about here.
    let served = Served::start(&bench, "--workers 1");
    let (url, ca, first) = (served.of("url"), served.of("ca"), served.of("password").to_owned());
    let get = |password: &str| {
        let command = format!("get --ca {ca} {url} --auth basic --user demo --password-env PW");
        bench.gatepost(&command).env("PW", password).output().unwrap().status.code()
    };
    // The second time it is remembered.
    assert_eq!((get(&first), get(&first)), (Some(0), Some(0)));
    bench.gatepost("user remove demo").assert().success();
    assert!((0..1000).any(|_| get(&first) == Some(8)), "the gateway learns of it");
    bench.gatepost("user add demo --password-stdin").stdin("another one\n").assert().success();
    assert_eq!((get(&first), get("another one"), get("another one")), (Some(8), Some(0), Some(0)));
}

#[test]
fn a_second_start_finds_what_the_first_one_made() {
    let bench = Bench::new();
    let first = Served::start(&bench, "");
    let before = (first.of("password").to_owned(), std::fs::read(first.of("ca")).unwrap());
    first.end();
    let second = Served::start(&bench, "");
    assert_eq!(before, (second.of("password").to_owned(), std::fs::read(second.of("ca")).unwrap()));
    let list = bench.gatepost("cert list").output().unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    assert!(
        text.lines().count() == 4 && text.contains("localhost:0") && text.contains("localhost, 127.0.0.1, ::1"),
        "{text}"
    );
    let shown = bench.gatepost(&format!("cert show {}", second.of("ca"))).output().unwrap();
    assert!(String::from_utf8(shown.stdout).unwrap().contains("Gatepost local authority"));
}

#[test]
fn what_a_server_shows_is_shown_with_all_that_is_wrong() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let place = served.of("url").trim_start_matches("https://").trim_end_matches('/').to_owned();
    let live = |more: &str| bench.gatepost(&format!("cert show --live {place} {more} --json")).output().unwrap();
    let (strange, known) = (live(""), live(&format!("--ca {}", served.of("ca"))));
    assert_eq!((strange.status.code(), known.status.code()), (Some(10), Some(0)), "{strange:?}");
    let seen = |output: &std::process::Output| -> serde_json::Value { serde_json::from_slice(&output.stdout).unwrap() };
    let (strange, known) = (seen(&strange), seen(&known));
    assert_eq!((&strange["severity"], &strange["flaws"][0]["flaw"]), (&"ignorable".into(), &"untrusted".into()));
    assert_eq!(
        (&known["severity"], &known["flaws"], &known["tls"]),
        (&"none".into(), &serde_json::json!([]), &"TLSv1.3".into())
    );
    assert_eq!(strange["path"][0], known["path"][0], "the chain is readable, too, where it was refused");
    assert!(known["path"][0]["pin"].as_str().unwrap().starts_with("spki-sha256:"));
    assert_eq!(known["path"].as_array().unwrap().len(), 2);
}

#[test]
fn a_server_is_taken_by_its_pin_and_a_flaw_is_ignored_by_name() {
    let bench = Bench::new();
    let served = Served::start(&bench, "--danger-no-auth");
    let (url, ca) = (served.of("url"), served.of("ca"));
    let shown = bench.gatepost(&format!("cert show {ca} --json")).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let pin = format!("spki-sha256:{}", shown["spki_sha256"].as_str().unwrap());
    let other = format!("spki-sha256:{}", "00".repeat(32));
    let table = [
        (format!("--ca {ca} --pin {pin}"), 0, ""),
        (format!("--ca {ca} --pin {other} --pin {pin}"), 0, ""),
        (format!("--ca {ca} --pin {other}"), 10, "[GP-TLS-014]"),
        (String::new(), 10, "not trusted here"),
        ("--danger-ignore-cert-error untrusted".to_owned(), 0, "is let pass: untrusted"),
        ("--danger-ignore-cert-error expired,wrong-name".to_owned(), 10, "not trusted here"),
        (format!("--danger-ignore-cert-error untrusted --pin {other}"), 10, "[GP-TLS-014]"),
        ("--danger-ignore-cert-error revoked".to_owned(), 2, "is fatal and cannot be ignored"),
        ("--pin 00".to_owned(), 2, "is no pin"),
    ];
    for (words, code, said) in table {
        let output = bench.gatepost(&format!("get {url} {words}")).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words}: {stderr}");
        assert!(stderr.contains(said), "{words}: {stderr}");
    }
}

#[test]
fn a_running_gateway_shows_what_is_bound_by_now() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let port = served.of("url").trim_end_matches('/').rsplit_once(':').unwrap().1.to_owned();
    let shown = |host: &str| {
        let output = bench.gatepost(&format!("cert show --live {host}:{port} --ca {} --json", served.of("ca")));
        let seen: serde_json::Value = serde_json::from_slice(&output.output().unwrap().stdout).unwrap_or_default();
        seen["path"][0]["sha256"].as_str().map(str::to_owned)
    };
    let run = |arguments: &str| bench.gatepost(arguments).assert().success();
    let hash = |file: &str| {
        let output = bench.gatepost(&format!("cert show {file} --json")).output().unwrap();
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        seen["sha256"].as_str().unwrap().to_owned()
    };
    let comes = |host: &str, wanted: Option<&String>| (0..1000).any(|_| shown(host).as_ref() == wanted);
    let before = shown("localhost").unwrap();

    // Another certificate, then the first one again.
    for folder in ["one", "two", "files"] {
        std::fs::create_dir(bench.path().join(folder)).unwrap();
    }
    run("cert issue localhost --out one");
    let next = hash("one/localhost.pem");
    run(&format!("cert rebind localhost:0 --cert one/localhost.pem --key one/localhost.key --if-hash {before}"));
    assert!(comes("localhost", Some(&next)));
    run(&format!("cert rebind localhost:0 --hash {before}"));
    assert!(comes("localhost", Some(&before)));

    // The end of the connection.
    run(&format!("cert bind localhost:{port} --reject"));
    assert!(comes("localhost", None));
    run(&format!("cert unbind localhost:{port}"));
    assert!(comes("localhost", Some(&before)));

    // A directory, and a file in it that turns bad.
    run("cert unbind localhost:0");
    run(&format!("cert bind --dir files --port {port}"));
    let both = |folder: &str| {
        let read =
            |end: &str| std::fs::read_to_string(bench.path().join(folder).join(format!("localhost.{end}"))).unwrap();
        read("pem") + &read("key")
    };
    bench.write("files/localhost.pem", &both("one"));
    assert!(comes("localhost", Some(&next)));
    run("cert issue localhost --out two");
    let newer = hash("two/localhost.pem");
    bench.write("files/localhost.pem", &both("two")[..900]);
    assert!(!(0..20).any(|_| shown("localhost") != Some(next.clone())), "half a file is shown to nobody");
    bench.write("files/localhost.pem", &both("two"));
    assert!(comes("localhost", Some(&newer)));
    served.end();
}

#[test]
fn what_keeps_it_from_starting_is_said_in_one_line() {
    let bench = Bench::new();
    let state = bench.path().join(".local/state/gatepost");
    std::fs::create_dir_all(&state).unwrap();
    let wide = bench.gatepost("serve").output().unwrap();
    assert_eq!(wide.status.code(), Some(6));
    assert!(String::from_utf8(wide.stderr).unwrap().contains("hint: others could read or change it: run `chmod 700"));
    bench.write("bad.toml", "[[route]]\n");
    let bad = bench.gatepost("serve --config bad.toml --state s").output().unwrap();
    assert_eq!(bad.status.code(), Some(3));
    assert!(String::from_utf8(bad.stderr).unwrap().starts_with("error: bad.toml:1:1: "));
    let missing = bench.gatepost("serve --cert no.pem --key no.pem --state s").output().unwrap();
    assert_eq!(missing.status.code(), Some(3));
    bench.gatepost("serve --state t --cert x").assert().code(2);
}

#[test]
fn junk_instead_of_a_store_never_opens_the_gate() {
    let bench = Bench::new();
    Served::start(&bench, "--state s").end();
    bench.write("s/store.db", &"junk ".repeat(4000));
    let output = bench.gatepost("serve --state s").output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: ") && text.contains("store.db"), "{text}");
}
