//! What holds for all octets, however they are cut.
#![allow(clippy::unwrap_used)]

mod wire;

use gatepost_ws::closing::State;
use gatepost_ws::limits::Limits;
use gatepost_ws::mask::Mask;
use gatepost_ws::message::Kind;
use gatepost_ws::role::Role;
use proptest::prelude::*;
use wire::{End, FIN, Heard, frame};

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

/// Frames that are mostly right, so that one comes far: any first octet sometimes, texts often.
fn conversation() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x80, 0x89, 0x8A]),
        1 => prop::sample::select(vec![0x88, 0xC1]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        4 => "[aä€𝄞]{0,12}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..8),
        1 => prop::collection::vec(Just(b'x'), 120..300),
    ];
    prop::collection::vec((first, payload), 0..12)
}

fn limits() -> Limits {
    Limits { message: 400, control_frames: 4, empty_frames: 2 }
}

fn run(from: Role, pieces: &[&[u8]]) -> (Vec<Heard>, Vec<u8>, State) {
    let mut end = End::with(from.peer(), None, limits());
    for piece in pieces {
        end.hear(piece);
        end.answer();
    }
    (end.heard, end.out.to_vec(), end.connection.state())
}

/// Cuts octets at some places.
fn cut<'a>(octets: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = places.iter().map(|place| place.index(octets.len() + 1)).collect();
    at.extend([0, octets.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &octets[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn cutting_the_octets_changes_nothing(
        from in role(),
        said in conversation(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let octets = said.iter().map(|(first, payload)| frame(from, *first, payload)).collect::<Vec<_>>().concat();
        let (heard, _, state) = run(from, &[&octets]);
        let (cut_heard, _, cut_state) = run(from, &cut(&octets, &places));
        prop_assert_eq!(&cut_heard, &heard);
        prop_assert_eq!(cut_state == State::Closed, state == State::Closed);
        let one_by_one: Vec<&[u8]> = octets.chunks(1).collect();
        prop_assert_eq!(run(from, &one_by_one).0, heard);
    }

    #[test]
    fn no_octets_panic_or_stop_it(from in role(), octets in prop::collection::vec(any::<u8>(), 0..200), size in 1..20_usize) {
        let pieces: Vec<&[u8]> = octets.chunks(size).collect();
        run(from, &pieces);
    }

    #[test]
    fn what_is_sent_is_what_is_heard(
        from in role(),
        said in prop::collection::vec((any::<bool>(), prop::collection::vec("[aä€𝄞]{0,90}", 1..4), any::<bool>()), 0..8),
        size in 1..3000_usize,
        keys in prop::collection::vec(any::<[u8; 4]>(), 1..5),
    ) {
        let (mut sender, mut receiver) = (End::new(from), End::new(from.peer()));
        let mut keys = keys.iter().cycle().copied().map(Mask::new);
        let mut expected = Vec::new();
        for (text, parts, ping) in said {
            let kind = if text { Kind::Text } else { Kind::Binary };
            for (at, part) in parts.iter().enumerate() {
                let last = at + 1 == parts.len();
                let mask = keys.next().unwrap();
                sender.connection.send_part(kind, part.as_bytes(), last, mask, &mut sender.contexts, &mut sender.out).unwrap();
                if ping && !last {
                    sender.connection.ping(part.as_bytes().get(..9).unwrap_or_default(), keys.next().unwrap(), &mut sender.out).unwrap();
                    expected.push(Heard::Ping(part.as_bytes().get(..9).unwrap_or_default().to_vec()));
                }
            }
            expected.push(Heard::Message(kind, parts.concat().into_bytes()));
        }
        for piece in sender.out.chunks(size) {
            receiver.hear(piece);
        }
        prop_assert_eq!(receiver.heard, expected);
    }

    /// The limit holds for what is kept, whatever comes.
    #[test]
    fn nothing_is_kept_beyond_the_limit(said in conversation(), size in 1..50_usize) {
        let mut end = End::with(Role::Server, None, limits());
        for (first, payload) in said {
            for piece in frame(Role::Client, first, &payload).chunks(size) {
                end.hear(piece);
                prop_assert!(end.assembler.len() <= limits().message);
            }
        }
    }
}

/// 65,537 parts of one octet are one message, with work that grows with their number only.
#[test]
fn very_many_very_small_parts() {
    let mut octets = frame(Role::Client, 0x02, b"*");
    octets.extend(frame(Role::Client, 0x00, b"*").repeat(65_535));
    octets.extend(frame(Role::Client, FIN, b"*"));
    let mut end = End::new(Role::Server);
    end.hear(&octets);
    assert_eq!(end.heard, [Heard::Message(Kind::Binary, vec![b'*'; 65_537])]);
}
