//! The machine the tests run on: what it has, and on Debian as root, what is put there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::test::process;

const POLICY: &str = "/usr/sbin/policy-rc.d";
const PATIENCE: Duration = Duration::from_secs(600);

/// A program that the interoperability tests start, how to see that it works, and its Debian package.
const TOOLS: [(&str, &[&str], &str); 29] = [
    ("haproxy", &["-v"], "haproxy"),
    ("nginx", &["-v"], "nginx-light"),
    ("apache2", &["-v"], "apache2-bin"),
    ("squid", &["-v"], "squid-openssl"),
    ("curl", &["--version"], "curl"),
    ("openssl", &["version"], "openssl"),
    ("prlimit", &["--version"], "util-linux"),
    ("python3", &["-c", "import ensurepip, ssl, venv"], "python3-venv"),
    ("node", &["--version"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("chromium", &["--version"], "chromium"),
    ("pebble", &["-h"], "pebble"),
    ("caddy", &["version"], "caddy"),
    ("ip", &["-V"], "iproute2"),
    ("unshare", &["--version"], "util-linux"),
    ("nsenter", &["--version"], "util-linux"),
    ("exim4", &["-bV"], "exim4-daemon-light"),
    ("dovecot", &["--version"], "dovecot-imapd"),
    ("test", &["-x", "/usr/lib/dovecot/pop3-login"], "dovecot-pop3d"),
    ("test", &["-x", "/usr/sbin/vsftpd"], "vsftpd"),
    ("test", &["-x", "/usr/bin/prosody"], "prosody"),
    ("test", &["-x", "/usr/sbin/slapd"], "slapd"),
    ("mariadbd", &["--version"], "mariadb-server-core"),
    ("test", &["-x", "/usr/bin/microsocks"], "microsocks"),
    ("psql", &["--version"], "postgresql"),
    // The daemons of Kerberos have no word that only shows that they are there.
    ("sh", &["-c", "command -v krb5kdc kdb5_util"], "krb5-kdc"),
    ("sh", &["-c", "command -v kadmin.local"], "krb5-admin-server"),
    ("sh", &["-c", "command -v kinit"], "krb5-user"),
    ("test", &["-e", "/usr/lib/apache2/modules/mod_auth_gssapi.so"], "libapache2-mod-auth-gssapi"),
];

/// Makes sure of the tools, or says which are missing and why they were not installed.
pub(crate) fn equip() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    if !(is_debian() && is_root()) {
        return Err(format!("needs {}; only on Debian as root they are installed", missing.join(", ")));
    }
    install(&missing)?;
    match self::missing() {
        left if left.is_empty() => Ok(()),
        left => Err(format!("still missing after their installation: {}", left.join(", "))),
    }
}

/// The Python of an environment in `folder` that holds what `requirements` names.
pub(crate) fn python(folder: &Path, requirements: &Path) -> Result<PathBuf, String> {
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.done");
    let wanted =
        std::fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let options =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement"];
    succeed(Command::new(&python).args(options).arg(requirements))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// A folder whose `node_modules` is what the lock file beside the scripts in `scripts` names.
pub(crate) fn node(folder: &Path, scripts: &Path) -> Result<PathBuf, String> {
    let stamp = folder.join("lock.done");
    let lock = scripts.join("package-lock.json");
    let wanted = std::fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(folder.to_owned());
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(scripts.join(name), folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    // No scripts: nothing that is installed needs one, and none can then reach for a browser of its own.
    let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    succeed(Command::new("npm").args(options).current_dir(folder))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(folder.to_owned())
}

/// The search path, with the folder where Debian keeps nginx, which an ordinary user's path leaves out.
pub(crate) fn search_path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

fn missing() -> Vec<&'static str> {
    let works = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("env");
        command.env("PATH", search_path()).arg(program).args(arguments);
        command.output().is_ok_and(|output| output.status.success())
    };
    TOOLS.iter().filter(|(program, arguments, _)| !works(program, arguments)).map(|(_, _, package)| *package).collect()
}

fn is_debian() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line == "ID=debian")
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // Real, effective, saved, file system.
    ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

fn install(packages: &[&str]) -> Result<(), String> {
    let made = forbid_daemons();
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-o", "DPkg::Lock::Timeout=300"]);
        command
    };
    let done = succeed(apt().arg("update"))
        .and_then(|()| succeed(apt().args(["--yes", "--no-install-recommends", "install"]).args(packages)));
    if made {
        // Left behind it would only keep later daemons from starting, which the next reader would wonder about.
        std::fs::remove_file(POLICY).map_err(|error| format!("{POLICY}: {error}"))?;
    }
    done
}

/// Keeps Debian from starting what it installs, on ports that are not ours. `false` if the machine has its own rule.
fn forbid_daemons() -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    if Path::new(POLICY).exists() {
        return false;
    }
    std::fs::write(POLICY, "#!/bin/sh\nexit 101\n").is_ok()
        && std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)).is_ok()
}

/// Runs it, showing what it says; an error that names it otherwise.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match process::run(command, PATIENCE).failure {
        None => Ok(()),
        Some(how) => Err(format!("{name}: {how}")),
    }
}
