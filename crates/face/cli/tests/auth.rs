//! `gatepost auth explain`, and the sources of who we are: stored, netrc, terminal.

mod bench;
mod running;
mod served;
mod terminal;

use std::os::unix::fs::PermissionsExt;

use bench::Bench;
use served::Served;
use terminal::Session;

fn json(bench: &Bench, arguments: &str) -> serde_json::Value {
    let output = bench.gatepost(&format!("{arguments} --json")).env("PW", "hunter2").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn row<'a>(explained: &'a serde_json::Value, scheme: &str) -> &'a serde_json::Value {
    let rows = explained["schemes"].as_array().unwrap();
    rows.iter().find(|row| row["scheme"] == scheme).unwrap()
}

fn keep(bench: &Bench, name: &str, user: &str, scope: &str) {
    let command = format!("credential add {name} --user {user} --scope {scope} -q --password-stdin");
    bench.gatepost(&command).stdin("hunter2").assert().success();
}

fn private(bench: &Bench, name: &str, content: &str) {
    bench.write(name, content);
    std::fs::set_permissions(bench.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn it_says_which_credential_by_which_scheme_and_why() {
    let bench = Bench::new();
    keep(&bench, "work", "ali", "https://h/api");
    bench.write("policy.toml", "never_hosts = ['h']\n");
    let table = [
        ("https://h/api/x --stored", "Basic", true, "ali", "the stored credential work", "no policy forbids it"),
        ("https://h/ --stored", "Basic", false, "", "", "no credential for it is kept for this address"),
        ("https://h/api --stored", "Bearer", false, "", "", "no credential for it is kept for this address"),
        ("https://h/ --user eve --password-env PW", "WSSE", true, "eve", "--user", "no policy forbids it"),
        ("https://h/ --token-env PW", "Bearer", true, "", "$PW", "no policy forbids it"),
        (
            "https://h/api --stored --policy policy.toml",
            "WSSE",
            false,
            "ali",
            "the stored credential work",
            "host-deny: h is on the list of hosts that get nothing",
        ),
        (
            "http://h/ --user eve --password-env PW --danger-plain-http",
            "Basic",
            false,
            "eve",
            "--user",
            "no-clear-secret: Basic would send the secret itself in the clear",
        ),
    ];
    for (arguments, scheme, sent, user, source, reason) in table {
        let explained = json(&bench, &format!("auth explain {arguments}"));
        let row = row(&explained, scheme);
        assert_eq!((&row["sent"], &row["reason"]), (&sent.into(), &reason.into()), "{arguments}");
        if !source.is_empty() {
            let found = &row["credential"];
            assert_eq!((&found["user"], &found["source"]), (&user.into(), &source.into()), "{arguments}");
        }
        assert!(!explained.to_string().contains("hunter2"));
    }
    let explained = json(&bench, "auth explain https://h/api --stored --policy policy.toml");
    let rules = row(&explained, "Basic")["rules"].as_array().unwrap().clone();
    let names: Vec<_> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    assert_eq!(names.last(), Some(&"host-deny"));
    assert!(names.contains(&"same-origin") && names.contains(&"no-clear-secret"));
    let proxied = "auth explain https://h/api --stored --proxy http://p:3128 --proxy-user me --proxy-password-env PW";
    let explained = json(&bench, proxied);
    let said = &explained["proxy"]["schemes"];
    assert!(said.to_string().contains("only-secure: the connection is in the clear"), "{said}");
}

#[test]
fn it_is_a_table_for_people() {
    let bench = Bench::new();
    let command = bench.gatepost("auth explain https://h/x?token=1 --auth basic --user ali --password-env PW -v");
    let output = command.env("PW", "hunter2").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in
        ["Address    https://h/x\n", "Basic   yes   ali, from --user", "rule same-origin", "the origin is the one"]
    {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("token") && !text.contains("hunter2") && !text.contains("WSSE"), "{text}");
}

#[test]
fn a_probe_asks_as_nobody_and_says_what_would_be_answered() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let (url, ca) = (served.of("url").to_owned(), served.of("ca").to_owned());
    keep(&bench, "here", "demo", &url);
    let explained = json(&bench, &format!("auth explain {url} --ca {ca} --stored --probe"));
    let probe = &explained["probe"];
    assert_eq!((&probe["status"], &probe["answer"]), (&401.into(), &"WSSE".into()), "{probe}");
    assert!(probe["offered"].to_string().contains("Bearer"));
    let log = bench.gatepost("log decisions --json").output().unwrap();
    assert!(!String::from_utf8(log.stdout).unwrap().contains("\"who\":\"demo\""), "nobody said who they are");
}

#[test]
fn the_stored_one_for_the_address_is_used_and_ties_are_refused() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let (url, ca, password) = (served.of("url"), served.of("ca"), served.of("password").to_owned());
    let add = format!("credential add here --user demo --scope {url} -q --password-env PW");
    bench.gatepost(&add).env("PW", &password).assert().success();
    let get = |more: &str| {
        let output = bench.gatepost(&format!("get {url} --ca {ca} {more}")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(get("--stored").0, Some(0));
    assert_eq!(get("").0, Some(8), "without a word of it nothing is looked up");
    keep(&bench, "other", "eve", url);
    let (code, said) = get("--stored");
    assert!(
        code == Some(2) && said.contains("both `here` and `other` are kept") && said.contains("--user NAME"),
        "{said}"
    );
    assert_eq!((get("--stored --user demo").0, get("--stored --user eve").0), (Some(0), Some(8)));
}

#[test]
fn netrc_is_for_the_host_and_comes_after_what_is_stored() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let (url, ca, password) = (served.of("url"), served.of("ca"), served.of("password").to_owned());
    private(&bench, ".netrc", &format!("machine localhost login demo password \"{password}\"\n"));
    private(&bench, "other", "machine other login demo password x\n");
    private(&bench, "default", &format!("default login demo password \"{password}\"\n"));
    let get = |more: &str| bench.gatepost(&format!("get {url} --ca {ca} {more}")).output().unwrap().status.code();
    assert_eq!((get("--netrc"), get("--netrc-file other"), get("--netrc-file default")), (Some(0), Some(8), Some(0)));
    assert_eq!(get("--netrc --user nobody"), Some(2), "another user, and no terminal to ask for the password on");
    keep(&bench, "here", "demo", url);
    assert_eq!(get("--stored --netrc"), Some(8), "the stored one goes first, and it is wrong");
    let explained = json(&bench, &format!("auth explain {url} --netrc"));
    let source = row(&explained, "WSSE")["credential"]["source"].as_str().unwrap().to_owned();
    assert!(source.ends_with("/.netrc") && !explained.to_string().contains(&password), "{source}");
}

#[test]
fn the_terminal_is_asked_only_if_that_was_said_and_there_is_one() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let (url, ca, password) = (served.of("url"), served.of("ca"), served.of("password").to_owned());
    let mut session = Session::start_in_control(&bench, &format!("get {url} --ca {ca} --ask"));
    session.wait_for("User for https://localhost:");
    session.wait_for(": ");
    session.type_line("demo");
    session.wait_for("Password for demo: ");
    session.wait_for_no_echo();
    session.type_line(&password);
    let (code, screen) = session.rest();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("\"you\": \"demo\"") && !screen.contains(&password), "{screen}");
    let (code, _) = Session::start(&bench, &format!("get {url} --ca {ca}")).rest();
    assert_eq!(code, Some(8), "it was not said");
    let output = bench.gatepost(&format!("get {url} --ca {ca} --ask")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "there is none");
}
