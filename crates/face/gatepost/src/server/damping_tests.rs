//! Who waits and who does not. Times are told, and nobody waits for them.

use super::*;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const NEXT_DOOR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 200));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

fn damping() -> Damping {
    Damping::new(DampingRules::default(), &[7; 32])
}

/// A try at a moment: how long to wait, if it is refused; else it ends so.
fn attempt(damping: &Damping, user: &str, from: IpAddr, outcome: Judged, at: Instant) -> Option<Duration> {
    let net = network(from);
    let (user, network) = (damping.name(&[&net, user.as_bytes()]), damping.name(&[&net]));
    match damping.place(user, network, at) {
        Place::Go => damping.settle(user, network, outcome, at),
        Place::Refused(time) => return Some(time),
        Place::Wait => panic!("nothing is in flight"),
    }
    None
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn a_few_failures_are_free_then_each_waits_twice_as_long_up_to_a_bound() {
    let (damping, mut now) = (damping(), Instant::now());
    for _ in 0..5 {
        assert_eq!(attempt(&damping, "ali", HOME, Judged::Wrong, now), None);
    }
    for wait in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert_eq!(attempt(&damping, "ali", HOME, Judged::Right, now), Some(secs(wait)), "the right one, too");
        let just_before = now + secs(wait) - Duration::from_millis(1);
        let left = Some(Duration::from_millis(1));
        assert_eq!(attempt(&damping, "ali", NEXT_DOOR, Judged::Wrong, just_before), left, "the same network");
        now += secs(wait);
        assert_eq!(attempt(&damping, "ali", HOME, Judged::Wrong, now), None);
    }
    assert_eq!(attempt(&damping, "ali", HOME, Judged::Right, now + secs(60)), None);
    for _ in 0..5 {
        assert_eq!(attempt(&damping, "ali", HOME, Judged::Wrong, now + secs(60)), None, "all is forgiven");
    }
}

#[test]
fn from_elsewhere_and_for_others_nothing_changes() {
    let (damping, now) = (damping(), Instant::now());
    for _ in 0..5 {
        attempt(&damping, "ali", HOME, Judged::Wrong, now);
    }
    assert!(attempt(&damping, "ali", HOME, Judged::Right, now).is_some());
    assert_eq!(attempt(&damping, "ali", ELSEWHERE, Judged::Right, now), None);
    assert_eq!(attempt(&damping, "eve", HOME, Judged::Right, now), None);
    assert!(attempt(&damping, "ali", HOME, Judged::Right, now).is_some());
    assert_eq!(attempt(&damping, "ali", HOME, Judged::Right, now + secs(15 * 60)), None, "forgotten");
}

#[test]
fn a_network_that_guesses_at_many_waits_and_who_belongs_there_does_not() {
    let (damping, now) = (damping(), Instant::now());
    assert_eq!(attempt(&damping, "resident", HOME, Judged::Right, now), None);
    let mut refused = 0;
    for number in 0..60 {
        // An account of one's own pays for nothing.
        attempt(&damping, "own account", HOME, Judged::Right, now);
        refused += u32::from(attempt(&damping, &format!("user {number}"), NEXT_DOOR, Judged::Wrong, now).is_some());
    }
    assert_eq!(refused, 10);
    assert_eq!(attempt(&damping, "newcomer", HOME, Judged::Right, now), Some(secs(1)));
    assert_eq!(attempt(&damping, "resident", HOME, Judged::Right, now), None);
    assert_eq!(attempt(&damping, "newcomer", ELSEWHERE, Judged::Right, now), None);
    // A resident's slips are not the network's.
    for _ in 0..4 {
        assert_eq!(attempt(&damping, "resident", HOME, Judged::Wrong, now + secs(1)), None);
    }
    assert_eq!(attempt(&damping, "newcomer", HOME, Judged::Right, now + secs(1)), None);
}

#[test]
fn what_is_turned_off_counts_nothing() {
    let rules = DampingRules { per_user: 0, per_address: 0, ..DampingRules::default() };
    let (damping, now) = (damping().with(rules), Instant::now());
    for _ in 0..200 {
        assert_eq!(attempt(&damping, "ali", HOME, Judged::Wrong, now), None);
    }
}

#[test]
fn networks() {
    let same = |one: &str, other: &str| network(one.parse().unwrap()) == network(other.parse().unwrap());
    let table = [
        ("192.0.2.1", "192.0.2.255", true),
        ("192.0.2.1", "192.0.3.1", false),
        ("192.0.2.1", "::ffff:192.0.2.9", true),
        ("2001:db8:0:ff00::1", "2001:db8:0:ffff::1", true),
        ("2001:db8:0:fe00::1", "2001:db8:0:ff00::1", false),
        ("::c000:201", "192.0.2.1", false),
    ];
    for (one, other, expected) in table {
        assert_eq!(same(one, other), expected, "{one} {other}");
    }
}

#[test]
fn memory_is_bounded_and_what_is_used_stays() {
    let (mut tries, now) = (Tries::new(100), Instant::now());
    let name = |number: u32| {
        let mut name = [0; 16];
        name[..4].copy_from_slice(&number.to_be_bytes());
        name
    };
    tries.of(name(u32::MAX), now, secs(900)).failures = 7;
    for number in 0..10_000 {
        tries.of(name(number), now, secs(900));
        if number % 50 == 0 {
            assert_eq!(tries.of(name(u32::MAX), now, secs(900)).failures, 7);
        }
        assert!(tries.len() <= 201);
    }
}

#[tokio::test]
async fn many_guesses_at_once_are_no_more_than_many_in_a_row() {
    let damping = std::sync::Arc::new(damping());
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let damping = std::sync::Arc::clone(&damping);
        guesses.spawn(async move {
            let Ok(attempt) = damping.admit("ali", HOME).await else { return false };
            tokio::task::yield_now().await;
            attempt.failed();
            true
        });
    }
    let looked_at = guesses.join_all().await.into_iter().filter(|looked_at| *looked_at).count();
    assert_eq!(looked_at, 5);
    assert_eq!(damping.counts().waiting, 0);
}

#[tokio::test]
async fn many_at_once_with_the_right_secret_all_come_in() {
    let damping = std::sync::Arc::new(damping());
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let damping = std::sync::Arc::clone(&damping);
        tries.spawn(async move {
            let attempt = damping.admit("ali", HOME).await.unwrap();
            tokio::task::yield_now().await;
            attempt.succeeded();
        });
    }
    assert_eq!(tries.join_all().await.len(), 1000);
}

#[tokio::test]
async fn who_gives_up_leaves_nothing_behind() {
    let damping = damping();
    for _ in 0..20 {
        drop(damping.admit("ali", HOME).await.unwrap());
    }
    let held: Vec<_> = {
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(damping.admit("ali", HOME).await.unwrap());
        }
        held
    };
    let mut waiting = Box::pin(damping.admit("ali", HOME));
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("five are in flight"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(damping.counts().waiting, 1);
    drop(waiting);
    assert_eq!(damping.counts().waiting, 0);
    drop(held);
    assert!(damping.admit("ali", HOME).await.is_ok());
}
