//! The netrc file: logins by host, in curl's grammar. Nothing is read or sent here.
//!
//! Words between white space; a word in double quotes may hold white space, `\"`, `\\`, `\n`, `\r` and `\t`. `machine NAME`
//! or `default` begins an entry; `login`, `password` and `account` belong to it; `macdef` and all that follows to the next empty
//! line is passed over, and so is a line that begins with `#`.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use gatepost_model::credential::Credential;
use gatepost_model::scope::Scope;
use gatepost_model::secret::Secret;
use gatepost_model::url::Url;

/// The most that a file may hold.
pub const MOST_OCTETS: usize = 128 * 1024;
/// The longest word.
const LONGEST_WORD: usize = 4096;
/// The most entries.
const MOST_ENTRIES: usize = 10_000;

/// A netrc file that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
}

/// The login of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The host; `None` for `default`, which is for every host that has no entry before it.
    pub machine: Option<String>,
    /// The user.
    pub login: String,
    /// The password.
    pub password: Secret,
    /// The line that it begins at, counted from 1.
    pub line: usize,
}

/// Why a netrc file cannot be read. It says nothing of what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetrcError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub detail: &'static str,
}

impl fmt::Display for NetrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.detail)
    }
}

impl std::error::Error for NetrcError {}

impl Netrc {
    /// Reads the text of a file. An entry without a password is passed over.
    ///
    /// # Errors
    /// [`NetrcError`] at the first line that cannot be meant.
    pub fn parse(text: &str) -> Result<Self, NetrcError> {
        if text.len() > MOST_OCTETS {
            return Err(NetrcError { line: 1, detail: "a netrc file has at most 128 KiB" });
        }
        let mut words = Words { chars: text.chars().peekable(), line: 1, starts_line: true };
        let (mut entries, mut begun): (Vec<Entry>, Option<Draft>) = (Vec::new(), None);
        while let Some(word) = words.next()? {
            let line = words.line;
            match text_of(&word) {
                "machine" => {
                    let machine = Some(text_of(&words.value("`machine` without a name")?).to_owned());
                    keep(begun.replace(Draft::new(machine, line)), &mut entries)?;
                }
                "default" => keep(begun.replace(Draft::new(None, line)), &mut entries)?,
                "macdef" => words.skip_macro(),
                word @ ("login" | "password" | "account") => {
                    let value = words.value("a word without its value")?;
                    let outside = NetrcError { line, detail: "it belongs to no `machine`" };
                    begun.as_mut().ok_or(outside)?.set(word, &value);
                }
                _ => return Err(NetrcError { line, detail: "a word that means nothing here" }),
            }
        }
        keep(begun, &mut entries)?;
        Ok(Self { entries })
    }

    /// The entries, in their order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The first entry for this host, of this user if one is named; names of hosts compare without case.
    #[must_use]
    pub fn entry(&self, host: &str, user: Option<&str>) -> Option<&Entry> {
        let of_host = |entry: &&Entry| entry.machine.as_ref().is_none_or(|machine| same_host(machine, host));
        self.entries.iter().filter(of_host).find(|entry| user.is_none_or(|user| entry.login == user))
    }

    /// The login for this address, kept for its origin and nowhere else.
    #[must_use]
    pub fn credential(&self, url: &Url, user: Option<&str>) -> Option<Credential> {
        let origin = url.origin();
        let entry = self.entry(origin.host(), user)?;
        Some(Credential::login(entry.login.as_str(), entry.password.clone()).within(Scope::of(origin)))
    }
}

/// Whether a name in the file is this host of a URL; an IPv6 address may stand there without brackets.
fn same_host(machine: &str, host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    machine.eq_ignore_ascii_case(host) || machine.eq_ignore_ascii_case(bare)
}

/// A word as text, which it was made of.
fn text_of(word: &Secret) -> &str {
    word.reveal_text().unwrap_or_default()
}

/// Room for a word that never has to move: what moves leaves a copy behind that nobody wipes.
fn roomy() -> String {
    String::with_capacity(LONGEST_WORD)
}

/// An entry that is not at its end.
struct Draft {
    machine: Option<String>,
    login: String,
    password: Option<Secret>,
    line: usize,
}

impl Draft {
    fn new(machine: Option<String>, line: usize) -> Self {
        Self { machine, login: String::new(), password: None, line }
    }

    fn set(&mut self, word: &str, value: &Secret) {
        match word {
            "login" => self.login = text_of(value).to_owned(),
            "password" => self.password = Some(Secret::from(text_of(value))),
            // An account is for FTP.
            _ => {}
        }
    }
}

fn keep(draft: Option<Draft>, entries: &mut Vec<Entry>) -> Result<(), NetrcError> {
    let Some(Draft { machine, login, password: Some(password), line }) = draft else {
        return Ok(());
    };
    if entries.len() >= MOST_ENTRIES {
        return Err(NetrcError { line, detail: "more than 10,000 entries" });
    }
    entries.push(Entry { machine, login, password, line });
    Ok(())
}

/// The words of a file.
struct Words<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    starts_line: bool,
}

impl Words<'_> {
    /// The next word; its line is `self.line` then.
    fn next(&mut self) -> Result<Option<Secret>, NetrcError> {
        loop {
            match self.chars.peek().copied() {
                None => return Ok(None),
                Some('#') if self.starts_line => self.skip_line(),
                Some(c) if c.is_ascii_whitespace() => self.step(c),
                Some('"') => return self.quoted().map(Some),
                Some(_) => return self.bare().map(Some),
            }
        }
    }

    /// The value that belongs to a word.
    fn value(&mut self, missing: &'static str) -> Result<Secret, NetrcError> {
        let line = self.line;
        self.next()?.ok_or(NetrcError { line, detail: missing })
    }

    fn step(&mut self, c: char) {
        self.chars.next();
        if c == '\n' {
            self.line += 1;
            self.starts_line = true;
        }
    }

    fn skip_line(&mut self) {
        while let Some(c) = self.chars.peek().copied() {
            self.step(c);
            if c == '\n' {
                return;
            }
        }
    }

    /// A macro goes to the next empty line.
    fn skip_macro(&mut self) {
        self.skip_line();
        while let Some(first) = self.chars.peek().copied() {
            let empty = matches!(first, '\n' | '\r');
            self.skip_line();
            if empty {
                return;
            }
        }
    }

    fn bare(&mut self) -> Result<Secret, NetrcError> {
        let mut word = roomy();
        while let Some(c) = self.chars.next_if(|c| !c.is_ascii_whitespace()) {
            self.push(&mut word, c)?;
        }
        Ok(Secret::from(word))
    }

    fn quoted(&mut self) -> Result<Secret, NetrcError> {
        let open = NetrcError { line: self.line, detail: "a quote that is not closed" };
        self.chars.next();
        let mut word = roomy();
        loop {
            let c = match self.chars.next().ok_or(open)? {
                '"' => return Ok(Secret::from(word)),
                '\\' => match self.chars.next().ok_or(open)? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                },
                '\n' => return Err(open),
                other => other,
            };
            self.push(&mut word, c)?;
        }
    }

    fn push(&mut self, word: &mut String, c: char) -> Result<(), NetrcError> {
        self.starts_line = false;
        if word.len() + c.len_utf8() > LONGEST_WORD {
            return Err(NetrcError { line: self.line, detail: "a word of more than 4 KiB" });
        }
        word.push(c);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(machine: Option<&str>, login: &str, password: &str, line: usize) -> Entry {
        let (machine, login) = (machine.map(str::to_owned), login.to_owned());
        Entry { machine, login, password: Secret::from(password), line }
    }

    #[test]
    fn the_grammar() {
        let table = [
            ("", vec![]),
            ("machine h login ali password hunter2", vec![entry(Some("h"), "ali", "hunter2", 1)]),
            ("machine h\n\tlogin ali\r\n\tpassword hunter2\n", vec![entry(Some("h"), "ali", "hunter2", 1)]),
            ("machine h password hunter2", vec![entry(Some("h"), "", "hunter2", 1)]),
            ("machine h login ali", vec![]),
            ("machine h login a account x password p", vec![entry(Some("h"), "a", "p", 1)]),
            (r#"machine h login "a b" password "x\"y\\z\tq\n""#, vec![entry(Some("h"), "a b", "x\"y\\z\tq\n", 1)]),
            (r#"machine h login a password """#, vec![entry(Some("h"), "a", "", 1)]),
            ("# a word\n  # machine x\nmachine h login a password #1", vec![entry(Some("h"), "a", "#1", 3)]),
            (
                "machine h login a password p\nmacdef init\ncd /pub\nmachine x\n\nmachine i login b password q",
                vec![entry(Some("h"), "a", "p", 1), entry(Some("i"), "b", "q", 6)],
            ),
            ("default login d password e", vec![entry(None, "d", "e", 1)]),
            ("machine login login password password password", vec![entry(Some("login"), "password", "password", 1)]),
        ];
        for (text, entries) in table {
            assert_eq!(Netrc::parse(text), Ok(Netrc { entries }), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_by_its_line_and_nothing_else() {
        let long = format!("machine h\npassword {}", "x".repeat(5000));
        let table = [
            ("machine", 1, "`machine` without a name"),
            ("machine h\nlogin", 2, "a word without its value"),
            ("login a", 1, "it belongs to no `machine`"),
            ("machine h hunter2", 1, "a word that means nothing here"),
            ("machine h\npassword \"hunter2", 2, "a quote that is not closed"),
            ("machine h\npassword \"hunter2\n\"", 2, "a quote that is not closed"),
            (&long, 2, "a word of more than 4 KiB"),
        ];
        for (text, line, detail) in table {
            assert_eq!(Netrc::parse(text), Err(NetrcError { line, detail }), "{text}");
        }
    }

    #[test]
    fn the_first_that_fits_is_taken() {
        let text = "machine a login one password 1 machine a login two password 2 \
                    default login three password 3 machine b login four password 4 machine ::1 login five password 5";
        let netrc = Netrc::parse(text).unwrap();
        let found = |host: &str, user: Option<&str>| netrc.entry(host, user).map(|entry| entry.login.clone());
        let table = [
            ("a", None, Some("one")),
            ("A", Some("two"), Some("two")),
            ("b", None, Some("three")),
            ("b", Some("four"), Some("four")),
            ("a", Some("four"), None),
            ("[::1]", Some("five"), Some("five")),
            ("a.evil", Some("one"), None),
        ];
        for (host, user, login) in table {
            assert_eq!(found(host, user).as_deref(), login, "{host} {user:?}");
        }
        let url = Url::parse("https://a:8443/x").unwrap();
        let credential = netrc.credential(&url, None).unwrap();
        assert_eq!(credential.scope, Some(Scope::of(url.origin())));
        assert!(!format!("{netrc:?}").contains("\"1\""));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(machine|login|password|default|macdef|\"|\\\\|#|\n| |x){0,40}") {
            let _ = Netrc::parse(&text);
        }
    }
}
