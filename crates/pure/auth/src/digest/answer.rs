//! A client's Digest credentials (RFC 7616 §3.4).

use std::fmt;

use gatepost_model::secret::{Secret, same};
use http::HeaderValue;

use crate::credentials::Credentials;
use crate::digest::algorithm::Algorithm;
use crate::digest::computed::{Counted, Covered};
use crate::digest::name;
use crate::digest::qop::Qop;
use crate::error::AuthError;

/// What must not be quoted (RFC 7616 §3.4), and what no example quotes.
const BARE: [&str; 5] = ["algorithm", "qop", "nc", "userhash", "username*"];

const NAME: &str = "Digest";

/// One set of credentials. Its `Debug` shows nothing of the proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who proves.
    pub user: User,
    /// In which realm.
    pub realm: String,
    /// With which nonce of the server's.
    pub nonce: String,
    /// For which target, as the client has written it.
    pub uri: String,
    /// How it is computed; `None` if that is not known here.
    pub algorithm: Option<Algorithm>,
    /// The algorithm as written, if it was.
    pub spelling: Option<String>,
    /// The proof, in hexadecimal digits.
    pub response: String,
    /// What the server gave for it to come back.
    pub opaque: Option<String>,
    /// What RFC 2617 added; `None` is RFC 2069's form.
    pub count: Option<Count>,
}

/// How a client names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// By name, in a quoted string.
    Plain(String),
    /// By a name that goes out as `username*`, since it is not ASCII.
    Extended(String),
    /// By the digest of name and realm, in hexadecimal digits (RFC 7616 §3.4.4).
    Hashed(String),
}

/// The nonce's use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What is covered; `None` if that is not known here.
    pub qop: Option<Qop>,
    /// The client's nonce.
    pub cnonce: String,
    /// How often the nonce was used, as it is hashed: eight digits.
    pub nc: String,
    /// The same as a number: 1 for the first.
    pub number: u32,
}

impl Count {
    /// The use of this number.
    #[must_use]
    pub fn new(qop: Qop, cnonce: String, number: u32) -> Self {
        Self { qop: Some(qop), cnonce, nc: format!("{number:08x}"), number }
    }
}

impl Answer {
    /// Reads credentials.
    ///
    /// # Errors
    /// [`AuthError::Malformed`] if something is missing, comes in two forms, or is no number where one is due.
    pub fn parse(credentials: &Credentials) -> Result<Self, AuthError> {
        let wanted =
            |name: &str| credentials.param(name).map(str::to_owned).ok_or_else(|| malformed(&format!("no {name}")));
        let spelling = credentials.param("algorithm").map(str::to_owned);
        Ok(Self {
            user: User::parse(credentials)?,
            realm: wanted("realm")?,
            nonce: wanted("nonce")?,
            uri: wanted("uri")?,
            algorithm: spelling.as_deref().map_or(Some(Algorithm::DEFAULT), Algorithm::by_name),
            spelling,
            response: wanted("response")?,
            opaque: credentials.param("opaque").map(str::to_owned),
            count: match credentials.param("qop") {
                Some(qop) => Some(Count::parse(Qop::by_name(qop), wanted("cnonce")?, wanted("nc")?)?),
                // A client that counts and does not say what it covers is none that we know how to read.
                None if credentials.param("nc").is_some() => return Err(malformed("nc without qop")),
                None => None,
            },
        })
    }

    /// What the proof covers, for a request with this method and, where that is covered, with a body of this digest.
    /// `None` if it is made in a way that is not known here.
    #[must_use]
    pub fn covered<'a>(&'a self, method: &'a str, body: &'a [u8]) -> Option<Covered<'a>> {
        let counted = match &self.count {
            Some(Count { qop, cnonce, nc, .. }) => Some(Counted { cnonce, nc, qop: (*qop)?, body }),
            None => None,
        };
        Some(Covered { algorithm: self.algorithm?, nonce: &self.nonce, counted, method, uri: &self.uri })
    }

    /// Whether this is the proof of who has this H(A1). The time does not tell how much of it is right.
    #[must_use]
    pub fn is_of(&self, ha1: &Secret, method: &str, body: &[u8]) -> bool {
        let expected = self.covered(method, body).map(|covered| covered.response(ha1));
        // Digits are lower-case (RFC 7616 §3.4.1); upper case says the same.
        expected.is_some_and(|expected| same(expected.as_bytes(), self.response.to_ascii_lowercase().as_bytes()))
    }

    /// The field value, marked sensitive.
    ///
    /// # Errors
    /// [`AuthError::Unsuitable`] if the user's name or what the server gave cannot stand in a field.
    pub fn to_header_value(&self) -> Result<HeaderValue, AuthError> {
        let (username, user, hashed) = match &self.user {
            User::Plain(name) => ("username", name.clone(), false),
            User::Extended(name) => ("username*", name::encode(name), false),
            User::Hashed(digits) => ("username", digits.clone(), true),
        };
        let mut params = vec![(username, user), ("realm", self.realm.clone()), ("uri", self.uri.clone())];
        params.extend(self.spelling.iter().map(|spelling| ("algorithm", spelling.clone())));
        params.push(("nonce", self.nonce.clone()));
        if let Some(count) = &self.count {
            params.extend([("nc", count.nc.clone()), ("cnonce", count.cnonce.clone())]);
            params.extend(count.qop.iter().map(|qop| ("qop", qop.name().to_owned())));
        }
        params.push(("response", self.response.clone()));
        params.extend(self.opaque.iter().map(|opaque| ("opaque", opaque.clone())));
        params.extend(hashed.then(|| ("userhash", "true".to_owned())));
        let params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Credentials { scheme: NAME.into(), token68: None, params }.print(NAME, &BARE)
    }
}

impl User {
    /// RFC 7616 §3.4: one of `username` and `username*`, and the second not with `userhash`.
    fn parse(credentials: &Credentials) -> Result<Self, AuthError> {
        let hashed = credentials.param("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        match (credentials.param("username"), credentials.param("username*")) {
            (Some(digits), None) if hashed => Ok(Self::Hashed(digits.to_ascii_lowercase())),
            (Some(name), None) => Ok(Self::Plain(name.to_owned())),
            (None, Some(value)) if !hashed => {
                name::decode(value).map(Self::Extended).ok_or_else(|| malformed("a username* that is not UTF-8''…"))
            }
            (None, None) => Err(malformed("no username")),
            _ => Err(malformed("two forms of username")),
        }
    }
}

impl Count {
    fn parse(qop: Option<Qop>, cnonce: String, nc: String) -> Result<Self, AuthError> {
        let digits = nc.len() == 8 && nc.bytes().all(|octet| octet.is_ascii_hexdigit());
        let number = u32::from_str_radix(&nc, 16).ok().filter(|number| digits && *number > 0);
        let number = number.ok_or_else(|| malformed("an nc that is not eight hexadecimal digits, or nought"))?;
        if cnonce.is_empty() {
            return Err(malformed("an empty cnonce"));
        }
        Ok(Self { qop, cnonce, nc, number })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("realm", &self.realm).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn malformed(detail: &str) -> AuthError {
    AuthError::Malformed { scheme: NAME, what: "credentials", detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Answer, AuthError> {
        Answer::parse(&Credentials::parse(line.as_bytes(), NAME).unwrap())
    }

    #[test]
    fn what_is_written_is_read_and_quoted_as_the_rfc_has_it() {
        let lines = [
            r#"Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, nonce="7ypf", nc=00000001, cnonce="f2/w", qop=auth, response="7539", opaque="FQhe""#,
            r#"Digest username="488869477bf2", realm="api@example.org", uri="/doe.json", algorithm=SHA-512-256, nonce="5TsQ", nc=0000000a, cnonce="NTg6", qop=auth-int, response="ae66", opaque="HRPC", userhash=true"#,
            r#"Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm="a \"b\" \\", uri="/?q=\"", nonce="", response="""#,
        ];
        for line in lines {
            let answer = parse(line).unwrap();
            let value = answer.to_header_value().unwrap();
            assert!(value.is_sensitive());
            assert_eq!(value.to_str().unwrap(), line);
        }
        assert_eq!(parse(lines[2]).unwrap().user, User::Extended("Jäsøn Doe".into()));
        assert_eq!(parse(lines[1]).unwrap().count.unwrap().number, 10);
    }

    #[test]
    fn what_is_missing_or_said_twice_is_malformed() {
        let whole = [
            r#"username="a""#,
            r#"realm="r""#,
            r#"nonce="n""#,
            r#"uri="/""#,
            r#"response="0""#,
            "qop=auth",
            r#"cnonce="c""#,
            "nc=00000001",
        ];
        let without = |left_out: usize, more: &str| {
            let kept: Vec<&str> =
                whole.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, text)| *text).collect();
            parse(&format!("Digest {}{more}", kept.join(", "))).map(|_| ()).map_err(|error| error.to_string())
        };
        let told = |detail: &str| Err(format!("malformed Digest credentials: {detail}"));
        let nc = told("an nc that is not eight hexadecimal digits, or nought");
        let table = [
            (99, "", Ok(())),
            (0, "", told("no username")),
            (1, "", told("no realm")),
            (2, "", told("no nonce")),
            (3, "", told("no uri")),
            (4, "", told("no response")),
            (5, "", told("nc without qop")),
            (6, "", told("no cnonce")),
            (6, r#", cnonce="""#, told("an empty cnonce")),
            (7, "", told("no nc")),
            (7, ", nc=00000000", nc.clone()),
            (7, ", nc=1", nc.clone()),
            (7, ", nc=+0000001", nc.clone()),
            (7, ", nc=000000001", nc),
            (7, r#", nc="0000000A""#, Ok(())),
            (99, ", username*=UTF-8''a", told("two forms of username")),
            (0, ", username*=UTF-8''a, userhash=true", told("two forms of username")),
            (0, ", username*=UTF-8''%E4", told("a username* that is not UTF-8''…")),
        ];
        for (left_out, more, expected) in table {
            assert_eq!(without(left_out, more), expected, "{left_out} {more}");
        }
    }
}
