//! What `get` sends beside the URL: header fields and a body.

use std::io::Read;
use std::path::PathBuf;

use gatepost::client::payload::Payload;

use crate::error::CliError;

/// The most that is read from stdin: a body that may be needed twice is held in memory.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Reads `Name: value`. A proof is not a field to type: it would stand in the shell's history.
pub(crate) fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a field is written `Name: value`")?;
    let name = name.trim();
    if ["authorization", "proxy-authorization", "x-wsse"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Err(format!(
            "`{name}` holds a secret that everyone on this machine could read: use --user, --credential or --token-file"
        ));
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

/// The body that `-d` names: `@FILE`, `-` or `@-` for stdin, or the text itself.
pub(crate) fn of(data: &str) -> Result<Payload, CliError> {
    if data == "-" || data == "@-" {
        let mut octets = Vec::new();
        let read = std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut octets);
        read.map_err(|error| CliError::io("stdin", &error))?;
        if u64::try_from(octets.len()).unwrap_or(u64::MAX) > LONGEST {
            return Err(CliError::usage("stdin holds more than 64 MiB", "write it to a file and use `-d @FILE`"));
        }
        return Ok(Payload::from(octets));
    }
    Ok(match data.strip_prefix('@') {
        Some(path) => Payload::from(PathBuf::from(path)),
        None => Payload::from(data.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        assert_eq!(field("Accept: text/html"), Ok(("Accept".into(), "text/html".into())));
        assert_eq!(field("X-Empty:"), Ok(("X-Empty".into(), String::new())));
        assert!(field("Accept").is_err());
        assert!(field("authorization: Basic eDp5").is_err());
    }
}
