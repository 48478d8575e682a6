//! WebSocket echo servers of several libraries, and the load that measures them: `benches/ws/README.md`.

mod handshake;
mod idle;
mod load;
mod messages;
mod peers;
mod process;
mod serve;
mod words;

use crate::words::Words;

const USAGE: &str = "\
usage: wsecho peers                           a line a peer: its name, and Plain, Deflate or Both
       wsecho echo PEER [--deflate HOW]       serves; prints the port; HOW is takeover or fresh
       wsecho load --port N --pid N --conns N --bytes N --window N --seconds N [--text] [--deflate HOW]
       wsecho fragments --port N --pid N      one message in 65,537 frames of one octet
       wsecho idle --port N --pid N --conns N [--deflate HOW]";

fn main() {
    let words = Words::of_command_line();
    match words.verb() {
        "peers" => {
            for peer in peers::ALL {
                println!("{} {:?}", peer.name, peer.speaks);
            }
        }
        "echo" => serve::run(words.name(), words.deflate()),
        "load" => load::run(&words),
        "fragments" => load::fragments(&words),
        "idle" => idle::run(&words),
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    }
}
