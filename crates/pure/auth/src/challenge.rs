//! The challenge grammar of RFC 9110 §11.
/// One challenge (RFC 9110 §11.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme's name as written.
    pub scheme: String,
    /// `token68`, if the challenge has that form.
    pub token68: Option<String>,
    /// The parameters in order, names in lower case, values unquoted.
    pub params: Vec<(String, String)>,
}
