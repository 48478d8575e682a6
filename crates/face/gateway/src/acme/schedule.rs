//! When a certificate is renewed, and when to try again what failed.

use std::time::Duration;

use gatepost::model::time::Timestamp;
use gatepost::tls::certificate::Certificate;

/// The first wait after a failure.
const FIRST: Duration = Duration::from_secs(120);
/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
/// The shortest wait, however short a life and however near its end.
const SHORTEST: Duration = Duration::from_secs(10);
/// A wait that is long enough for every authority.
const ENOUGH: Duration = Duration::from_secs(12 * 60);

/// The least time between two orders that went well.
const SOONEST: Duration = Duration::from_secs(2);

/// When a certificate is due: when two thirds of its life are over, less up to a twentieth of its life, so that
/// what was issued together is not renewed together. The same certificate always gets the same moment.
#[must_use]
pub fn due(certificate: &Certificate) -> Timestamp {
    let life = certificate.not_after.since(certificate.not_before);
    let early = (life / 20).mul_f64(share(&certificate.fingerprint));
    certificate.not_before + (life / 3 * 2).saturating_sub(early)
}

/// The soonest moment to order again after a certificate came, whatever its span: a third of what is left of it, but at
/// least two seconds. An authority that backdates does not make us order without end.
#[must_use]
pub fn soonest(certificate: &Certificate, now: Timestamp) -> Timestamp {
    now + (certificate.not_after.since(now) / 3).max(SOONEST)
}

/// A moment in the span that an authority suggests (RFC 9773 §4.2), again the same for the same certificate.
#[must_use]
pub fn within(start: Timestamp, end: Timestamp, fingerprint: &[u8; 32]) -> Timestamp {
    start + end.since(start).mul_f64(share(fingerprint))
}

/// How long to wait after so many failures in a row: two minutes, and twice as long each time up to six hours. The nearer
/// the end of the `last` good certificate, the sooner: a tenth of what is left of it; but no sooner than a two hundredth
/// of its life, of which twelve minutes are enough. And no sooner than the authority `asked` for.
///
/// So there are at most five tries an hour: more failures than that Let's Encrypt does not take.
#[must_use]
pub fn again(failures: u32, last: Option<&Certificate>, now: Timestamp, asked: Option<Duration>) -> Duration {
    let curve = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    let wait = last.map_or(curve, |last| {
        let life = last.not_after.since(last.not_before);
        let floor = (life / 200).clamp(SHORTEST, ENOUGH);
        curve.min((last.not_after.since(now) / 10).max(floor))
    });
    asked.map_or(wait, |asked| wait.max(asked))
}

/// A number from 0 to 1 that a fingerprint stands for.
fn share(fingerprint: &[u8; 32]) -> f64 {
    let [high, low, ..] = *fingerprint;
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use gatepost::tls::issue::Authority;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn facts() -> Certificate {
        let start = Timestamp::from_secs(1_700_000_000);
        let issued = Authority::create("One", start, 1000 * DAY).unwrap();
        let issued = issued.issue_server(&["a.test".to_owned()], start, 90 * DAY).unwrap();
        Certificate::parse(&issued.chain[0]).unwrap()
    }

    #[test]
    fn two_thirds_and_a_little_less() {
        let (mut facts, start) = (facts(), Timestamp::from_secs(1_700_000_000));
        (facts.not_before, facts.not_after) = (start, start + 90 * DAY);
        facts.fingerprint = [0; 32];
        assert_eq!(due(&facts), start + 60 * DAY);
        facts.fingerprint = [255; 32];
        assert_eq!(due(&facts), start + 60 * DAY - Duration::from_secs(90 * 86_400 / 20));
        assert_eq!(soonest(&facts, start + 60 * DAY), start + 70 * DAY);
        (facts.not_before, facts.not_after) = (start, start);
        assert_eq!((due(&facts), soonest(&facts, start)), (start, start + SOONEST));
    }

    #[test]
    fn a_suggested_span_is_kept_to() {
        let (start, end) = (Timestamp::from_secs(1000), Timestamp::from_secs(2000));
        assert_eq!((within(start, end, &[0; 32]), within(start, end, &[255; 32])), (start, end));
        assert_eq!(within(end, start, &[255; 32]), end, "an end before the start is none");
    }

    #[test]
    fn later_each_time_but_not_too_late() {
        let (secs, start) = (Duration::from_secs, Timestamp::from_secs(1_700_000_000));
        let mut facts = facts();
        let waits: Vec<u64> = (1..=10).map(|failures| again(failures, None, start, None).as_secs()).collect();
        assert_eq!(waits, [120, 240, 480, 960, 1920, 3840, 7680, 15_360, 21_600, 21_600]);
        assert_eq!(again(u32::MAX, None, start, None), LONGEST);
        // Failures in a row, the whole life, what is left of it, and what comes of that: all in seconds.
        let table = [
            (9, 90 * 86_400, 30 * 86_400, 21_600),
            (9, 90 * 86_400, 10 * 3600, 3600),
            (9, 90 * 86_400, 60, 720),
            (9, 90 * 86_400, 0, 720),
            (1, 90 * 86_400, 60, 120),
            (9, 3600, 600, 60),
            (9, 3600, 0, 18),
            (9, 18, 6, 10),
        ];
        for (failures, life, left, wait) in table {
            (facts.not_before, facts.not_after) = (start, start + secs(life));
            let now = facts.not_after - secs(left);
            assert_eq!(again(failures, Some(&facts), now, None), secs(wait), "{failures} {life} {left}");
        }
        assert_eq!(again(1, None, start, Some(secs(3600))), secs(3600), "who asks for time gets it");
    }
}
