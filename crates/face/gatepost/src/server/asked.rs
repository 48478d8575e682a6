//! What one exchange consists of while the schemes are asked, and what comes of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::scheme::Turn;
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::channel::Channel;
use gatepost_model::head::RequestHead;
use gatepost_model::principal::Principal;
use gatepost_net::handler::{Memory, Peer};
use http::HeaderMap;

use crate::clock::Moment;
use crate::server::damping::Try;

/// What came of asking the schemes.
pub(crate) enum Outcome {
    /// Who it is, and what the answer has to tell them.
    Proved(Arc<Principal>, HeaderMap),
    /// By this scheme, of this user as far as that is known.
    Refused(&'static str, Option<String>, Refusal),
    /// Not looked at: there were too many failures before. The same, and how long to wait.
    Damped(&'static str, Option<String>, Duration),
    /// A scheme has more to ask on this connection.
    Unfinished(Challenge),
    /// No credentials of any scheme that the route admits.
    Nobody,
}

/// What came of asking one scheme, beside its verdict.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) answers: Answers,
    /// The user whose secret was asked for.
    pub(crate) claimed: Option<String>,
    /// How long to wait before the next try.
    pub(crate) damped: Option<Duration>,
}

/// One exchange: what is read and drawn once, whatever the schemes ask for.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) request: RequestHead<'a>,
    pub(crate) now: Moment,
    pub(crate) entropy: &'a [u8; 32],
    pub(crate) channel: &'a Arc<Channel>,
    pub(crate) memory: &'a Memory,
    pub(crate) from: IpAddr,
}

impl<'a> Exchange<'a> {
    /// What is known before anything was asked for.
    pub(crate) fn answers(self) -> Answers {
        Answers { channel: Some(Arc::clone(self.channel)), ..Answers::default() }
    }

    /// What a scheme looks at, without what it remembers.
    pub(crate) fn turn(self, settings: &'a Settings, answers: &'a Answers) -> Turn<'a> {
        let Self { request, now, entropy, .. } = self;
        Turn { request, challenge: None, answers, settings, now: now.wall, entropy, memory: &[] }
    }
}

/// What the connection of this peer says of itself.
pub(crate) fn channel(peer: &Peer) -> Channel {
    let bindings = peer.binder.as_ref().map(|binder| binder.bindings().clone()).unwrap_or_default();
    let multiplexed = peer.protocol != "http/1.1";
    let client = peer.client.as_ref().map(|chain| Arc::clone(chain.presented()));
    Channel { tls: peer.tls.is_some(), multiplexed, bindings, client }
}

/// How the try with a secret ended. What is refused for another reason says nothing about the secret.
pub(crate) fn settle(attempt: Option<Try<'_>>, verdict: &Verdict) {
    match (attempt, verdict) {
        (Some(attempt), Verdict::Accept { .. }) => attempt.succeeded(),
        (Some(attempt), Verdict::Reject(Refusal::WrongSecret)) => attempt.failed(),
        _ => {}
    }
}

/// Whose secret a scheme is about to compare with.
pub(crate) fn whose(need: &Need) -> Option<&str> {
    match need {
        Need::Password { user, .. } | Need::Login { user: Some(user) } | Need::Record { user, .. } => Some(user),
        _ => None,
    }
}
