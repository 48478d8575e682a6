//! XMPP: a stream whose features have starttls (RFC 6120 §5).

use super::error::{StartTlsError, quoted};
use super::protocol::{Heard, Protocol, Speech, Talk};
use super::tags::{self, Kind, Next, Tag};

const NAME: &str = "xmpp";

const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";

/// XMPP, from client to server.
#[derive(Debug)]
pub(super) struct Xmpp;

impl Protocol for Xmpp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        5222
    }

    fn reference(&self) -> &'static str {
        "RFC 6120, section 5"
    }

    fn client(&self, server: &str) -> Box<dyn Talk> {
        Box::new(Client {
            server: server.to_owned(),
            depth: 0,
            place: Place::Elsewhere,
            is_offered: false,
            asked: false,
        })
    }
}

/// What of the stream's children is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Elsewhere,
    Features,
    Proceed,
}

#[derive(Debug)]
struct Client {
    server: String,
    /// Elements that are open; the stream is the first.
    depth: usize,
    place: Place,
    is_offered: bool,
    asked: bool,
}

impl Talk for Client {
    fn open(&mut self, speech: &mut Speech) {
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{}' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
            self.server
        );
        speech.octets(header.as_bytes(), &header);
    }

    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError> {
        let broken = |detail: &str| StartTlsError::Broken { protocol: NAME, detail: detail.to_owned() };
        // Before the stream there is white space at most; who speaks something else would be waited for in vain.
        if self.depth == 0 && heard.trim_ascii_start().first().is_some_and(|first| *first != b'<') {
            return Err(broken("what it says first is no XML"));
        }
        let (tag, used) = match tags::next(heard).map_err(broken)? {
            Next::NotYet => return Ok(Heard::NotYet),
            Next::Other(used) => return Ok(Heard::Went(used)),
            Next::Tag(tag, used) => (tag, used),
        };
        speech.heard(String::from_utf8_lossy(heard.get(..used).unwrap_or_default()).trim());
        if self.depth == 0 && (tag.name != "stream" || tag.kind != Kind::Opens) {
            return Err(broken(&format!("`{}` opens no stream", quoted(&tag.name))));
        }
        if tag.kind != Kind::Closes {
            self.begins(&tag)?;
        }
        match tag.kind {
            Kind::Opens => self.depth = self.depth.saturating_add(1),
            Kind::Closes => self.depth = self.depth.saturating_sub(1),
            Kind::Empty => {}
        }
        match self.depth {
            0 => Err(StartTlsError::Ended { protocol: NAME }),
            1 if tag.kind != Kind::Opens => self.ends(used, speech),
            _ => Ok(Heard::Went(used)),
        }
    }
}

impl Client {
    /// An element begins.
    fn begins(&mut self, tag: &Tag) -> Result<(), StartTlsError> {
        let is_tls = tag.namespace.as_deref() == Some(TLS);
        match (self.depth, tag.name.as_str()) {
            (1, "features") if !self.asked => self.place = Place::Features,
            (1, "proceed") if self.asked && is_tls => self.place = Place::Proceed,
            (1, "failure" | "error") => {
                return Err(StartTlsError::Refused { protocol: NAME, answer: tag.name.clone() });
            }
            (1, other) => {
                let detail = format!("`{}` answers nothing", quoted(other));
                return Err(StartTlsError::Broken { protocol: NAME, detail });
            }
            (2, "starttls") if self.place == Place::Features => self.is_offered |= is_tls,
            _ => {}
        }
        Ok(())
    }

    /// A child of the stream has ended.
    fn ends(&mut self, used: usize, speech: &mut Speech) -> Result<Heard, StartTlsError> {
        match std::mem::replace(&mut self.place, Place::Elsewhere) {
            Place::Elsewhere => Ok(Heard::Went(used)),
            Place::Proceed => Ok(Heard::Agreed(used)),
            Place::Features if !self.is_offered => Err(StartTlsError::NotOffered { protocol: NAME }),
            Place::Features => {
                let request = format!("<starttls xmlns='{TLS}'/>");
                speech.octets(request.as_bytes(), &request);
                self.asked = true;
                Ok(Heard::Went(used))
            }
        }
    }
}
