//! The page of the command line: what `gatepost --help` says, verb by verb.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tree::Tree;

/// The page. `binary` is the built command; without one it is built first.
pub(crate) fn page(tree: &Tree, binary: Option<PathBuf>) -> Result<String, String> {
    let binary = match binary {
        Some(binary) => binary,
        None => build(tree)?,
    };
    let mut text = String::from("# The `gatepost` command\n");
    let mut todo = vec![Vec::new()];
    while let Some(verbs) = todo.pop() {
        let help = help(&binary, &verbs)?;
        let title = [&["gatepost".to_owned()], verbs.as_slice()].concat().join(" ");
        text.push_str(&format!("\n{} `{title}`\n\n```text\n{}\n```\n", heading(&verbs), help.trim_end()));
        // The stack gives back the last first.
        todo.extend(below(&help).into_iter().rev().map(|verb| [verbs.as_slice(), &[verb]].concat()));
    }
    Ok(text)
}

fn heading(verbs: &[String]) -> &'static str {
    match verbs.len() {
        0 | 1 => "##",
        _ => "###",
    }
}

fn build(tree: &Tree) -> Result<PathBuf, String> {
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--package", "gatepost-cli"])
        .current_dir(&tree.root)
        .status()
        .map_err(|error| format!("cargo build: {error}"))?;
    if !built.success() {
        return Err("the gatepost command does not build".to_owned());
    }
    Ok(tree.metadata(&["--no-deps".to_owned()])?.target_directory.join("debug/gatepost").into())
}

/// What a verb's `--help` prints, the same on every machine: no terminal, a fixed width, no settings around.
fn help(binary: &Path, verbs: &[String]) -> Result<String, String> {
    let mut command = Command::new(binary);
    command.args(verbs).arg("--help").env("COLUMNS", "100").env("HOME", "~").stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("GATEPOST_") || name.starts_with("XDG_") {
            command.env_remove(name);
        }
    }
    let output = command.output().map_err(|error| format!("{}: {error}", binary.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    match output.status.success() && !text.trim().is_empty() {
        true => Ok(lines.join("\n")),
        false => Err(format!("`gatepost {}` prints no help", [verbs, &["--help".to_owned()]].concat().join(" "))),
    }
}

/// The verbs in the `Commands:` section of a help text.
fn below(help: &str) -> Vec<String> {
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    section
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_read_from_the_help() {
        let help = "Guards.\n\nUsage: gatepost <COMMAND>\n\nCommands:\n  serve  Guards a\n         service\n  get    Gets\n  \
                    help   Print this\n\nOptions:\n  -h, --help  Print help\n";
        assert_eq!(below(help), ["serve", "get"]);
        assert_eq!(below("Usage: gatepost serve\n\nOptions:\n  -h\n"), [""; 0]);
    }
}
