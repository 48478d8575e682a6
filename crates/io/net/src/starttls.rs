//! Drives a STARTTLS dialogue over a stream, up to where TLS begins.

use std::time::Duration;

use gatepost_tls::starttls::dialogue::Dialogue;
use gatepost_tls::starttls::protocol::Told;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{NetError, Wait};
use crate::explain;
use crate::upgrade::Stream;

/// Octets that are read at once. What is read beyond the last answer is an error, so no more than a few are needed.
const READ: usize = 1024;

/// Talks until both ends have agreed on TLS, for not longer than `limit`. `tell` hears every line, also of a talk that
/// fails.
///
/// # Errors
/// [`NetError::StartTls`], [`NetError::Timeout`], or whatever broke the stream. It must not be used for anything then.
pub async fn converse<S: Stream>(
    mut dialogue: Dialogue,
    stream: &mut S,
    limit: Duration,
    mut tell: impl FnMut(Told),
) -> Result<(), NetError> {
    let talk = tokio::time::timeout(limit, talk(&mut dialogue, stream, &mut tell)).await;
    dialogue.take_told().into_iter().for_each(&mut tell);
    talk.map_err(|_| explain::timeout(Wait::Answer, limit))?
}

async fn talk<S: Stream>(dialogue: &mut Dialogue, stream: &mut S, tell: &mut impl FnMut(Told)) -> Result<(), NetError> {
    let broken = |error: std::io::Error| explain::io(&error, "the talk before TLS");
    loop {
        let output = dialogue.take_output();
        dialogue.take_told().into_iter().for_each(&mut *tell);
        if !output.is_empty() {
            stream.write_all(&output).await.map_err(broken)?;
            stream.flush().await.map_err(broken)?;
        }
        if dialogue.is_agreed() {
            return Ok(());
        }
        let mut piece = [0; READ];
        let count = stream.read(&mut piece).await.map_err(broken)?;
        if count == 0 {
            return Err(dialogue.hung_up().into());
        }
        dialogue.receive(piece.get(..count).unwrap_or_default())?;
    }
}

#[cfg(test)]
mod tests {
    use gatepost_tls::starttls::by_name;
    use gatepost_tls::starttls::error::StartTlsError;
    use tokio::io::duplex;

    use super::*;

    /// What a client makes of a server that says these things in turn, what was told, and what the server heard.
    async fn meet(turns: &'static [&'static str]) -> (Result<(), NetError>, Vec<String>, String) {
        let (mut near, mut far) = duplex(4096);
        let server = tokio::spawn(async move {
            let mut heard = String::new();
            for said in turns {
                far.write_all(said.as_bytes()).await.unwrap();
                let mut line = [0; 1024];
                match far.read(&mut line).await.unwrap() {
                    0 => break,
                    count => heard.push_str(std::str::from_utf8(&line[..count]).unwrap()),
                }
            }
            heard
        });
        let dialogue = Dialogue::client(by_name("pop3").unwrap(), "h.test").unwrap();
        let mut told = Vec::new();
        let tell = |line: Told| told.push(format!("{}{}", if line.is_ours { "> " } else { "< " }, line.text));
        let talk = converse(dialogue, &mut near, Duration::from_secs(10), tell).await;
        drop(near);
        (talk, told, server.await.unwrap())
    }

    #[tokio::test]
    async fn a_talk_is_told_line_by_line() {
        let (talk, told, heard) = meet(&["+OK a\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK go\r\n"]).await;
        assert_eq!((talk, heard.as_str()), (Ok(()), "CAPA\r\nSTLS\r\n"));
        assert_eq!(told, ["< +OK a", "> CAPA", "< +OK", "< STLS", "< .", "> STLS", "< +OK go"]);
    }

    #[tokio::test]
    async fn one_that_fails_is_told_as_well_and_nothing_more_is_said() {
        let (talk, told, heard) = meet(&["+OK a\r\n", "+OK\r\nSTLS\r\n.\r\n+OK go\r\n+OK early\r\n"]).await;
        assert!(matches!(talk, Err(NetError::StartTls(StartTlsError::Injected { .. }))), "{talk:?}");
        assert_eq!((heard.as_str(), told.len()), ("CAPA\r\n", 6));
        let (talk, ..) = meet(&["+OK a\r\n"]).await;
        assert_eq!(talk, Err(NetError::StartTls(StartTlsError::Ended { protocol: "pop3" })));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_for_ever() {
        let (mut near, _far) = duplex(64);
        let dialogue = Dialogue::client(by_name("smtp").unwrap(), "h.test").unwrap();
        let limit = Duration::from_secs(60);
        let talk = converse(dialogue, &mut near, limit, drop).await;
        assert_eq!(talk, Err(NetError::Timeout { what: Wait::Answer, limit }));
    }
}
