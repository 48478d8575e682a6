//! Strict reading of a JSON object: what two readers could take in two ways is refused.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error as ThisError;

/// How deep arrays and objects may stand in each other. Keys and claims need three.
const DEPTH: usize = 16;

/// Why a text is not an object that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum NotStrict {
    /// More octets than the caller allows.
    #[error("the JSON text is too long")]
    TooLong,
    /// Arrays and objects stand deeper in each other than 16.
    #[error("the JSON text is nested too deeply")]
    TooDeep,
    /// An object has two members of one name.
    #[error("a member stands twice in one JSON object")]
    Duplicate,
    /// Valid JSON, but not an object.
    #[error("the JSON text is not an object")]
    NotAnObject,
    /// Not JSON (RFC 8259), not UTF-8, or followed by something.
    #[error("not a JSON text")]
    Malformed,
}

/// Reads one JSON object of at most `limit` octets.
///
/// Member names are unique at every depth (RFC 7515 §4, RFC 7519 §4 allow either to refuse
/// duplicates or to take the last; a gateway and its upstream that choose differently disagree about
/// who is speaking). Nothing but white space may follow.
///
/// # Errors
/// [`NotStrict`]; it says nothing of the content.
pub fn object(octets: &[u8], limit: usize) -> Result<Map<String, Value>, NotStrict> {
    if octets.len() > limit {
        return Err(NotStrict::TooLong);
    }
    let wrong = Cell::new(NotStrict::Malformed);
    let mut reader = serde_json::Deserializer::from_slice(octets);
    let value = Strict { depth: 0, wrong: &wrong }.deserialize(&mut reader).map_err(|_| wrong.get())?;
    reader.end().map_err(|_| NotStrict::Malformed)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(NotStrict::NotAnObject),
    }
}

/// Reads one value at `depth`; leaves in `wrong` what serde's error cannot carry.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    wrong: &'a Cell<NotStrict>,
}

impl Strict<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH {
            return Err(self.refuse(NotStrict::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn refuse<E: Error>(self, why: NotStrict) -> E {
        self.wrong.set(why);
        E::custom(why)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.refuse(NotStrict::Malformed))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(self.refuse(NotStrict::Duplicate));
            }
            let value = members.next_value_seed(inner)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let table = [
            (r#"{"a":1,"a":1}"#.to_owned(), NotStrict::Duplicate),
            (r#"{"a":1,"\u0061":2}"#.to_owned(), NotStrict::Duplicate),
            (r#"{"x":[{"b":{"c":1,"c":2}}]}"#.to_owned(), NotStrict::Duplicate),
            ("[1]".to_owned(), NotStrict::NotAnObject),
            ("null".to_owned(), NotStrict::NotAnObject),
            ("".to_owned(), NotStrict::Malformed),
            ("{} {}".to_owned(), NotStrict::Malformed),
            ("{}x".to_owned(), NotStrict::Malformed),
            ("{\"a\":1,}".to_owned(), NotStrict::Malformed),
            ("{\"a\":NaN}".to_owned(), NotStrict::Malformed),
            ("{\"a\":1e999}".to_owned(), NotStrict::Malformed),
            ("{\"a\":\"\\ud800\"}".to_owned(), NotStrict::Malformed),
            ("\u{feff}{}".to_owned(), NotStrict::Malformed),
            (deep(16), NotStrict::TooDeep),
            (deep(90_000), NotStrict::TooDeep),
            (format!("{{\"a\":\"{}\"}}", "x".repeat(200_000)), NotStrict::TooLong),
        ];
        for (text, why) in table {
            let start: String = text.chars().take(40).collect();
            assert_eq!(object(text.as_bytes(), 200_004), Err(why), "{start}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}", 64), Err(NotStrict::Malformed));
        assert!(object(deep(15).as_bytes(), 64).is_ok());
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#" { "b": [true, null, -1, 1.5, 18446744073709551615], "a": { "ü": "\n" } } "#;
        let whole: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::Object(object(text.as_bytes(), 128).unwrap()), whole);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = object(&octets, 128);
        }
    }
}
