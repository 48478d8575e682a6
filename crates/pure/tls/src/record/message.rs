//! What comes inside records beside data: handshake messages after the handshake, and alerts.

use rustls::{AlertDescription, HandshakeType};

use super::fault::RecordFault;

/// The longest message that is put together, in octets: a ticket is at most 2^16 - 1 (RFC 8446 §4.6.1).
const MAX_MESSAGE: usize = (1 << 16) + 1024;

/// A handshake message, as far as it has come: they may be spread over records (RFC 8446 §5.1).
#[derive(Default)]
pub(super) struct Messages {
    partial: Vec<u8>,
}

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: HandshakeType,
    pub(super) body: Vec<u8>,
    /// Whether nothing follows it in its record.
    pub(super) is_last: bool,
}

impl Messages {
    /// Whether a message has begun and not ended: nothing else may come between (RFC 8446 §5.1).
    pub(super) fn is_between(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Takes the content of a record; gives the messages that are whole now.
    pub(super) fn receive(&mut self, content: &[u8]) -> Result<Vec<Message>, RecordFault> {
        if content.is_empty() {
            // RFC 8446 §5.1: handshake records of no length must not be sent.
            return Err(RecordFault::Unexpected("an empty handshake record"));
        }
        let mut octets = std::mem::take(&mut self.partial);
        octets.extend_from_slice(content);
        let mut rest = octets.as_slice();
        let mut whole = Vec::new();
        while let Some((kind, body, after)) = first_message(rest)? {
            whole.push(Message { kind, body: body.to_vec(), is_last: after.is_empty() });
            rest = after;
        }
        self.partial = rest.to_vec();
        Ok(whole)
    }
}

type Parts<'a> = (HandshakeType, &'a [u8], &'a [u8]);

/// The first message and what follows it; `None` if it is not whole.
fn first_message(octets: &[u8]) -> Result<Option<Parts<'_>>, RecordFault> {
    let Some(([kind, high, middle, low], rest)) = octets.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes([0, *high, *middle, *low]);
    let length = usize::try_from(length).map_err(|_| RecordFault::Malformed("a message"))?;
    if length > MAX_MESSAGE {
        return Err(RecordFault::Malformed("a message"));
    }
    Ok(rest.split_at_checked(length).map(|(body, after)| (HandshakeType::from(*kind), body, after)))
}

/// What an alert means: `true` ends what the peer says, `false` nothing.
pub(super) fn judge_alert(content: &[u8]) -> Result<bool, RecordFault> {
    let [_level, description] = content else { return Err(RecordFault::Malformed("an alert")) };
    // RFC 8446 §6: the level is to be ignored; what does not close is an error, but for user_canceled,
    // which announces a close_notify.
    match AlertDescription::from(*description) {
        AlertDescription::CloseNotify => Ok(true),
        AlertDescription::UserCanceled => Ok(false),
        other => Err(RecordFault::Alert(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: HandshakeType, body: &[u8], is_last: bool) -> Message {
        Message { kind, body: body.to_vec(), is_last }
    }

    #[test]
    fn messages_come_whole_however_they_are_spread() {
        let update = message(HandshakeType::KeyUpdate, &[1], true);
        let mut messages = Messages::default();
        assert_eq!(messages.receive(&[24, 0, 0, 1, 1]).unwrap(), [update]);
        let both = [4, 0, 0, 2, 8, 9, 24, 0, 0, 1, 0];
        for split in 1..both.len() {
            let mut seen = messages.receive(&both[..split]).unwrap();
            seen.extend(messages.receive(&both[split..]).unwrap());
            let kinds: Vec<(HandshakeType, Vec<u8>)> =
                seen.into_iter().map(|message| (message.kind, message.body)).collect();
            let expected = [(HandshakeType::NewSessionTicket, vec![8, 9]), (HandshakeType::KeyUpdate, vec![0])];
            assert_eq!(kinds, expected, "{split}");
            assert!(!messages.is_between());
        }
        assert_eq!(messages.receive(&[]), Err(RecordFault::Unexpected("an empty handshake record")));
        assert_eq!(messages.receive(&[4, 1, 255, 255]), Err(RecordFault::Malformed("a message")));
    }

    #[test]
    fn only_close_notify_closes() {
        let cases: [(&[u8], Result<bool, RecordFault>); 6] = [
            (&[1, 0], Ok(true)),
            (&[2, 0], Ok(true)),
            (&[1, 90], Ok(false)),
            (&[1, 100], Err(RecordFault::Alert(AlertDescription::NoRenegotiation))),
            (&[2], Err(RecordFault::Malformed("an alert"))),
            (&[2, 20, 0], Err(RecordFault::Malformed("an alert"))),
        ];
        for (content, expected) in cases {
            assert_eq!(judge_alert(content), expected, "{content:?}");
        }
    }
}
