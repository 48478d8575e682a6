//! `gatepost credential`: what `get` may say of us, kept, shown without its secret, revealed, and carried elsewhere.

mod bench;
mod running;
mod terminal;

use std::os::unix::fs::PermissionsExt;

use bench::Bench;
use terminal::Session;

fn add(bench: &Bench, name: &str, more: &str) {
    let command = format!("credential add {name} --scope https://example.com/api -q --password-stdin {more}");
    bench.gatepost(&command).stdin("hunter2").assert().success();
}

/// What was written to stdout and stderr, and the code.
fn run(bench: &Bench, arguments: &str) -> (String, String, Option<i32>) {
    let output = bench.gatepost(arguments).env("PASS", "correct horse").output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn add_list_remove() {
    let bench = Bench::new();
    bench.write("token", "hunter2\n");
    let work = "credential add work --user ali --scope https://example.com/api --password-stdin";
    let said = "Use it with `gatepost get --credential work URL`.\n";
    bench.gatepost(work).stdin("hunter2").assert().success().stdout_eq("").stderr_eq(said);
    bench.gatepost("credential add bot --scope https://example.com --password-file token -q").assert().success();
    let table = "\
NAME  USER  SCHEME  SCOPE
bot   -     Bearer  https://example.com/
work  ali   any     https://example.com/api
";
    bench.gatepost("credential list").assert().success().stdout_eq(table).stderr_eq("");
    let list = bench.gatepost("credential list --json").output().unwrap();
    assert!(!String::from_utf8(list.stdout).unwrap().contains("hunter2"));
    bench.gatepost("credential remove work").assert().success().stderr_eq("Credential work is gone.\n");
    assert_eq!(bench.gatepost("credential remove work").output().unwrap().status.code(), Some(4));
}

#[test]
fn a_scope_is_a_url_without_secrets() {
    let bench = Bench::new();
    let add = bench.gatepost("credential add x --user a --scope https://a:hunter2@h/ --password-stdin").stdin("s");
    let output = add.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("[GP-URL-003]") && !text.contains("hunter2"), "{text}");
}

#[test]
fn found_by_resource_and_by_user() {
    let bench = Bench::new();
    add(&bench, "work", "--user ali");
    add(&bench, "other", "--user eve");
    let deep = "credential add deep --user ali --scope https://example.com/api/v1 -q --password-stdin";
    bench.gatepost(deep).stdin("s").assert().success();
    let dotnet = "credential add old --user ali --scope https://old/app/login --like-dotnet -q --password-stdin";
    bench.gatepost(dotnet).stdin("s").assert().success();
    let names = |arguments: &str| {
        let (table, _, code) = run(&bench, &format!("credential list {arguments}"));
        assert_eq!(code, Some(0), "nothing found is no error");
        table.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("--resource https://example.com/api/v1/x"), ["deep", "other", "work"]);
    assert_eq!(names("--resource https://example.com/api/v1/x --user ali"), ["deep", "work"]);
    assert_eq!(names("--resource https://example.com/apiary"), Vec::<String>::new());
    assert_eq!(names("--resource https://old/app/other"), ["old"]);
    assert_eq!(names("--user eve"), ["other"]);
}

#[test]
fn a_secret_is_revealed_on_demand_and_that_is_kept() {
    let bench = Bench::new();
    add(&bench, "work", "--user ali");
    let (out, err, code) = run(&bench, "credential reveal work");
    assert_eq!((out.as_str(), code), ("", Some(2)));
    assert!(err.contains("there is no terminal to ask on") && err.contains("`--yes`"), "{err}");
    assert_eq!(run(&bench, "log decisions").0, "", "nothing was shown, and nothing is kept of it");

    assert_eq!(run(&bench, "credential reveal work --yes"), ("hunter2".into(), String::new(), Some(0)));
    assert_eq!(run(&bench, "credential reveal none --yes").2, Some(4));
    let (log, _, _) = run(&bench, "log decisions --json");
    assert!(log.ends_with("}\n") && log.matches('\n').count() == 1, "one object a line: {log}");
    let line: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!((&line["subject"], &line["place"]), (&"reveal".into(), &"credential work".into()));
    assert!(line["who"].as_str().unwrap().starts_with("uid ") && !log.contains("hunter2"));

    // Without the record there is no secret.
    let log = bench.path().join(".local/state/gatepost/decisions.log");
    std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (out, err, code) = run(&bench, "credential reveal work --yes");
    assert_eq!((out.as_str(), code), ("", Some(6)), "{err}");
}

#[test]
fn on_a_terminal_it_asks_first() {
    let bench = Bench::new();
    add(&bench, "work", "--user ali");
    for (typed, code, shown) in
        [("y", Some(0), true), ("yes", Some(0), true), ("n", Some(2), false), ("", Some(2), false)]
    {
        let mut session = Session::start(&bench, "credential reveal work");
        session.wait_for("Show the secret of work, ali, for https://example.com/api? [y/N]: ");
        session.type_line(typed);
        let (ended, screen) = session.rest();
        assert_eq!((ended, screen.contains("hunter2\r\n")), (code, shown), "{typed}: {screen}");
    }
    assert_eq!(run(&bench, "log decisions").0.lines().count(), 2);
}

#[test]
fn a_bundle_goes_to_another_home() {
    let (here, there) = (Bench::new(), Bench::new());
    add(&here, "work", "--user ali");
    add(&here, "bot", "--scheme Bearer");
    let bundle = there.path().join("all.bundle");
    let export = format!("credential export --out {} --password-env PASS", bundle.display());
    let (_, err, code) = run(&here, &export);
    assert_eq!((err, code), (format!("2 credentials are in {}.\n", bundle.display()), Some(0)));
    assert_eq!(std::fs::metadata(&bundle).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&here, &export).2, Some(5), "a file that is there stays");
    let octets = std::fs::read(&bundle).unwrap();
    assert!(!octets.windows(7).any(|part| part == b"hunter2"));
    assert!(run(&here, "log decisions").0.contains("export"));

    let (_, err, code) = run(&there, "credential import all.bundle --password-env HOME");
    assert!(code == Some(2) && err.contains("the passphrase is another one") && err.contains("GP-STORE-010"), "{err}");
    let (_, err, code) = run(&there, "credential import all.bundle --password-env PASS");
    assert_eq!((err.as_str(), code), ("2 credentials came in; `gatepost credential list` shows them.\n", Some(0)));
    assert_eq!(run(&there, "credential reveal work --yes").0, "hunter2");
    assert_eq!(run(&there, "credential list").0, run(&here, "credential list").0);

    // All or nothing, unless what is there may stay.
    run(&there, "credential remove bot");
    assert_eq!(run(&there, "credential import all.bundle --password-env PASS").2, Some(5));
    assert!(!run(&there, "credential list").0.contains("bot"));
    let (_, err, code) = run(&there, "credential import all.bundle --password-env PASS --skip-existing");
    assert!(code == Some(0) && err.contains("work is there already"), "{err}");
    assert!(run(&there, "credential list").0.contains("bot"));

    let mut changed = octets;
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&bundle, changed).unwrap();
    assert_eq!(run(&there, "credential import all.bundle --password-env PASS").2, Some(2));
    assert_eq!(run(&there, "credential export nobody --out x --password-env PASS").2, Some(4));
}

#[test]
fn a_netrc_file_comes_in_host_by_host() {
    let bench = Bench::new();
    bench.write(
        "netrc",
        "machine example.com login ali password \"hunter2 \\\"x\\\"\"\nmachine ::1 login eve password s\n\
         default login d password e\nmachine h login x\nmachine example.com login ali password twice\nmachine a/b login x password y\n",
    );
    let (_, err, code) = run(&bench, "credential import netrc --netrc");
    assert!(code == Some(2) && err.contains("chmod 600"), "others may read it: {err}");
    std::fs::set_permissions(bench.path().join("netrc"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let (_, err, code) = run(&bench, "credential import netrc --netrc");
    assert_eq!(code, Some(0), "{err}");
    for warned in ["netrc:3: `default`", "netrc:5: the same user", "netrc:6: this is no host"] {
        assert!(err.contains(warned), "{err}");
    }
    let table = "\
NAME             USER  SCHEME  SCOPE
ali@example.com  ali   any     https://example.com/
eve@::1          eve   any     https://[::1]/
";
    assert_eq!(run(&bench, "credential list").0, table);
    assert_eq!(run(&bench, "credential reveal ali@example.com --yes").0, "hunter2 \"x\"");
    let (_, err, code) = run(&bench, "credential import netrc --password-env PASS");
    assert!(code == Some(2) && err.contains("`--netrc`"), "{err}");
}
