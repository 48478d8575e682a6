//! A script for one end of a wire: what it waits for and what it says.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::error::ScriptError;

/// How long a step may take. A guard against tests that hang, never part of what they assert; it
/// runs on tokio's clock, so a script over real sockets does not go with a paused one.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long a head may be.
const HEAD_LIMIT: usize = 256 * 1024;

/// One step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Wait for exactly these octets.
    Expect(Vec<u8>),
    /// Wait for a whole HTTP/1.1 head, whatever is in it (RFC 9112 §2.1).
    Head,
    /// Wait for this many octets, whatever they are.
    Octets(usize),
    /// Wait until the other end has closed its direction; whatever still comes is kept.
    End,
    /// Say this.
    Send(Vec<u8>),
    /// Close our direction; the script goes on reading.
    Close,
}

impl Step {
    /// [`Step::Expect`] of a text.
    #[must_use]
    pub fn expect(text: &str) -> Self {
        Self::Expect(text.into())
    }

    /// [`Step::Send`] of a text.
    #[must_use]
    pub fn send(text: &str) -> Self {
        Self::Send(text.into())
    }
}

/// Plays a script on a stream and gives what was received, piece by piece: one for each step that
/// waited, in order. The stream is closed at the end.
///
/// ```
/// use gatepost_testkit::script::{Step, play};
/// use gatepost_testkit::wire::pair;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let (mut ours, theirs) = pair();
/// ours.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
/// let received = play(theirs, &[Step::Head, Step::send("HTTP/1.1 204 No Content\r\n\r\n")]).await?;
/// assert_eq!(received, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]);
/// let mut answer = String::new();
/// ours.read_to_string(&mut answer).await?;
/// assert_eq!(answer, "HTTP/1.1 204 No Content\r\n\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// [`ScriptError`] at the first step that goes another way.
pub async fn play(stream: impl AsyncRead + AsyncWrite + Unpin, steps: &[Step]) -> Result<Vec<Vec<u8>>, ScriptError> {
    let mut stream = stream;
    let mut received = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let mut came = Vec::new();
        let done = timeout(PATIENCE, perform(&mut stream, step, &mut came)).await;
        let failure = match done {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure),
            Err(_) => Some(Failure::Silence),
        };
        if let Some(failure) = failure {
            return Err(failure.at(index + 1, step, &came));
        }
        if !matches!(step, Step::Send(_) | Step::Close) {
            received.push(came);
        }
    }
    // The other end may be gone already, which is its right once the script is over.
    let _ = stream.shutdown().await;
    Ok(received)
}

/// Why a step failed, before it is known which one it was.
enum Failure {
    Mismatch,
    Ended,
    Silence,
    TooLong,
    Broken(io::Error),
}

impl Failure {
    fn at(self, step: usize, script: &Step, came: &[u8]) -> ScriptError {
        let received = came.escape_ascii().to_string();
        match self {
            Self::Mismatch => {
                let expected = match script {
                    Step::Expect(octets) => octets.escape_ascii().to_string(),
                    _ => String::new(),
                };
                ScriptError::Mismatch { step, expected, received }
            }
            Self::Ended => ScriptError::Ended { step, received },
            Self::Silence => ScriptError::Silence { step, received },
            Self::TooLong => ScriptError::TooLong { step },
            Self::Broken(error) => ScriptError::Broken { step, detail: error.to_string() },
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Ended } else { Self::Broken(error) }
    }
}

async fn perform(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    step: &Step,
    came: &mut Vec<u8>,
) -> Result<(), Failure> {
    match step {
        // Octet by octet, so that a mismatch is seen where it happens and not when enough has come.
        Step::Expect(octets) => {
            for octet in octets {
                came.push(stream.read_u8().await?);
                if came.last() != Some(octet) {
                    return Err(Failure::Mismatch);
                }
            }
        }
        // Octet by octet as well: what follows the head belongs to the next step.
        Step::Head => {
            while !came.ends_with(b"\r\n\r\n") {
                if came.len() == HEAD_LIMIT {
                    return Err(Failure::TooLong);
                }
                came.push(stream.read_u8().await?);
            }
        }
        Step::Octets(count) => {
            while came.len() < *count {
                came.push(stream.read_u8().await?);
            }
        }
        Step::End => {
            stream.read_to_end(came).await?;
        }
        Step::Send(octets) => {
            stream.write_all(octets).await?;
            stream.flush().await?;
        }
        Step::Close => stream.shutdown().await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pair;

    /// Plays `steps` against an end that says `says` and then closes.
    async fn against(says: &[u8], steps: &[Step]) -> Result<Vec<Vec<u8>>, ScriptError> {
        let (mut ours, theirs) = pair();
        ours.write_all(says).await.unwrap();
        ours.shutdown().await.unwrap();
        play(theirs, steps).await
    }

    #[tokio::test]
    async fn steps_take_what_is_theirs() {
        let steps = [Step::expect("ab"), Step::Head, Step::Octets(3), Step::End];
        let received = against(b"abGET / HTTP/1.1\r\n\r\nbodyrest", &steps).await.unwrap();
        let pieces: [&[u8]; 4] = [b"ab", b"GET / HTTP/1.1\r\n\r\n", b"bod", b"yrest"];
        assert_eq!(received, pieces);
    }

    #[tokio::test]
    async fn what_goes_another_way_is_said() {
        let table = [
            (b"abd".as_slice(), vec![Step::expect("abc")], "step 1: expected \"abc\", received \"abd\""),
            (b"a\r\n", vec![Step::Octets(1), Step::Head], "step 2: the other end closed after \"\\r\\n\""),
            (b"", vec![Step::Octets(1)], "step 1: the other end closed after \"\""),
        ];
        for (says, steps, error) in table {
            assert_eq!(against(says, &steps).await.unwrap_err().to_string(), error);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends() {
        let (_ours, theirs) = pair();
        let error = play(theirs, &[Step::Octets(1)]).await.unwrap_err();
        assert_eq!(error, ScriptError::Silence { step: 1, received: String::new() });
    }

    #[tokio::test]
    async fn a_head_has_an_end() {
        let (mut ours, theirs) = pair();
        let steps = [Step::Head];
        let (written, played) = tokio::join!(ours.write_all(&[b'x'; HEAD_LIMIT]), play(theirs, &steps));
        assert_eq!((written.is_ok(), played), (true, Err(ScriptError::TooLong { step: 1 })));
    }
}
