//! gwload: the load side of the gateway benchmark. Loopback only, single thread, epoll.
//!   gwload up    --listen A                                   upstream (HTTP/1.1 + WebSocket echo)
//!   gwload h1    --addr A --conns N --secs S [--path /1k] [--header 'K: V'] [--rate R] [--post BYTES] [--plain]
//!   gwload hs    --addr A --conns N --secs S [--resume] [--pq]    one connection + one request each
//!   gwload ws    --addr A --conns N --secs S --size B         WebSocket echo, one message in flight each
//!   gwload idle  --addr A --conns N [--http]                  opens N wss (or keep-alive) connections, prints READY, waits for stdin EOF
//! Each prints one JSON line.
mod args;
mod client;
mod ep;
mod up;

use crate::args::Args;

fn main() {
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        let mut r: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut r);
        r.rlim_cur = r.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &r);
    }
    let mut v: Vec<String> = std::env::args().skip(1).collect();
    if v.is_empty() {
        eprintln!("see README");
        std::process::exit(2)
    }
    let mode = v.remove(0);
    let a = Args(v);
    match mode.as_str() {
        "up" => up::run(&a),
        "h1" | "hs" | "ws" | "idle" => client::run(&mode, &a),
        _ => {
            eprintln!("unknown mode");
            std::process::exit(2)
        }
    }
}
