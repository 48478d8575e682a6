//! Keeps secrets of this process out of core files and away from other processes of the same user.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Switches core files off, and on Linux the reading of our memory by others of the same user too.
///
/// A process holds passwords and keys while it works; a crash must not leave them on the disk. Where the
/// system does not let us, the command works all the same: this is a second wall, not the first.
pub(crate) fn no_core_files() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // A handler that cores are piped to (core(5)) does not look at the limit, but at this.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_files_are_off() {
        no_core_files();
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    }
}
