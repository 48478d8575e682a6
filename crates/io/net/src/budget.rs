//! The process's memory: what the system allows, what is used, and whether anything new may be taken in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gatepost_model::gauge::Gauge;

/// Between two looks while memory is plentiful, and while it is not.
const CALM: Duration = Duration::from_millis(100);
const NEAR: Duration = Duration::from_millis(10);

/// Octets from which on a cgroup's figure means "no limit" (version 1 writes almost 2^63).
const NO_LIMIT: u64 = 1 << 60;

/// Whether the process's memory is short. A thread of its own looks at `/proc`, often when it is near the bound;
/// asking costs one load. Where there is no bound, or no `/proc`, there is no thread and memory is never short.
#[derive(Debug, Default)]
pub struct Budget {
    short: AtomicBool,
}

/// What a process uses, in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        if bounds == Bounds::default() || used().is_none() {
            return budget;
        }
        let watched = Arc::downgrade(&budget);
        let thread = std::thread::Builder::new().name("gatepost-memory".to_owned());
        // Without a thread left for it, memory is short indeed.
        if thread.spawn(move || look_on(&watched, bounds, connections)).is_err() {
            budget.set(true);
        }
        budget
    }

    /// Whether nothing new should be taken in.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    fn set(&self, short: bool) {
        self.short.store(short, Ordering::Relaxed);
    }
}

impl Bounds {
    fn new(setting: Option<u64>, cgroup: Option<u64>, address_space: Option<u64>) -> Self {
        let resident = setting.map(Gauge::new).or(cgroup.map(Gauge::below));
        Self { resident, size: address_space.map(Gauge::below) }
    }

    fn each(&mut self, used: Used) -> impl Iterator<Item = (&mut Gauge, u64)> {
        let resident = self.resident.as_mut().map(|gauge| (gauge, used.resident));
        resident.into_iter().chain(self.size.as_mut().map(|gauge| (gauge, used.size)))
    }

    /// Whether memory is short, and whether to look again soon. Every gauge has its look.
    fn look(&mut self, used: Used, connections: u64, now: Duration) -> (bool, bool) {
        let looks = self.each(used).map(|(gauge, used)| (gauge.look(used, connections, now), gauge.is_near(used)));
        looks.fold((false, false), |(short, near), look| (short | look.0, near | look.1))
    }
}

/// Looks until nobody wants to know any more.
fn look_on(budget: &Weak<Budget>, mut bounds: Bounds, connections: impl Fn() -> usize) {
    let start = Instant::now();
    while let Some(budget) = budget.upgrade() {
        let Some(used) = used() else { return };
        let connections = u64::try_from(connections()).unwrap_or(u64::MAX);
        let (short, near) = bounds.look(used, connections, start.elapsed());
        budget.set(short);
        drop(budget);
        std::thread::sleep(if near { NEAR } else { CALM });
    }
}

/// What this process uses now.
fn used() -> Option<Used> {
    parse_status(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads `VmSize` and `VmRSS` of proc_pid_status(5).
fn parse_status(text: &str) -> Option<Used> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Used { resident: field("VmRSS:")?, size: field("VmSize:")? })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_process() {
        let text =
            "Name:\tgatepost\nVmPeak:\t  999999 kB\nVmSize:\t  412000 kB\nVmRSS:\t   10240 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(parse_status(text), Some(Used { resident: 10240 * 1024, size: 412_000 * 1024 }));
        for wrong in ["", "VmSize: 1 kB", "VmSize: 1 kB\nVmRSS: x kB", "VmSize: 1 MB\nVmRSS: 1 MB"] {
            assert_eq!(parse_status(wrong), None, "{wrong}");
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
        let gauge = |bound| Some(Gauge::new(bound));
        let table = [
            ((None, None, None), (None, None)),
            ((None, Some(400), None), (gauge(300), None)),
            ((Some(350), Some(400), Some(800)), (gauge(350), gauge(600))),
        ];
        for ((setting, cgroup, address_space), (resident, size)) in table {
            assert_eq!(Bounds::new(setting, cgroup, address_space), Bounds { resident, size });
        }
    }
}
