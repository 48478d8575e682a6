//! What can be typed in a session: text to send, or a command behind a slash.

use std::path::PathBuf;

use crate::ws::hex;
use crate::ws::said::{NORMAL, Said};

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Say this.
    Say(Said),
    /// Send a file, as text or as octets.
    File { path: PathBuf, binary: bool },
    /// Show the fields of the handshake.
    Headers,
    /// Show who we are to the server, and how the connection is secured.
    Auth,
    /// Write what was said so far to a file.
    Save(PathBuf),
    /// Show the commands.
    Help,
    /// Nothing was typed.
    Nothing,
}

/// A command: its name, what it takes, what it does.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) takes: &'static str,
    pub(crate) does: &'static str,
}

/// Every command, in the order of the help.
pub(crate) const ALL: [Command; 10] = [
    Command { name: "/send", takes: "TEXT or @FILE", does: "send a text message (a line without a slash is one, too)" },
    Command { name: "/binary", takes: "HEX or @FILE", does: "send a binary message, as in /binary 00 ff" },
    Command { name: "/frame", takes: "TEXT", does: "send a part of a message; the next message ends it" },
    Command { name: "/ping", takes: "[TEXT]", does: "send a ping" },
    Command { name: "/pong", takes: "[TEXT]", does: "send a pong that nobody asked for" },
    Command { name: "/close", takes: "[CODE [REASON]]", does: "close, with 1000 if no code is given" },
    Command { name: "/headers", takes: "", does: "show the fields of the handshake" },
    Command { name: "/auth", takes: "", does: "show how this connection is secured and proved" },
    Command { name: "/save", takes: "FILE", does: "write what was said so far (.har, .ndjson)" },
    Command { name: "/help", takes: "", does: "show this; // begins a message with a slash" },
];

/// Longest payload of a control frame. RFC 6455 §5.5
const CONTROL: usize = 125;

/// Reads a line. The error says what is wrong with it, and how it is written.
pub(crate) fn parse(line: &str) -> Result<Typed, String> {
    if line.is_empty() {
        return Ok(Typed::Nothing);
    }
    if let Some(text) = line.strip_prefix('/').filter(|text| text.starts_with('/')) {
        return Ok(Typed::Say(Said::Text(text.to_owned())));
    }
    if !line.starts_with('/') {
        return Ok(Typed::Say(Said::Text(line.to_owned())));
    }
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    match name {
        "/send" => match rest.strip_prefix('@') {
            Some(path) => Ok(Typed::File { path: path.trim().into(), binary: false }),
            None => Ok(Typed::Say(Said::Text(rest.to_owned()))),
        },
        "/binary" => match rest.strip_prefix('@') {
            Some(path) => Ok(Typed::File { path: path.trim().into(), binary: true }),
            None => hex::parse(rest).map(|octets| Typed::Say(Said::Binary(octets))).map_err(|(_, detail)| detail),
        },
        "/frame" => Ok(Typed::Say(Said::Fragment(rest.to_owned()))),
        "/ping" => control(rest).map(|payload| Typed::Say(Said::Ping(payload))),
        "/pong" => control(rest).map(|payload| Typed::Say(Said::Pong(payload))),
        "/close" => close(rest),
        "/headers" => Ok(Typed::Headers),
        "/auth" => Ok(Typed::Auth),
        "/save" if rest.trim().is_empty() => Err("say where to, as in `/save talk.har`".into()),
        "/save" => Ok(Typed::Save(rest.trim().into())),
        "/help" | "/?" => Ok(Typed::Help),
        _ => Err(format!("there is no `{name}`: /help shows what there is; // begins a message with a slash")),
    }
}

fn control(text: &str) -> Result<Vec<u8>, String> {
    if text.len() > CONTROL {
        return Err(format!("at most {CONTROL} octets fit, and these are {}", text.len()));
    }
    Ok(text.as_bytes().to_vec())
}

fn close(rest: &str) -> Result<Typed, String> {
    let (code, reason) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    if code.is_empty() {
        return Ok(Typed::Say(Said::close(NORMAL, "")));
    }
    let code: u16 = code.parse().map_err(|_| format!("`{code}` is no code: /close 4000 why"))?;
    sendable(code)?;
    let reason = reason.trim();
    // RFC 6455 §5.5.1: the code takes two of the 125 octets.
    if reason.len() > CONTROL - 2 {
        return Err(format!("a reason has at most {} octets, and this one {}", CONTROL - 2, reason.len()));
    }
    Ok(Typed::Say(Said::close(code, reason)))
}

/// Whether a code may be sent. RFC 6455 §7.4: 1004 to 1006 and 1015 mean something that is never sent.
pub(crate) fn sendable(code: u16) -> Result<(), String> {
    match code {
        1004..=1006 | 1015 => Err(format!("{code} is never sent: it stands for what happened without a code")),
        1000..=1014 | 3000..=4999 => Ok(()),
        _ => Err(format!("{code} is no code that may be sent: 1000 to 1014, 3000 to 4999")),
    }
}

/// The help, a line for each command.
pub(crate) fn help() -> String {
    let width = ALL.iter().map(|command| command.name.len() + command.takes.len() + 1).max().unwrap_or(0);
    let line = |command: &Command| {
        let usage = format!("{} {}", command.name, command.takes);
        format!("{usage:width$}  {}\n", command.does)
    };
    ALL.iter().map(line).collect::<String>() + "Ctrl-D or Ctrl-C closes and ends."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_typed() {
        let text = |text: &str| Typed::Say(Said::Text(text.into()));
        let table = [
            ("", Typed::Nothing),
            ("hello there", text("hello there")),
            ("//x", text("/x")),
            ("/send  /x", text(" /x")),
            ("/send @a b.txt", Typed::File { path: "a b.txt".into(), binary: false }),
            ("/binary 00 ff", Typed::Say(Said::Binary(vec![0, 255]))),
            ("/binary @x", Typed::File { path: "x".into(), binary: true }),
            ("/frame part ", Typed::Say(Said::Fragment("part ".into()))),
            ("/ping", Typed::Say(Said::Ping(vec![]))),
            ("/pong a b", Typed::Say(Said::Pong(b"a b".to_vec()))),
            ("/close", Typed::Say(Said::close(1000, ""))),
            ("/close 4000 good bye", Typed::Say(Said::close(4000, "good bye"))),
            ("/headers", Typed::Headers),
            ("/auth", Typed::Auth),
            ("/save a.har", Typed::Save("a.har".into())),
            ("/help", Typed::Help),
        ];
        for (line, expected) in table {
            assert_eq!(parse(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_cannot() {
        let long = format!("/ping {}", "x".repeat(126));
        for line in ["/nope", "/binary 0", "/close x", "/close 1005", "/close 2000", "/close 999", "/save", &long] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_has_every_command() {
        let help = help();
        for command in ALL {
            assert!(help.contains(command.name) && help.contains(command.does), "{}", command.name);
            assert_ne!(parse(command.name).ok(), Some(Typed::Say(Said::Text(command.name.into()))));
        }
    }
}
