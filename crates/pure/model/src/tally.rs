//! Many refusals, few reports: the first is told at once, the others as a sum. Time is an argument.

use std::net::IpAddr;
use std::time::Duration;

use crate::bound::{Bound, Reached};

/// Between two reports of one bound, so that a flood of refusals is no flood of events.
const PERIOD: Duration = Duration::from_secs(5);

/// Counts how often each bound was reached.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    reached: Reached,
    /// When it may be told again, since any fixed moment.
    next: Duration,
}

impl Tally {
    /// Notes that a bound was reached at `now`, and what is to be told of it now.
    pub fn note(&mut self, bound: Bound, peer: Option<IpAddr>, now: Duration) -> Option<Reached> {
        let Some(row) = self.rows.iter_mut().find(|row| row.reached.bound == bound) else {
            // No more rows than there are bounds.
            self.rows.push(Row { reached: Reached { bound, times: 0, peer: None }, next: now.saturating_add(PERIOD) });
            return Some(Reached { bound, times: 1, peer });
        };
        row.reached.times = row.reached.times.saturating_add(1);
        row.reached.peer = peer.or(row.reached.peer);
        row.told(now)
    }

    /// What is to be told at `now` although nothing new happened.
    pub fn due(&mut self, now: Duration) -> Option<Reached> {
        self.rows.iter_mut().find_map(|row| row.told(now))
    }

    /// When [`due`](Self::due) has something to say if nothing new happens; `None` if never.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        self.rows.iter().filter(|row| row.reached.times > 0).map(|row| row.next).min()
    }
}

impl Row {
    fn told(&mut self, now: Duration) -> Option<Reached> {
        if self.reached.times == 0 || now < self.next {
            return None;
        }
        self.next = now.saturating_add(PERIOD);
        let bound = self.reached.bound;
        Some(std::mem::replace(&mut self.reached, Reached { bound, times: 0, peer: None }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_the_rest_summed_up() {
        let seconds = Duration::from_secs;
        let (one, two) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        let mut tally = Tally::default();
        let full = |times, peer| Some(Reached { bound: Bound::Connections, times, peer });
        assert_eq!(tally.next(), None);
        assert_eq!(tally.note(Bound::Connections, one, seconds(1)), full(1, one));
        assert_eq!((tally.next(), tally.due(seconds(99))), (None, None));
        assert_eq!(tally.note(Bound::Connections, one, seconds(2)), None);
        assert_eq!(tally.note(Bound::Connections, two, seconds(3)), None);
        assert_eq!(tally.next(), Some(seconds(6)));
        assert_eq!(tally.due(seconds(5)), None);
        assert_eq!(tally.due(seconds(6)), full(2, two));
        assert_eq!((tally.next(), tally.due(seconds(99))), (None, None));
        // Another bound has a period of its own.
        let memory = Some(Reached { bound: Bound::Memory, times: 1, peer: None });
        assert_eq!(tally.note(Bound::Memory, None, seconds(7)), memory);
        assert_eq!(tally.note(Bound::Connections, one, seconds(10)), None);
        assert_eq!(tally.note(Bound::Connections, one, seconds(30)), full(2, one));
    }
}
