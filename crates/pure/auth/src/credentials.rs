//! What the other end shows: the credentials grammar of RFC 9110 §11.4.

use std::fmt;

use gatepost_model::head::RequestHead;
use gatepost_model::secret::Secret;
use http::HeaderValue;

use crate::error::AuthError;
use crate::grammar;

/// The most octets of credentials that are read: a Kerberos ticket with its groups needs that much.
pub const MOST_OCTETS: usize = 64 * 1024;

/// The value of an `Authorization` or `Proxy-Authorization` field. Its `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The scheme's name as written.
    pub scheme: String,
    /// `token68`, if the credentials have that form.
    pub token68: Option<Secret>,
    /// The parameters in order, values unquoted. Names that were read are in lower case; names that
    /// are to be written go out as they are.
    pub params: Vec<(String, String)>,
}

impl Credentials {
    /// The credentials for `scheme` in this request: `Ok(None)` if there are none, or if they are
    /// for another scheme, however those look.
    ///
    /// # Errors
    /// [`AuthError::Malformed`] if they do not follow the grammar, or if more than one field came:
    /// the field is no list (RFC 9110 §11.6.2), and two readers could choose differently.
    pub fn of(request: &RequestHead<'_>, scheme: &'static str) -> Result<Option<Self>, AuthError> {
        let mut fields = request.headers.get_all(request.party.answer_field()).iter();
        let Some(field) = fields.next() else {
            return Ok(None);
        };
        if fields.next().is_some() {
            return Err(malformed(scheme, "more than one field"));
        }
        let (name, _) = grammar::split_token(grammar::trim(field.as_bytes()));
        if !name.eq_ignore_ascii_case(scheme.as_bytes()) {
            return Ok(None);
        }
        Self::parse(field.as_bytes(), scheme).map(Some)
    }

    /// Reads one set of credentials. `scheme` is whom an error names.
    ///
    /// # Errors
    /// [`AuthError::Malformed`].
    pub fn parse(field: &[u8], scheme: &'static str) -> Result<Self, AuthError> {
        if field.len() > MOST_OCTETS {
            return Err(malformed(scheme, "too long"));
        }
        let (name, rest) = grammar::split_token(grammar::trim(field));
        let data = grammar::trim_start(rest);
        if name.is_empty() || (data.len() == rest.len() && !rest.is_empty()) {
            return Err(malformed(scheme, "no scheme"));
        }
        let mut credentials = Self { scheme: grammar::text(name), token68: None, params: Vec::new() };
        if grammar::is_token68(data) {
            credentials.token68 = Some(Secret::new(data.to_vec()));
            return Ok(credentials);
        }
        for (_, element) in grammar::elements(data) {
            grammar::param(element)
                .and_then(|param| grammar::add(&mut credentials.params, param))
                .map_err(|why| malformed(scheme, why))?;
        }
        Ok(credentials)
    }

    /// The value of a parameter; names compare without case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The field value, marked sensitive. Parameters are quoted.
    ///
    /// # Errors
    /// [`AuthError::Unsuitable`] if a value holds a control character or a name is no token; the
    /// error names `scheme`.
    pub fn to_header_value(&self, scheme: &'static str) -> Result<HeaderValue, AuthError> {
        self.print(scheme, &[])
    }

    /// The same, with the values of the `bare` parameters unquoted.
    pub(crate) fn print(&self, scheme: &'static str, bare: &[&str]) -> Result<HeaderValue, AuthError> {
        let unsuitable = |detail: &str| AuthError::Unsuitable { scheme, detail: detail.into() };
        let token68 = match &self.token68 {
            Some(data) => Some(data.reveal_text().ok_or_else(|| unsuitable("token68 is not text"))?),
            None => None,
        };
        if let Some(detail) = grammar::unprintable(&self.scheme, token68, &self.params) {
            return Err(unsuitable(detail));
        }
        let mut value = HeaderValue::from_bytes(grammar::print(&self.scheme, token68, &self.params, bare).as_bytes())
            .map_err(|_| unsuitable("not a header field value"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn malformed(scheme: &'static str, detail: &str) -> AuthError {
    AuthError::Malformed { scheme, what: "credentials", detail: detail.into() }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.params.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Credentials")
            .field("scheme", &self.scheme)
            .field("token68", &self.token68)
            .field("params", &names)
            .finish()
    }
}
