//! `gatepost serve` started again and again on one state.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take before it counts as failed.
const LIMIT: Duration = Duration::from_secs(30);

/// What was seen of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// From the start of the process until it said that it listens.
    pub(crate) start_up: Duration,
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
    /// The same with shared pages counted by their share, in bytes.
    pub(crate) proportional: u64,
}

/// Starts it `count` times: the first time with a new state, then on what the first left.
pub(crate) fn samples(binary: &Path, count: usize) -> Result<Vec<Sample>, String> {
    let folder = std::env::temp_dir().join(format!("gatepost-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let all = (0..count).map(|_| sample(binary, &folder)).collect();
    std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    all
}

fn sample(binary: &Path, folder: &Path) -> Result<Sample, String> {
    let ready = folder.join("ready.json");
    // Of the run before; the first has none.
    let _ = std::fs::remove_file(&ready);
    let start = Instant::now();
    let mut child = start_gateway(binary, folder, &ready)?;
    let measured = wait(&mut child, &ready).and_then(|()| {
        let start_up = start.elapsed();
        let (resident, proportional) = memory(child.id())?;
        Ok(Sample { start_up, resident, proportional })
    });
    let ended = child.kill().and_then(|()| child.wait());
    ended.map_err(|error| format!("the gateway could not be ended: {error}"))?;
    measured
}

fn start_gateway(binary: &Path, folder: &Path, ready: &PathBuf) -> Result<Child, String> {
    Command::new(binary)
        .args(["serve", "--state"])
        .arg(folder.join("state"))
        .arg("--ready")
        .arg(ready)
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", binary.display()))
}

fn wait(child: &mut Child, ready: &Path) -> Result<(), String> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if std::fs::read_to_string(ready).is_ok_and(|text| serde_json::from_str::<serde_json::Value>(&text).is_ok()) {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the gateway ended at once: {status}"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(format!("the gateway did not listen within {} s", LIMIT.as_secs()))
}

/// Resident and proportional memory, from Linux's `smaps_rollup`.
fn memory(process: u32) -> Result<(u64, u64), String> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    match (kibibytes(&text, "Rss:"), kibibytes(&text, "Pss:")) {
        (Some(resident), Some(proportional)) => Ok((resident * 1024, proportional * 1024)),
        _ => Err(format!("{path} does not tell the memory")),
    }
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_rollup() {
        let text = "5581-7ff [rollup]\nRss:                1820 kB\nPss:                 900 kB\nPss_Dirty: 1 kB\n";
        assert_eq!((kibibytes(text, "Rss:"), kibibytes(text, "Pss:")), (Some(1820), Some(900)));
        assert_eq!(kibibytes(text, "Swap:"), None);
    }
}
