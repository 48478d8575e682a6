//! The words of the command line.

use std::str::FromStr;

use crate::handshake::Deflate;

pub struct Words(Vec<String>);

impl Words {
    pub fn of_command_line() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    pub fn verb(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    pub fn name(&self) -> &str {
        self.0.get(1).map_or("", String::as_str)
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|one| one == word)
    }

    pub fn number<T: FromStr>(&self, word: &str) -> T {
        let value = self.value(word).unwrap_or_else(|| panic!("{word} is missing"));
        value.parse().unwrap_or_else(|_| panic!("{word} is no number: {value}"))
    }

    pub fn deflate(&self) -> Deflate {
        match self.value("--deflate") {
            None => Deflate::Off,
            Some("takeover") => Deflate::Takeover,
            Some("fresh") => Deflate::Fresh,
            Some(other) => panic!("--deflate takeover or fresh, not {other}"),
        }
    }

    fn value(&self, word: &str) -> Option<&str> {
        let at = self.0.iter().position(|one| one == word)?;
        self.0.get(at + 1).map(String::as_str)
    }
}
