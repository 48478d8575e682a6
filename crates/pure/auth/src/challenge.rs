//! What the other end offers: the challenge grammar of RFC 9110 §11.3 and §11.6.1.

use std::fmt;

use http::HeaderValue;

use crate::error::AuthError;
use crate::grammar;

/// The most challenges that are read from one answer.
pub const MOST_CHALLENGES: usize = 16;

/// The most octets of challenge fields that are read from one answer.
pub const MOST_OCTETS: usize = 8 * 1024;

/// What a Digest challenge must not quote, and what it never does in the examples (RFC 7616 §3.3, §3.9.2).
const BARE_OF_DIGEST: [&str; 4] = ["algorithm", "stale", "charset", "userhash"];

/// One challenge (RFC 9110 §11.3).
///
/// ```
/// use gatepost_auth::challenge::Challenge;
///
/// let field = r#"Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple""#;
/// let parsed = Challenge::parse_all([field]);
/// assert_eq!(parsed.challenges[0].param("title"), Some(r#"Login to "apps""#));
/// assert_eq!(parsed.challenges[1], Challenge::new("Basic").with("realm", "simple"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme's name as written.
    pub scheme: String,
    /// `token68`, if the challenge has that form.
    pub token68: Option<String>,
    /// The parameters in order, names in lower case, values unquoted.
    pub params: Vec<(String, String)>,
}

/// What could be read from an answer's challenge fields, and what could not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The well-formed challenges, in the order of the fields.
    pub challenges: Vec<Challenge>,
    /// What was wrong with the others: [`AuthError::Malformed`], at most [`MOST_CHALLENGES`].
    pub faults: Vec<AuthError>,
}

impl Challenge {
    /// A challenge without parameters.
    #[must_use]
    pub fn new(scheme: impl Into<String>) -> Self {
        Self { scheme: scheme.into(), token68: None, params: Vec::new() }
    }

    /// Adds a parameter; its name is lower-cased.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Whether it is for this scheme. ASCII letters compare without case, all else exactly.
    #[must_use]
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of a parameter; names compare without case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads all challenges of an answer, given its challenge fields in order.
    ///
    /// A field may hold many challenges and a challenge many parameters, all parted by commas; no
    /// challenge goes on in the next field. A malformed challenge costs itself and nothing else.
    /// At most [`MOST_CHALLENGES`] of at most 32 parameters are read; a field that brings the sum
    /// above [`MOST_OCTETS`] is left out.
    pub fn parse_all<V: AsRef<[u8]>>(fields: impl IntoIterator<Item = V>) -> Parsed {
        let mut list = List::default();
        let mut left = MOST_OCTETS;
        for field in fields {
            let octets = field.as_ref();
            list.field = list.field.saturating_add(1);
            match left.checked_sub(octets.len()) {
                Some(rest) => {
                    left = rest;
                    list.read_field(octets);
                }
                None => list.fault(0, "the challenges are too long"),
            }
        }
        list.parsed
    }

    /// The field value that makes this challenge.
    ///
    /// # Errors
    /// [`AuthError::Setting`] if a name is no token or a value holds a control character.
    pub fn to_header_value(&self) -> Result<HeaderValue, AuthError> {
        let wrong =
            |detail: &str| AuthError::Setting { what: format!("the {} challenge", self.scheme), detail: detail.into() };
        if let Some(detail) = grammar::unprintable(&self.scheme, self.token68.as_deref(), &self.params) {
            return Err(wrong(detail));
        }
        HeaderValue::from_bytes(self.to_string().as_bytes()).map_err(|_| wrong("not a header field value"))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare: &[&str] = if self.is("Digest") { &BARE_OF_DIGEST } else { &[] };
        f.write_str(&grammar::print(&self.scheme, self.token68.as_deref(), &self.params, bare))
    }
}

/// The reader's state between two list elements.
#[derive(Default)]
struct List {
    parsed: Parsed,
    /// The current field, counted from 1.
    field: usize,
    /// The challenge that parameters are added to.
    open: Option<Challenge>,
    /// The challenge that parameters belong to had a fault: they go with it, without a word.
    lost: bool,
}

impl List {
    fn read_field(&mut self, field: &[u8]) {
        for (at, element) in grammar::elements(field) {
            if let Err(why) = self.read_element(element) {
                (self.open, self.lost) = (None, true);
                self.fault(at, why);
            }
        }
        self.close();
    }

    /// An element starts a challenge if white space and no `=` follows its first token; otherwise it
    /// is a parameter of the challenge before it (RFC 9110 §11.6.1 leaves this to the reader).
    fn read_element(&mut self, element: &[u8]) -> Result<(), &'static str> {
        let (name, rest) = grammar::split_token(element);
        let data = grammar::trim_start(rest);
        if name.is_empty() || (data.len() == rest.len() && !rest.is_empty() && !rest.starts_with(b"=")) {
            return Err("neither a scheme nor a parameter");
        }
        if data.starts_with(b"=") {
            if self.lost {
                return Ok(());
            }
            let open = self.open.as_mut().ok_or("a parameter without its challenge")?;
            if open.token68.is_some() {
                return Err("a parameter beside token68");
            }
            return grammar::add(&mut open.params, grammar::param(element)?);
        }
        self.close();
        if self.parsed.challenges.len() >= MOST_CHALLENGES {
            return Err("too many challenges");
        }
        let mut challenge = Challenge::new(grammar::text(name));
        if grammar::is_token68(data) {
            challenge.token68 = Some(grammar::text(data));
        } else if !data.is_empty() {
            grammar::add(&mut challenge.params, grammar::param(data)?)?;
        }
        self.open = Some(challenge);
        Ok(())
    }

    fn close(&mut self) {
        self.lost = false;
        self.parsed.challenges.extend(self.open.take());
    }

    fn fault(&mut self, at: usize, why: &str) {
        if self.parsed.faults.len() < MOST_CHALLENGES {
            let detail = format!("field {}, octet {at}: {why}", self.field);
            self.parsed.faults.push(AuthError::Malformed { scheme: "challenge", what: "list", detail });
        }
    }
}
