//! STARTTLS dialogues: bounded, the same however the octets were split, and no TLS for whoever gets one octet more.
#![no_main]

use gatepost_tls::starttls::ALL;
use gatepost_tls::starttls::dialogue::{Dialogue, MAX_HEARD};

/// Whether it comes to TLS, what was said, and how many octets were taken.
fn play(mut dialogue: Dialogue, octets: &[u8], size: usize) -> (bool, Vec<u8>, usize) {
    let (mut said, mut taken) = (dialogue.take_output(), 0);
    for piece in octets.chunks(size) {
        if dialogue.receive(piece).is_err() {
            assert!(dialogue.take_output().is_empty() && !dialogue.is_agreed());
            assert!(dialogue.receive(b"").is_err());
            return (false, said, taken);
        }
        taken += piece.len();
        assert!(taken <= MAX_HEARD);
        said.extend(dialogue.take_output());
        if dialogue.is_agreed() {
            assert!(dialogue.receive(b"x").is_err() && !dialogue.is_agreed());
            return (true, said, taken);
        }
    }
    (false, said, taken)
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let [choice, octets @ ..] = octets else { return };
    let Some(protocol) = ALL.get(usize::from(choice / 3) % ALL.len()) else { return };
    let begin = || match choice % 3 {
        0 => Dialogue::client(*protocol, "h.test").ok(),
        1 => Dialogue::server(*protocol),
        _ => Dialogue::greeting(*protocol),
    };
    let (Some(one), Some(other)) = (begin(), begin()) else { return };
    let (agreed, said, taken) = play(one, octets, 1);
    // One after the other they are heard as they come; all at once there may be one too many.
    let (at_once, all, _) = play(other, octets, octets.len().max(1));
    assert!(!at_once || (agreed && said == all && taken == octets.len()));
});
