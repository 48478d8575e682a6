//! The project's rules as programs: `cargo xtask test|check|deny|generate|bench`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]

mod bench;
mod check;
mod deny;
mod finding;
mod generate;
mod test;
mod tree;

use std::process::ExitCode;

use crate::finding::Finding;
use crate::tree::Tree;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test               everything that must be green: fmt, clippy, check, deny, generate --check, tests, docs, interop
  check              the arrows of crates/arrows.toml and the rules for files
  deny               licences, advisories, duplicate and refused crates, by deny.toml, without a network
  generate [--check] writes docs/book/src/reference/, or fails when it is stale
  bench [--cold]     start-up time, idle memory and size of the release build, and how long that takes from nothing
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => Tree::open().and_then(|tree| check::rules::run(&tree)).map(|found| report("check", &found)),
        ["deny"] => Tree::open().and_then(|tree| deny::rules::run(&tree)).map(|found| report("deny", &found)),
        ["generate"] => {
            Tree::open().and_then(|tree| generate::pages::write(&tree)).map(|found| report("generate", &found))
        }
        ["generate", "--check"] => Tree::open()
            .and_then(|tree| generate::pages::compare(&tree))
            .map(|found| report("generate --check", &found)),
        ["test"] => Tree::open().and_then(|tree| test::run::run(&tree)),
        ["bench"] => Tree::open().and_then(|tree| bench::figures::run(&tree, false)).map(|()| true),
        ["bench", "--cold"] => Tree::open().and_then(|tree| bench::figures::run(&tree, true)).map(|()| true),
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

/// Prints each finding on a line and whether there were none.
fn report(command: &str, found: &[Finding]) -> bool {
    for finding in found {
        println!("{finding}");
    }
    match found.len() {
        0 => println!("xtask {command}: nothing to complain about"),
        count => println!("xtask {command}: {count} found"),
    }
    found.is_empty()
}
