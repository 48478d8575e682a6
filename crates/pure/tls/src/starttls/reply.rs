//! Replies with a number, of one or many lines: SMTP (RFC 5321 §4.2) and FTP (RFC 959 §4.2).

use super::error::{StartTlsError, quoted};

/// Lines of one reply; the bound on all that is heard holds besides.
const MAX_LINES: usize = 256;

/// How the lines between the first and the last one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Each begins with the number.
    Smtp,
    /// They are any text.
    Ftp,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of each line that bears the number.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// The number and all the words, for an error.
    pub(super) fn words(&self) -> String {
        quoted(&format!("{} {}", self.code, self.lines.join(" ")))
    }
}

/// Collects a reply.
#[derive(Debug)]
pub(super) struct Collecting {
    protocol: &'static str,
    style: Style,
    begun: Option<Reply>,
    count: usize,
}

impl Collecting {
    pub(super) fn new(protocol: &'static str, style: Style) -> Self {
        Self { protocol, style, begun: None, count: 0 }
    }

    /// Takes the next line; gives the reply once it is whole.
    pub(super) fn line(&mut self, line: &str) -> Result<Option<Reply>, StartTlsError> {
        let broken = |detail: String| StartTlsError::Broken { protocol: self.protocol, detail };
        self.count = self.count.saturating_add(1);
        if self.count > MAX_LINES {
            return Err(broken(format!("a reply has more than {MAX_LINES} lines")));
        }
        let (code, is_last, text) = match (parse(line), &self.begun) {
            (Some((code, is_last, text)), Some(begun)) if begun.code == code => (code, is_last, text),
            (Some(parsed), None) => parsed,
            (_, Some(_)) if self.style == Style::Ftp => return Ok(None),
            _ => return Err(broken(format!("`{}` is no reply", quoted(line)))),
        };
        let mut reply = self.begun.take().unwrap_or(Reply { code, lines: Vec::new() });
        reply.lines.push(text.to_owned());
        if !is_last {
            self.begun = Some(reply);
            return Ok(None);
        }
        self.count = 0;
        Ok(Some(reply))
    }
}

/// The number, whether this is the last line, and the text.
fn parse(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = Some(code).filter(|code| code.bytes().all(|octet| octet.is_ascii_digit()))?.parse().ok()?;
    match rest.split_at_checked(1) {
        None => Some((code, true, "")),
        Some((" ", text)) => Some((code, true, text)),
        Some(("-", text)) => Some((code, false, text)),
        Some(_) => None,
    }
    .filter(|(code, ..)| (100..600).contains(code))
}
