//! The log of a long run: events as lines on stderr. Nothing in an event is secret.

use tracing_subscriber::EnvFilter;

/// Starts the log. `GATEPOST_LOG` (as in `debug` or `gatepost=trace`) wins over the flag's count.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "gatepost=debug,info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("GATEPOST_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // A log that was started before stays: only an embedder could have done so.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).try_init();
}
