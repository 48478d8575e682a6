//! A bench with certificates on it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::process::Output;
use std::time::Duration;

use gatepost::model::secret::Secret;
use gatepost::tls::issue::{Authority, Issued};
use gatepost::tls::pem;
use serde_json::Value;

use crate::bench::Bench;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// A bench with certificates: `a.pem` (for a.test) and `b.pem` (for b.test), each with its key in it.
pub(crate) struct Desk {
    pub(crate) bench: Bench,
    pub(crate) authority: Authority,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let authority = Authority::create("Desk", gatepost::clock::now() - DAY, 100 * DAY).unwrap();
        let desk = Self { bench: Bench::new(), authority };
        desk.write("a.pem", &desk.issue("a.test"));
        desk.write("b.pem", &desk.issue("b.test"));
        desk
    }

    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.authority.issue_server(&[name.to_owned()], gatepost::clock::now(), 50 * DAY).unwrap()
    }

    pub(crate) fn write(&self, file: &str, issued: &Issued) {
        self.bench.write(file, &both(&issued.chain, &issued.key));
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.bench.gatepost(arguments).output().unwrap()
    }

    /// The exit code, and what was said on stderr.
    pub(crate) fn tell(&self, arguments: &str) -> (Option<i32>, String) {
        let output = self.run(arguments);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    pub(crate) fn good(&self, arguments: &str) {
        let (code, said) = self.tell(arguments);
        assert_eq!(code, Some(0), "{arguments}: {said}");
    }

    pub(crate) fn json(&self, arguments: &str) -> Value {
        let output = self.run(&format!("{arguments} --json"));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments}: {output:?}"))
    }

    pub(crate) fn hash(&self, file: &str, kind: &str) -> String {
        self.json(&format!("cert show {file}"))[kind].as_str().unwrap().to_owned()
    }
}

pub(crate) fn both(chain: &[Vec<u8>], key: &Secret) -> String {
    let chain: String = chain.iter().map(|der| pem::certificate_pem(der)).collect();
    chain + pem::key_pem(key).reveal_text().unwrap()
}

pub(crate) fn text(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}
