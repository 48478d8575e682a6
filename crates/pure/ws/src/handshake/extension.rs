//! Lists of extensions and their parameters: `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

/// One member of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name: a token, in lower case.
    pub name: String,
    /// Its parameters in their order, each with or without a value.
    pub parameters: Vec<Parameter>,
}

/// One parameter of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name: a token.
    pub name: String,
    /// Its value: a token, whether or not it was quoted.
    pub value: Option<String>,
}
