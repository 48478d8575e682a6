//! An HTTP peer on loopback that follows a script.

use std::net::{Ipv4Addr, SocketAddr};

use gatepost_model::url::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::ScriptError;
use crate::script::{PATIENCE, Step, play};

/// What one connection sent, piece by piece: one for each step of its script that waited.
pub type Seen = Vec<Vec<u8>>;

/// A server on a port of the system's choice that plays one script a connection, one after the
/// other, and tells what it saw.
///
/// It is gone when it is dropped.
///
/// ```
/// use gatepost_testkit::peer::Peer;
/// use gatepost_testkit::script::Step;
/// use tokio::io::AsyncWriteExt;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let peer = Peer::start(vec![vec![Step::Head, Step::send("HTTP/1.1 204 No Content\r\n\r\n")]]).await;
/// let mut stream = tokio::net::TcpStream::connect(peer.address()).await?;
/// stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
/// assert_eq!(peer.finish().await?, [[b"GET / HTTP/1.1\r\n\r\n"]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    playing: JoinHandle<Result<Vec<Seen>, ScriptError>>,
}

impl Peer {
    /// Listens on 127.0.0.1 and plays the scripts, one a connection in the order of arrival.
    ///
    /// # Panics
    /// If loopback has no port left.
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        Self { address, playing: tokio::spawn(serve(listener, scripts)) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `http` URL of a path on it, which starts with `/`.
    ///
    /// # Panics
    /// If the path is none.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).expect("a path that starts with `/`")
    }

    /// Waits until all scripts are played, and gives what each connection sent.
    ///
    /// # Errors
    /// The [`ScriptError`] of the first connection that went another way.
    ///
    /// # Panics
    /// If the task of the peer panicked.
    pub async fn finish(mut self) -> Result<Vec<Seen>, ScriptError> {
        (&mut self.playing).await.expect("the peer's task does not panic")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.playing.abort();
    }
}

async fn serve(listener: TcpListener, scripts: Vec<Vec<Step>>) -> Result<Vec<Seen>, ScriptError> {
    let mut seen = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let connection = index + 1;
        let Ok(Ok((stream, _))) = timeout(PATIENCE, listener.accept()).await else {
            return Err(ScriptError::NoConnection { connection });
        };
        seen.push(play(stream, script).await?);
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn one_script_a_connection() {
        let script = |text: &str| vec![Step::Head, Step::send(text)];
        let peer = Peer::start(vec![script("one"), script("two")]).await;
        let mut answers = Vec::new();
        for request in ["GET /1 HTTP/1.1\r\n\r\n", "GET /2 HTTP/1.1\r\n\r\n"] {
            let mut stream = TcpStream::connect(peer.address()).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answers.push(answer);
        }
        assert_eq!(answers, ["one", "two"]);
        let seen = peer.finish().await.unwrap();
        assert_eq!(seen, [[b"GET /1 HTTP/1.1\r\n\r\n".to_vec()], [b"GET /2 HTTP/1.1\r\n\r\n".to_vec()]]);
    }

    #[tokio::test]
    async fn a_peer_says_what_went_wrong_and_where_it_lives() {
        let peer = Peer::start(vec![vec![Step::expect("GET ")]]).await;
        assert_eq!(peer.url("/a?b").as_str(), format!("http://{}/a?b", peer.address()));
        let mut stream = TcpStream::connect(peer.address()).await.unwrap();
        stream.write_all(b"PUT ").await.unwrap();
        let error = peer.finish().await.unwrap_err();
        assert_eq!(error, ScriptError::Mismatch { step: 1, expected: "GET ".into(), received: "P".into() });
    }
}
