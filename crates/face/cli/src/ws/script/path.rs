//! The subset of JSONPath (RFC 9535) that names one value: `$`, `.name`, `["any name"]`, `[0]`, `[-1]`.

use serde_json::Value;

use crate::ws::script::place::{Place, Wrong};

/// A way to one value of a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath {
    segments: Vec<Segment>,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    /// From the front.
    Index(usize),
    /// From the back; 1 is the last.
    Back(usize),
}

impl JsonPath {
    /// Reads a path; gives how many octets of `text` it took.
    pub(crate) fn parse(text: &str, place: Place) -> Result<(Self, usize), Wrong> {
        let wrong = |at: usize, detail: &str| {
            let before = text.get(..at).unwrap_or(text).chars().count();
            Wrong { place: Place { column: place.column + before, ..place }, detail: detail.to_owned() }
        };
        let mut rest =
            text.strip_prefix('$').ok_or_else(|| wrong(0, "a path begins with `$`, as in `$.user.names[0]`"))?;
        let mut segments = Vec::new();
        loop {
            let at = text.len() - rest.len();
            let (segment, after) = if let Some(after) = rest.strip_prefix('.') {
                name(after)
                    .ok_or_else(|| wrong(at + 1, "a name follows the dot; others are written `[\"any name\"]`"))?
            } else if let Some(after) = rest.strip_prefix('[') {
                bracket(after)
                    .ok_or_else(|| wrong(at + 1, "in brackets stands a number, or a name in double quotes"))?
            } else {
                break;
            };
            segments.push(segment);
            rest = after;
        }
        let taken = text.len() - rest.len();
        if rest.chars().next().is_some_and(|char| !char.is_whitespace()) {
            return Err(wrong(taken, "the path ends here; a space comes before what is asked of it"));
        }
        Ok((Self { segments, text: text.get(..taken).unwrap_or(text).to_owned() }, taken))
    }

    /// The value there, if there is one.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.segments.iter().try_fold(document, |value, segment| match segment {
            Segment::Name(name) => value.as_object()?.get(name),
            Segment::Index(at) => value.as_array()?.get(*at),
            Segment::Back(back) => {
                let all = value.as_array()?;
                all.get(all.len().checked_sub(*back)?)
            }
        })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// A name without quotes, as RFC 9535 §2.5.1.1 has it, and `-` beside: it is in too many keys.
fn name(text: &str) -> Option<(Segment, &str)> {
    let fits = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-');
    let end = text.find(|char| !fits(char)).unwrap_or(text.len());
    let (name, after) = text.split_at_checked(end)?;
    (!name.is_empty()).then(|| (Segment::Name(name.to_owned()), after))
}

/// What stands in brackets, from behind the opening one.
fn bracket(text: &str) -> Option<(Segment, &str)> {
    if text.starts_with('"') {
        // The JSON reader knows where a string ends.
        let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let name = strings.next()?.ok()?;
        let after = text.get(strings.byte_offset()..)?.strip_prefix(']')?;
        return Some((Segment::Name(name), after));
    }
    let (number, after) = text.split_once(']')?;
    let segment = match number.strip_prefix('-') {
        Some(back) => Segment::Back(back.parse().ok().filter(|back| *back > 0)?),
        None => Segment::Index(number.parse().ok()?),
    };
    Some((segment, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const START: Place = Place { line: 1, column: 10 };

    #[test]
    fn values_are_found() {
        let document = json!({ "a": { "b": [1, 2, { "c-d": "x" }] }, "a b]\"": true, "ä": null });
        let table = [
            ("$", Some(document.clone())),
            ("$.a.b[0]", Some(json!(1))),
            ("$.a.b[-1].c-d", Some(json!("x"))),
            ("$.a[\"b\"][1]", Some(json!(2))),
            ("$[\"a b]\\\"\"]", Some(json!(true))),
            ("$.ä", Some(json!(null))),
            ("$.a.b[3]", None),
            ("$.a.b[-4]", None),
            ("$.a.b.c", None),
            ("$[0]", None),
        ];
        for (path, expected) in table {
            let (read, taken) = JsonPath::parse(path, START).unwrap();
            assert_eq!((read.find(&document), taken, read.text()), (expected.as_ref(), path.len(), path), "{path}");
        }
        assert_eq!(JsonPath::parse("$.a == 1", START).unwrap().1, 3);
    }

    #[test]
    fn mistakes_have_a_place() {
        let table = [("a", 10), ("$a", 11), ("$.", 12), ("$.a[x]", 14), ("$.a[-0]", 14), ("$.ä[", 14), ("$[\"a\"", 12)];
        for (path, column) in table {
            assert_eq!(JsonPath::parse(path, START).unwrap_err().place.column, column, "{path}");
        }
    }
}
