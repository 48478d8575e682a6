//! What a connection said last and was believed: the same octets again have the same name, and need no new digest.
//!
//! Nothing is decided here. Whether the proof of that name still stands is asked each time, as ever; only the way from
//! the octets to the name is shorter, since a client says the same thing all day long. It is kept for its own
//! connection alone, so that nobody else's can be compared with it, and is wiped when the connection ends.

use gatepost_model::secret::Secret;
use gatepost_net::handler::Memory;

use crate::server::generations::Name;
use crate::server::remembered::{Remembered, Said};

/// Octets of credentials that a connection remembers at most.
const LONGEST: usize = 4096;

/// The name of these credentials before this authenticator, if the connection said just the same before.
pub(crate) fn again<'a>(
    memory: &Memory,
    authenticator: u64,
    mut fields: impl Iterator<Item = (&'static str, &'a [u8])>,
) -> Option<Name> {
    Remembered::look(memory, |remembered| {
        let said = remembered.said.as_ref().filter(|said| said.authenticator == authenticator)?;
        for (name, value) in &said.fields {
            fields.next().filter(|(field, octets)| field == name && value.matches(octets))?;
        }
        fields.next().is_none().then_some(said.name)
    })
}

/// Remembers these credentials, which were believed, in the place of what came before.
pub(crate) fn remember<'a>(
    memory: &Memory,
    authenticator: u64,
    fields: impl Iterator<Item = (&'static str, &'a [u8])>,
    name: Name,
) {
    let mut left = LONGEST;
    let mut kept = Vec::with_capacity(1);
    for (field, value) in fields {
        let Some(less) = left.checked_sub(value.len()) else { return };
        left = less;
        kept.push((field, Secret::new(value.to_vec())));
    }
    Remembered::with(memory, |remembered| remembered.said = Some(Said { authenticator, fields: kept, name }));
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = &'static [(&'static str, &'static [u8])];

    const TOKEN: Fields = &[("authorization", b"Bearer a")];

    fn remembered(memory: &Memory, authenticator: u64, fields: Fields) -> Option<Name> {
        again(memory, authenticator, fields.iter().copied())
    }

    #[test]
    fn only_the_same_before_the_same_has_the_name() {
        let others: [Fields; 8] = [
            &[],
            &[("authorization", b"Bearer b")],
            &[("authorization", b"Bearer ")],
            &[("authorization", b"Bearer aa")],
            &[("x-wsse", b"Bearer a")],
            &[("authorization", b"Bearer a"), ("authorization", b"Bearer a")],
            &[("authorization", b"Bearer a"), ("x-wsse", b"")],
            &[("x-wsse", b""), ("authorization", b"Bearer a")],
        ];
        let memory = Memory::default();
        assert_eq!(remembered(&memory, 1, TOKEN), None);
        remember(&memory, 1, TOKEN.iter().copied(), Name([7; 32]));
        assert_eq!((remembered(&memory, 1, TOKEN), remembered(&memory, 2, TOKEN)), (Some(Name([7; 32])), None));
        for other in others {
            assert_eq!(remembered(&memory, 1, other), None, "{other:?}");
        }
        assert_eq!(remembered(&memory.clone(), 1, TOKEN), None, "another connection");
    }

    #[test]
    fn the_last_one_counts_and_a_long_one_is_not_kept() {
        let memory = Memory::default();
        let other: Fields = &[("authorization", b"Bearer b")];
        remember(&memory, 1, TOKEN.iter().copied(), Name([7; 32]));
        remember(&memory, 1, other.iter().copied(), Name([8; 32]));
        assert_eq!((remembered(&memory, 1, TOKEN), remembered(&memory, 1, other)), (None, Some(Name([8; 32]))));
        let long = vec![b'a'; LONGEST];
        for (fields, kept) in [(vec![&long[..]], true), (vec![&long, b"a"], false)] {
            let memory = Memory::default();
            let fields = || fields.iter().map(|value| ("authorization", *value));
            remember(&memory, 1, fields(), Name([9; 32]));
            assert_eq!(again(&memory, 1, fields()).is_some(), kept);
        }
    }
}
