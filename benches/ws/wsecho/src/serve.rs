//! An echo server of one thread, with the peer that was asked for.

use tokio::net::TcpListener;

use crate::handshake::{self, Deflate};
use crate::{peers, process};

pub fn run(name: &str, deflate: Deflate) {
    let peer = peers::ALL.iter().find(|peer| peer.name == name).unwrap_or_else(|| panic!("there is no peer {name}"));
    process::lift_descriptors();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // `spawn_local` everywhere, as a worker of one thread would do.
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback");
        println!("{}", listener.local_addr().expect("it is bound").port());
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { continue };
            // The handshake has a task of its own, so that its buffer does not count as the peer's memory.
            tokio::task::spawn_local(async move {
                stream.set_nodelay(true).ok()?;
                handshake::accept(&mut stream, deflate).await?;
                (peer.start)(stream, deflate);
                Some(())
            });
        }
    });
}
