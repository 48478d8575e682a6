//! Holds a message against a test.

use serde_json::Value;

use crate::ws::hex;
use crate::ws::said::Said;
use crate::ws::script::difference::difference;
use crate::ws::script::pattern;
use crate::ws::script::place::{Place, Wrong};
use crate::ws::script::step::Test;
use crate::ws::script::template::Variables;

/// Passes, perhaps keeping something in a variable, or says how the message differs.
pub(crate) fn pass(test: &Test, said: &Said, place: Place, variables: &mut Variables) -> Result<(), Wrong> {
    let wrong = |detail: String| Wrong { place, detail };
    match test {
        Test::Any(None) => Ok(()),
        Test::Any(Some(name)) => {
            variables.insert(name.clone(), text_of(said));
            Ok(())
        }
        Test::Text(template) => {
            let expected = template.fill(variables)?;
            match said {
                Said::Text(text) if *text == expected => Ok(()),
                Said::Text(text) => Err(wrong(format!("another text came\n{}", compared(&expected, text)))),
                other => Err(wrong(format!("expected a text, and this came: {}", told(other)))),
            }
        }
        Test::Octets(expected) => match said {
            Said::Binary(octets) if octets == expected => Ok(()),
            Said::Binary(octets) => {
                Err(wrong(format!("other octets came\n{}", difference(&hex::pairs(expected), &hex::pairs(octets)))))
            }
            other => Err(wrong(format!("expected a binary message, and this came: {}", told(other)))),
        },
        Test::Matches(pattern) => {
            let regex = pattern.fill(variables)?;
            let text = text_of(said);
            let captures = regex
                .captures(&text)
                .ok_or_else(|| wrong(format!("the message does not match `{}`: {}", regex.as_str(), told(said))))?;
            variables.extend(pattern::groups(&regex, &captures));
            Ok(())
        }
        Test::Json { path, check } => {
            let document: Value = serde_json::from_slice(said.message().unwrap_or_default())
                .map_err(|_| wrong(format!("the message is not JSON: {}", told(said))))?;
            check.ask(path.text(), path.find(&document), variables).map_err(|found| Wrong {
                detail: if path.find(&document).is_none() {
                    format!("{} in {}", found.detail, told(said))
                } else {
                    found.detail
                },
                ..found
            })
        }
    }
}

/// Documents that are both JSON are compared as such, line by line.
fn compared(expected: &str, received: &str) -> String {
    let pretty = |text: &str| {
        let value: Value = serde_json::from_str(text).ok()?;
        (value.is_object() || value.is_array()).then(|| format!("{value:#}"))
    };
    match (pretty(expected), pretty(received)) {
        (Some(one), Some(other)) if one != other => difference(&one, &other),
        _ => difference(expected, received),
    }
}

/// A message in one short line.
pub(crate) fn told(said: &Said) -> String {
    let (kind, text) = match said {
        Said::Binary(octets) => ("binary ", hex::pairs(octets)),
        other => ("", text_of(other)),
    };
    let line = gatepost::model::event::one_line(&text);
    if line.chars().count() <= 200 {
        return format!("{kind}{line}");
    }
    format!("{kind}{}…", line.chars().take(200).collect::<String>())
}

fn text_of(said: &Said) -> String {
    match said {
        Said::Binary(octets) => hex::pairs(octets),
        other => String::from_utf8_lossy(other.message().unwrap_or_default()).into_owned(),
    }
}
