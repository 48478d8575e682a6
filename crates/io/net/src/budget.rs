//! The process's memory: what the system allows, what is used, and whether anything new may be taken in.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gatepost_model::gauge::{Gauge, Level};

/// Between two looks: at most, at most once what is held has reached its last level or stands still, and at least.
const CALM: Duration = Duration::from_millis(100);
const STILL: Duration = Duration::from_millis(10);
const SOON: Duration = Duration::from_millis(1);

/// Octets that the fastest flood fills in a millisecond, twice: half of what is left is the most that it takes until
/// the next look.
const FLOOD: u64 = 2 << 20;

/// Octets from which on a cgroup's figure means "no limit" (version 1 writes almost 2^63).
const NO_LIMIT: u64 = 1 << 60;

/// Whether the process's memory is short. A thread of its own looks at `/proc`, the sooner the less is left; asking
/// costs one load. Where there is no bound, or no `/proc`, there is no thread and memory is never short.
#[derive(Debug, Default)]
pub struct Budget {
    short: AtomicBool,
    dire: AtomicBool,
}

/// What a process uses, in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Used {
    /// In memory.
    resident: u64,
    /// Of its address space.
    size: u64,
}

/// The bounds that hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Bounds {
    resident: Option<Gauge>,
    size: Option<Gauge>,
}

impl Budget {
    /// Watches, for a process in which so many connections are open at a time, over [`Limits::memory_bytes`](gatepost_model::limits::Limits::memory_bytes); `None` for what the system
    /// allows now. `RLIMIT_AS` is heeded in any case, since an allocation beyond it fails.
    #[must_use]
    pub fn watch(setting: Option<u64>, connections: impl Fn() -> usize + Send + 'static) -> Arc<Self> {
        let budget = Arc::new(Self::default());
        let bounds = Bounds::new(setting, cgroup(), address_space());
        let Some(statm) = Statm::open().filter(|_| bounds != Bounds::default()) else { return budget };
        let watched = Arc::downgrade(&budget);
        let thread = std::thread::Builder::new().name("gatepost-memory".to_owned());
        // Without a thread left for it, memory is short indeed.
        if thread.spawn(move || look_on(&watched, statm, bounds, connections)).is_err() {
            budget.set(Level::Short);
        }
        budget
    }

    /// Whether nothing new should be taken in.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Whether what is inside must not grow either: the process is about to end for want of memory, and everybody
    /// with it.
    #[must_use]
    pub fn is_dire(&self) -> bool {
        self.dire.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, level: Level) {
        self.short.store(level >= Level::Short, Ordering::Relaxed);
        self.dire.store(level >= Level::Dire, Ordering::Relaxed);
    }
}

impl Bounds {
    fn new(setting: Option<u64>, cgroup: Option<u64>, address_space: Option<u64>) -> Self {
        let set = |bound| cgroup.map_or(Gauge::new(bound), |allowed| Gauge::new(bound).ending(allowed));
        let resident = setting.map(set).or(cgroup.map(Gauge::below));
        Self { resident, size: address_space.map(Gauge::below) }
    }

    fn each(&mut self, used: Used) -> impl Iterator<Item = (&mut Gauge, u64)> {
        let resident = self.resident.as_mut().map(|gauge| (gauge, used.resident));
        resident.into_iter().chain(self.size.as_mut().map(|gauge| (gauge, used.size)))
    }

    /// How short memory is, and how much is left until it is shorter. Every gauge has its look.
    fn look(&mut self, used: Used, connections: u64, now: Duration) -> (Level, u64) {
        let looks = self.each(used).map(|(gauge, used)| (gauge.look(used, connections, now), gauge.left(used)));
        looks.fold((Level::Ample, u64::MAX), |(level, left), look| (level.max(look.0), left.min(look.1)))
    }
}

/// How long to sleep when so much is left. What stands still costs no more than a look in a while: what is held just
/// below a level may be so for days.
fn rest(left: u64, still: bool) -> Duration {
    let time = Duration::from_millis(left / FLOOD);
    time.clamp(if still || left == 0 { STILL } else { SOON }, CALM)
}

/// Looks until nobody wants to know any more.
fn look_on(budget: &Weak<Budget>, mut statm: Statm, mut bounds: Bounds, connections: impl Fn() -> usize) {
    let (start, mut before) = (Instant::now(), Used::default());
    while let Some(budget) = budget.upgrade() {
        let Some(used) = statm.read() else { return };
        let connections = u64::try_from(connections()).unwrap_or(u64::MAX);
        let (level, left) = bounds.look(used, connections, start.elapsed());
        budget.set(level);
        drop(budget);
        let still = std::mem::replace(&mut before, used) == used;
        std::thread::sleep(rest(left, still));
    }
}

/// What this process uses: `/proc/self/statm`, which stays open. A look takes no memory, of which there may be none.
struct Statm {
    file: File,
    page: u64,
}

impl Statm {
    /// `None` where there is none.
    fn open() -> Option<Self> {
        let mut statm = Self { file: File::open("/proc/self/statm").ok()?, page: page_size()? };
        statm.read().is_some().then_some(statm)
    }

    fn read(&mut self) -> Option<Used> {
        let mut text = [0; 128];
        self.file.rewind().ok()?;
        let length = self.file.read(&mut text).ok()?;
        parse_statm(str::from_utf8(text.get(..length)?).ok()?, self.page)
    }
}

/// Reads the first two numbers of proc_pid_statm(5), which count pages.
fn parse_statm(text: &str, page: u64) -> Option<Used> {
    let mut octets = text.split_ascii_whitespace().map(|pages| pages.parse::<u64>().ok()?.checked_mul(page));
    let (size, resident) = (octets.next()??, octets.next()??);
    Some(Used { resident, size })
}

/// The smallest limit of the control groups that the process is in.
fn cgroup() -> Option<u64> {
    let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limit = |file: PathBuf| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    limit_files(&membership).into_iter().filter_map(limit).filter(|limit| *limit < NO_LIMIT).min()
}

/// Where the limits stand of a membership as in cgroups(7): the own group's and those of all above it, since each
/// binds those below. Inside of a container the own group is often seen as the root, hence the last.
fn limit_files(membership: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in membership.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let own = Path::new(group.trim_start_matches('/'));
        files.extend(own.ancestors().map(|above| Path::new(root).join(above).join(file)));
    }
    files
}

/// `RLIMIT_AS`, if there is one.
#[cfg(unix)]
fn address_space() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}

#[cfg(unix)]
fn page_size() -> Option<u64> {
    u64::try_from(rustix::param::page_size()).ok()
}

#[cfg(not(unix))]
fn page_size() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_process() {
        let used = Used { resident: 2560 * 4096, size: 103_000 * 4096 };
        assert_eq!(parse_statm("103000 2560 1800 5 0 900 0\n", 4096), Some(used));
        for wrong in ["", "1", "1 x", "-1 1", "1 kB"] {
            assert_eq!(parse_statm(wrong, 4096), None, "{wrong}");
        }
    }

    #[test]
    fn the_less_is_left_the_sooner_it_looks_again() {
        const MEBI: u64 = 1 << 20;
        let table = [
            (u64::MAX, false, CALM),
            (100 * MEBI, false, Duration::from_millis(50)),
            (8 * MEBI, false, Duration::from_millis(4)),
            (8 * MEBI, true, STILL),
            (1, false, SOON),
            // Nothing is left to be noticed but that it is over.
            (0, false, STILL),
        ];
        for (left, still, expected) in table {
            assert_eq!(rest(left, still), expected, "{left} {still}");
        }
    }

    #[test]
    fn limits_stand_in_the_own_group_and_all_above() {
        let v2 = ["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"];
        assert_eq!(limit_files("0::/a/b\n"), v2.map(PathBuf::from));
        let v1 = ["/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        assert_eq!(limit_files("5:devices:/\n4:memory:/a\nnonsense\n"), v1.map(PathBuf::from));
    }

    #[test]
    fn what_was_set_comes_before_what_the_system_allows() {
        let below = |allowed| Some(Gauge::below(allowed));
        let table = [
            ((None, None, None), (None, None)),
            ((None, Some(400), None), (below(400), None)),
            ((Some(350), Some(400), Some(800)), (Some(Gauge::new(350).ending(400)), below(800))),
            ((Some(350), None, None), (Some(Gauge::new(350)), None)),
        ];
        for ((setting, cgroup, address_space), (resident, size)) in table {
            assert_eq!(Bounds::new(setting, cgroup, address_space), Bounds { resident, size });
        }
    }
}
