//! The project's rules as programs: `cargo xtask test|check|deny|generate|conformance|bench`.
#![expect(clippy::print_stderr, reason = "a command speaks to its terminal")]

mod bench;
mod check;
mod conformance;
mod deny;
mod finding;
mod generate;
mod test;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::finding::report;
use crate::tree::Tree;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test               everything that must be green: fmt, clippy, check, deny, generate --check, tests, docs, interop
  check              the arrows of crates/arrows.toml and the rules for files
  deny               licences, advisories, duplicate and refused crates, by deny.toml, without a network
  generate [--check] writes docs/book/src/reference/, or fails when it is stale
  conformance [quick|all]
                     Autobahn|Testsuite against our WebSocket server and client (tests/conformance/README.md)
  bench [--cold]     start-up time, idle memory and size of the release build, and how long that takes from nothing
  bench gateway [--quick] [--work LIST]
                     throughput, latency and memory beside nginx and HAProxy, one core each (benches/gateway/README.md);
                     `--work auth` is what a proof on every request costs
  bench ws [--quick] WebSocket echo beside other libraries, and what an idle connection weighs (benches/ws/README.md)
  bench slow         what a normal client feels beside slow ones, and when these are cut (benches/slow/README.md)
  bench corpus       tests/corpus through the gateway, nginx and HAProxy (benches/corpus/README.md)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => Tree::open().and_then(|tree| check::rules::run(&tree)).map(|found| report("check", &found)),
        ["deny"] => Tree::open().and_then(|tree| deny::rules::run(&tree)).map(|found| report("deny", &found)),
        ["generate"] => Tree::open()
            .and_then(|tree| generate::pages::write(&tree, binary()))
            .map(|found| report("generate", &found)),
        ["generate", "--check"] => Tree::open()
            .and_then(|tree| generate::pages::compare(&tree, binary()))
            .map(|found| report("generate --check", &found)),
        ["test"] => Tree::open().and_then(|tree| test::run::run(&tree)),
        ["conformance", words @ ..] => Tree::open().and_then(|tree| conformance::suite::run(&tree, words)),
        ["bench"] => Tree::open().and_then(|tree| bench::figures::run(&tree, false)).map(|()| true),
        ["bench", "--cold"] => Tree::open().and_then(|tree| bench::figures::run(&tree, true)).map(|()| true),
        ["bench", "gateway", words @ ..] => Tree::open().and_then(|tree| bench::road::run(&tree, words)).map(|()| true),
        ["bench", "ws", words @ ..] => Tree::open().and_then(|tree| bench::echo::run(&tree, words)),
        ["bench", name @ ("slow" | "corpus"), words @ ..] => {
            Tree::open().and_then(|tree| bench::script::run(&tree, name, words))
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The command whose help is the reference; built first where none is named.
fn binary() -> Option<PathBuf> {
    std::env::var_os("GATEPOST_BIN").map(PathBuf::from)
}
