//! `cargo xtask bench gateway`: the gateway beside nginx and HAProxy, one core each, by `benches/gateway`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::build;
use crate::tree::Tree;

/// What the harness runs, and the Debian package that has it.
const TOOLS: [(&str, &str); 6] = [
    ("python3", "python3"),
    ("openssl", "openssl"),
    ("taskset", "util-linux"),
    ("nginx", "nginx-light"),
    ("haproxy", "haproxy"),
    ("h2load", "nghttp2-client"),
];

/// All that the gateway promises figures for.
const WORK: &str = "h1-1k,h1-1m,post-1m,h2-1k,hs-full,hs-resume,ws-125,ws-16k,idle-ws,idle-http";

/// What `--work auth` is: small requests, each with a credential that was accepted before.
const AUTH: [&str; 4] = ["--work", "h1-1k", "--peers", "haproxy+jwt-es,nginx+basic,nginx+basic-sha512"];

/// A look at whether things still work, not a measurement.
const QUICK: [&str; 8] = ["--rounds", "2", "--secs", "1", "--wait", "0", "--idle-conns", "1000"];

/// Builds both sides, measures, prints the tables, and leaves the figures in `target/bench/gateway.json`.
/// `words` are the command line's: `--quick`, `--work auth`, and whatever the harness knows, such as
/// `--work h1-1k,ws-125`.
#[expect(clippy::print_stdout, reason = "where the figures lie is what this command says at its end")]
pub(crate) fn run(tree: &Tree, words: &[&str]) -> Result<(), String> {
    let missing = missing(on_path);
    if !missing.is_empty() {
        let packages = missing.join(" ");
        return Err(format!("the peers are not installed: apt-get install {packages} (RUNLEVEL=1 starts no services)"));
    }
    let gatepost = build::release(tree)?;
    let folder: PathBuf = tree.metadata(&["--no-deps".to_owned()])?.target_directory.join("bench").into();
    let load = load_generator(tree, &folder)?;
    let figures = folder.join("gateway.json");
    let mut harness = Command::new("python3");
    harness.arg(tree.path("benches/gateway/run")).arg("--gwload").arg(load).arg("--json").arg(&figures);
    harness.arg("--dir").arg(folder.join("gateway")).args(["--candidate", &candidate(&gatepost)]);
    if asks_for_auth(words) {
        for guarded in guarded(&tree.path("benches/gateway/guarded"), &gatepost) {
            harness.args(["--candidate", &guarded]);
        }
    }
    harness.args(arguments(words));
    let status = harness.status().map_err(|error| format!("benches/gateway/run: {error}"))?;
    if !status.success() {
        return Err(format!("benches/gateway/run: {status}"));
    }
    println!("\nfigures: {}", figures.display());
    Ok(())
}

/// The packages of the tools that `has` does not find.
fn missing(has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    TOOLS.iter().filter(|(tool, _)| !has(tool)).map(|(_, package)| *package).collect()
}

fn on_path(tool: &str) -> bool {
    // Debian keeps servers out of the path of those who are not root.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.into_iter().any(|folder: PathBuf| folder.join(tool).is_file())
}

/// One worker, no proof asked for, no log: what the peers do as well.
fn candidate(gatepost: &Path) -> String {
    format!(
        "gatepost={} serve --state {{dir}}/state --listen {{listen}} --upstream http://{{upstream}} \
         --cert {{cert}} --key {{key}} --workers 1 --danger-no-auth",
        gatepost.display()
    )
}

/// The same with a proof asked for on every request. The part behind the plus says which credential is sent.
fn guarded(script: &Path, gatepost: &Path) -> [String; 2] {
    let command = |name: &str, scheme: &str, more: &str| {
        format!(
            "gatepost+{name}=python3 {} {} --scheme {scheme} --dir {{dir}} --listen {{listen}} --upstream {{upstream}} \
             --cert {{cert}} --key {{key}}{more}",
            script.display(),
            gatepost.display()
        )
    };
    [command("jwt-es", "bearer", " --jwt-key {jwt_es_pub}"), command("basic", "basic", "")]
}

fn asks_for_auth(words: &[&str]) -> bool {
    words.windows(2).any(|pair| pair == ["--work", "auth"])
}

/// What the harness is told: `--quick` and `--work auth` in its own words, and all of the work unless some is named.
fn arguments<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    if !words.contains(&"--work") {
        all.extend(["--work", WORK]);
    }
    if words.contains(&"--quick") {
        all.extend(QUICK);
    }
    if asks_for_auth(words) {
        all.extend(AUTH);
    }
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if *word == "--work" && words.next_if(|next| **next == "auth").is_some() || *word == "--quick" {
            continue;
        }
        all.push(word);
    }
    all
}

/// The load generator is no part of the workspace: it has unsafe code, and no user ever runs it.
fn load_generator(tree: &Tree, folder: &Path) -> Result<PathBuf, String> {
    let target = folder.join("gwload");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(tree.path("benches/gateway/gwload/Cargo.toml"));
    let status = cargo.arg("--target-dir").arg(&target).status().map_err(|error| format!("cargo build: {error}"))?;
    if status.success() { Ok(target.join("release/gwload")) } else { Err(format!("cargo build of gwload: {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_harness_own() {
        assert_eq!(arguments(&[]), ["--work", WORK]);
        assert_eq!(arguments(&["--work", "h1-1k", "--rounds", "3"]), ["--work", "h1-1k", "--rounds", "3"]);
        let quick = arguments(&["--quick", "--work", "ws-125"]);
        assert_eq!(quick, [&QUICK[..], &["--work", "ws-125"]].concat());
        assert_eq!(arguments(&["--work", "auth", "--secs", "2"]), [&AUTH[..], &["--secs", "2"]].concat());
    }

    #[test]
    fn what_is_missing_is_named_by_its_package() {
        assert_eq!(missing(|_| true), [""; 0]);
        assert_eq!(missing(|tool| !["nginx", "h2load"].contains(&tool)), ["nginx-light", "nghttp2-client"]);
    }
}
