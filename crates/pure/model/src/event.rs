//! What happened, as values: the engine fans them out to log, metrics, console and decision log.

use std::fmt;
use std::net::SocketAddr;

use crate::bound::Reached;
use crate::fault::Blame;
use crate::shaken::Shaken;
use crate::url::Url;

/// One thing that happened. Holds no secret, so that any consumer may print it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A listener is up.
    Listening {
        /// Where.
        address: SocketAddr,
    },
    /// A connection to a peer stands, TLS included.
    Connected {
        /// The address that was reached.
        address: SocketAddr,
        /// `TLSv1.3`, `TLSv1.2`, or `None` in the clear.
        tls: Option<&'static str>,
        /// `http/1.1` or `h2`.
        protocol: &'static str,
    },
    /// A client shook hands at a binding of which somebody wants to hear that.
    Shaken(Shaken),
    /// A line of a conversation in the clear that leads to TLS (STARTTLS).
    Said {
        /// Whether we said it.
        ours: bool,
        /// The words, or what the octets stand for.
        text: String,
    },
    /// A request goes out.
    RequestSent {
        /// The method.
        method: String,
        /// Where to.
        url: Url,
        /// The scheme whose proof it carries, if any.
        scheme: Option<&'static str>,
    },
    /// An answer's head came in.
    AnswerReceived {
        /// Its status code.
        status: u16,
    },
    /// The other end asked for a proof.
    Challenged {
        /// Where.
        url: Url,
        /// The schemes on offer, strongest first.
        schemes: Vec<String>,
    },
    /// A decision fell, with its reason.
    Decided {
        /// What was decided about, such as `credential` or `redirect`.
        subject: &'static str,
        /// Whether it may.
        allowed: bool,
        /// Why.
        reason: String,
    },
    /// A peer proved who it is.
    Authenticated {
        /// The proved name.
        principal: String,
        /// By which scheme.
        scheme: &'static str,
        /// From where.
        peer: Option<SocketAddr>,
    },
    /// A peer's proof was refused, or there was none.
    Refused {
        /// The scheme, if one was tried.
        scheme: Option<&'static str>,
        /// Why: for us, not for the peer.
        reason: String,
        /// From where.
        peer: Option<SocketAddr>,
    },
    /// A request was answered.
    Answered {
        /// The method.
        method: String,
        /// The path, without its query.
        path: String,
        /// The status.
        status: u16,
        /// For whom, if anybody.
        principal: Option<String>,
    },
    /// A configuration took effect, or did not.
    Reloaded {
        /// Whether the new one is in force.
        applied: bool,
        /// What changed, or what is wrong.
        detail: String,
    },
    /// A step on the way to a certificate of an ACME authority (RFC 8555).
    Certificate {
        /// The names that it is for.
        names: String,
        /// Which step: `account`, `ordered`, `proving`, `proved`, `issued`, `bound`, `due`, `postponed`.
        step: &'static str,
        /// What there is to say about it.
        detail: String,
    },
    /// Someone switched a protection off.
    Danger {
        /// Which one.
        what: String,
    },
    /// A bound of the process was reached: somebody waited or was refused.
    BoundReached(Reached),
    /// Something went wrong.
    Failed {
        /// Who has to act.
        blame: Blame,
        /// The stable code.
        code: &'static str,
        /// What happened.
        detail: String,
    },
}

impl Event {
    /// A stable name in kebab case, for logs and filters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Listening { .. } => "listening",
            Self::Connected { .. } => "connected",
            Self::Shaken(_) => "shaken",
            Self::Said { .. } => "said",
            Self::RequestSent { .. } => "request-sent",
            Self::AnswerReceived { .. } => "answer-received",
            Self::Challenged { .. } => "challenged",
            Self::Decided { .. } => "decided",
            Self::Authenticated { .. } => "authenticated",
            Self::Refused { .. } => "refused",
            Self::Answered { .. } => "answered",
            Self::Reloaded { .. } => "reloaded",
            Self::Certificate { .. } => "certificate",
            Self::Danger { .. } => "danger",
            Self::BoundReached(_) => "bound-reached",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Text from the wire made fit for one line: control characters and bidirectional overrides escaped.
#[must_use]
pub fn one_line(text: &str) -> String {
    let unsafe_in_a_line = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if unsafe_in_a_line(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    line
}

impl fmt::Display for Event {
    /// One line, wire text escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match self {
            Self::Listening { address } => format!("listening on {address}"),
            Self::Connected { address, tls, protocol } => {
                format!("connected to {address}, {}, {protocol}", tls.unwrap_or("no TLS"))
            }
            Self::Shaken(shaken) => shaken.to_string(),
            Self::Said { ours, text } => format!("{} {text}", if *ours { ">" } else { "<" }),
            Self::RequestSent { method, url, scheme } => {
                format!("{method} {url} ({})", scheme.map_or_else(|| "no proof".into(), |s| format!("with {s}")))
            }
            Self::AnswerReceived { status } => format!("answer {status}"),
            Self::Challenged { url, schemes } => format!("challenged at {url}: {}", schemes.join(", ")),
            Self::Decided { subject, allowed, reason } => {
                format!("{subject} {}: {reason}", if *allowed { "allowed" } else { "denied" })
            }
            Self::Authenticated { principal, scheme, .. } => format!("authenticated {principal} by {scheme}"),
            Self::Refused { scheme, reason, peer } => {
                let from = peer.map(|address| format!(" from {address}")).unwrap_or_default();
                format!("refused ({}){from}: {reason}", scheme.unwrap_or("no scheme"))
            }
            Self::Answered { method, path, status, principal } => {
                format!("{status} {method} {path} for {}", principal.as_deref().unwrap_or("-"))
            }
            Self::Reloaded { applied: true, detail } => format!("new configuration in force: {detail}"),
            Self::Reloaded { applied: false, detail } => format!("configuration unchanged: {detail}"),
            Self::Certificate { names, step, detail } => format!("certificate for {names}: {step}: {detail}"),
            Self::Danger { what } => format!("protection switched off: {what}"),
            Self::BoundReached(reached) => reached.to_string(),
            Self::Failed { code, detail, .. } => format!("{code}: {detail}"),
        };
        f.write_str(&one_line(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = Event::Answered {
            method: "GET".into(),
            path: "/a\r\nfake\u{1b}[31m\u{202e}".into(),
            status: 200,
            principal: None,
        };
        let line = event.to_string();
        assert_eq!(line, "200 GET /a\\u{d}\\u{a}fake\\u{1b}[31m\\u{202e} for -");
    }

    #[test]
    fn a_handshake_is_one_line_whatever_its_client_is_called() {
        let shaken = Shaken {
            peer: SocketAddr::from(([192, 0, 2, 1], 4711)),
            server_name: Some("a.test".into()),
            version: "TLSv1.3",
            suite: "TLS_AES_128_GCM_SHA256",
            group: Some("X25519MLKEM768"),
            resumed: false,
            client: Some("CN=ali\nfake".into()),
        };
        let older = Shaken { server_name: None, group: None, resumed: true, client: None, ..shaken.clone() };
        assert_eq!(
            Event::Shaken(shaken).to_string(),
            "TLS with 192.0.2.1:4711 for a.test: TLSv1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768, new, client CN=ali\\u{a}fake"
        );
        assert_eq!(
            Event::Shaken(older).to_string(),
            "TLS with 192.0.2.1:4711 for no name: TLSv1.3, TLS_AES_128_GCM_SHA256, resumed, no client certificate"
        );
    }

    #[test]
    fn a_refusal_says_from_where() {
        let event = |peer| Event::Refused { scheme: Some("WSSE"), reason: "proof used before".into(), peer };
        assert_eq!(event(None).to_string(), "refused (WSSE): proof used before");
        let peer = Some(SocketAddr::from(([192, 0, 2, 1], 4711)));
        assert_eq!(event(peer).to_string(), "refused (WSSE) from 192.0.2.1:4711: proof used before");
    }
}
