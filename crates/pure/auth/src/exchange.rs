//! The client's side of a whole conversation with one party: prove ahead, answer challenges, stop.
//!
//! An [`Exchange`] belongs to one request to one origin (or proxy): a redirect to another origin
//! begins a new one. It does nothing by itself. What the caller owes, in order:
//!
//! 1. [`ahead`](Exchange::ahead), if a scheme is known to be wanted; then [`step`](Exchange::step)
//!    until it is not [`Next::Need`], and send the request with what it gave.
//! 2. For each answer [`receive`](Exchange::receive) its head, then [`step`](Exchange::step) until it
//!    is not [`Next::Need`]. On [`Next::Send`] drain the answer's body, send the request again with
//!    these fields, and come back here. On anything else deliver the answer.
//!
//! For each [`Next::Need`] fetch the thing, put it into the [`Answers`] and call `step` again with
//! the same [`Leg`]. Draw new entropy and read the clock for each new leg, not for each call.
//!
//! It ends: one proof ahead, one complete proof in answer to a challenge (two if a token could be
//! renewed between), at most [`MOST_LEGS`] legs and [`MOST_NEEDS`] needs. A proof that was
//! refused is not sent again, and after a refusal nothing weaker is tried.

use gatepost_model::head::{Party, RequestHead};
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::challenge::Challenge;
use crate::choose::{self, Candidate, Preference, Skipped};
use crate::error::AuthError;
use crate::need::{Answers, Need};
use crate::scheme::{Confirmation, Confirmed, Scheme, Step, Strength, Turn};
use crate::schemes;
use crate::sent::{Attempt, Sent};
use crate::settings::Settings;

/// The most requests with a proof that one exchange sends.
pub const MOST_LEGS: u8 = 8;

/// The most things that one exchange asks for.
pub const MOST_NEEDS: u8 = 32;

/// What changes from leg to leg.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a> {
    /// The request that is to carry the proof.
    pub request: RequestHead<'a>,
    /// How the schemes are set up.
    pub settings: &'a Settings,
    /// The time, read once per leg.
    pub now: Timestamp,
    /// Random octets, drawn once per leg.
    pub entropy: &'a [u8; 32],
}

/// What the caller does next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Fetch this for the scheme and step again.
    Need {
        /// The scheme that asks.
        scheme: &'static str,
        /// What it lacks.
        need: Need,
    },
    /// Send the request (again) with these fields, each replacing what the request has of its name.
    Send {
        /// The scheme that made the proof.
        scheme: &'static str,
        /// The fields; values are marked sensitive.
        fields: Vec<(HeaderName, HeaderValue)>,
    },
    /// Nothing to prove: send the request as it is, or deliver the answer.
    Done {
        /// What is odd about that, such as a 401 that asks for nothing.
        note: Option<String>,
    },
    /// The answer asks for a proof that we cannot give, or refuses the one that we gave: deliver it.
    GiveUp {
        /// Why, in one sentence without a full stop.
        reason: String,
    },
}

/// The state of one conversation with one party.
#[derive(Debug)]
pub struct Exchange {
    party: Party,
    preference: Preference,
    registry: &'static [&'static dyn Scheme],
    state: State,
    /// What is left to try for the next request, the first first.
    candidates: Vec<Attempt>,
    skipped: Vec<Skipped>,
    offered: Vec<String>,
    faults: Vec<AuthError>,
    /// The last error of a candidate: told if no other candidate could answer.
    error: Option<AuthError>,
    sent: Option<Sent>,
    refreshed: bool,
    /// The next proof goes out before anybody asked.
    is_ahead: bool,
    legs: u8,
    needs: u8,
}

/// Where the conversation stands between two steps.
#[derive(Debug)]
enum State {
    /// The request goes out, and nothing was asked of us yet.
    Fresh,
    /// The next request is being equipped.
    Proving,
    /// It went out, or there is nothing more to do: this is what `step` says until `receive`.
    Settled(Next),
}

impl Exchange {
    /// A conversation with all schemes that Gatepost speaks.
    #[must_use]
    pub fn new(party: Party, preference: Preference) -> Self {
        Self::with_registry(party, preference, schemes::ALL)
    }

    /// A conversation with these schemes only.
    #[must_use]
    pub fn with_registry(party: Party, preference: Preference, registry: &'static [&'static dyn Scheme]) -> Self {
        Self {
            party,
            preference,
            registry,
            state: State::Fresh,
            candidates: Vec::new(),
            skipped: Vec::new(),
            offered: Vec::new(),
            faults: Vec::new(),
            error: None,
            sent: None,
            refreshed: false,
            is_ahead: false,
            legs: 0,
            needs: 0,
        }
    }

    /// Proves with this scheme before anybody asks this time; `remembered` is a challenge that it was once asked with. Only before the first request: later calls
    /// change nothing. If the scheme has nothing to say then, `step` is [`Next::Done`].
    ///
    /// # Errors
    /// [`AuthError::Setting`] if the scheme is unknown or not allowed.
    pub fn ahead(&mut self, scheme: &str, remembered: Option<Challenge>) -> Result<(), AuthError> {
        if !matches!(self.state, State::Fresh) {
            return Ok(());
        }
        let scheme = choose::admit(scheme, &self.preference, self.registry).map_err(|reason| AuthError::Setting {
            what: format!("pre-authentication with {scheme}"),
            detail: reason.into(),
        })?;
        self.candidates = vec![(scheme, remembered)];
        self.is_ahead = true;
        self.state = State::Proving;
        Ok(())
    }

    /// Takes in the head of the answer to the last request. Call [`step`](Self::step) next.
    /// `answers` loses a token that this answer refused, so that a new one is asked for.
    pub fn receive(&mut self, status: StatusCode, headers: &HeaderMap, answers: &mut Answers) {
        self.error = None;
        self.is_ahead = false;
        answers.next_leg();
        if status != self.party.challenge_status() {
            return self.settle(Next::Done { note: None });
        }
        let field = self.party.challenge_field();
        let parsed = Challenge::parse_all(headers.get_all(&field));
        self.faults = parsed.faults;
        let choice = choose::choose(&parsed.challenges, &self.preference, self.registry);
        self.offered = choice.candidates.iter().map(|candidate| candidate.scheme.name().to_owned()).collect();
        self.offered.extend(choice.skipped.iter().map(|skipped| skipped.scheme.clone()));
        self.skipped = choice.skipped;
        if parsed.challenges.is_empty() {
            // RFC 9110 §15.5.2 and §15.5.8 demand a challenge; without one there is nothing to answer.
            let what = if self.faults.is_empty() { "no" } else { "no readable" };
            return self.settle(Next::Done { note: Some(format!("{} with {what} {field} field", status.as_u16())) });
        }
        match self.admissible(choice.candidates, answers) {
            Ok(candidates) => {
                self.candidates = candidates;
                self.state = State::Proving;
            }
            Err(reason) => self.settle(Next::GiveUp { reason }),
        }
    }

    /// Says what to do now. Calling it again without new answers gives the same.
    ///
    /// # Errors
    /// [`AuthError`] if a setting is unusable, or if no scheme on offer could be answered and one of
    /// them failed by the challenge or the credential.
    pub fn step(&mut self, leg: &Leg<'_>, answers: &mut Answers) -> Result<Next, AuthError> {
        match &self.state {
            State::Fresh => return Ok(Next::Done { note: None }),
            State::Settled(next) => return Ok(next.clone()),
            State::Proving => {}
        }
        while let Some((scheme, challenge)) = self.candidates.first().cloned() {
            let turn = Turn {
                request: leg.request,
                challenge: challenge.as_ref(),
                answers,
                settings: leg.settings,
                now: leg.now,
                entropy: leg.entropy,
                memory: self.sent.as_ref().map_or(&[], |sent| sent.memory.reveal()),
            };
            let reason = match scheme.prove(&turn) {
                Ok(Step::Need(need)) => return Ok(self.need(scheme, need)),
                Ok(Step::Send { fields, memory, preliminary }) => {
                    let (ahead, memory) = (self.is_ahead, Secret::new(memory));
                    return Ok(self.send(Sent { scheme, fields, memory, preliminary, ahead, challenge }));
                }
                Ok(Step::Decline(reason)) => reason,
                Err(error @ AuthError::Setting { .. }) => return Err(error),
                Err(error) => {
                    let reason = error.to_string();
                    self.error = Some(error);
                    reason
                }
            };
            self.skipped.push(Skipped { scheme: scheme.name().to_owned(), reason });
            self.candidates.remove(0);
            // The next scheme may have a login of its own.
            answers.login = None;
        }
        self.nobody_can()
    }

    /// Judges what an answer that is no challenge says of the server. Call it after [`receive`](Self::receive), until
    /// it is not [`Confirmed::Need`]; the leg is the one whose proof was answered.
    ///
    /// # Errors
    /// [`AuthError`] if the server claims to know the secret and does not: the answer is not to be delivered.
    pub fn confirm(&self, leg: &Leg<'_>, fields: &HeaderMap, answers: &Answers) -> Result<Confirmed, AuthError> {
        let Some(sent) = &self.sent else {
            return Ok(Confirmed::Done(Confirmation::default()));
        };
        let turn = Turn {
            request: leg.request,
            challenge: sent.challenge.as_ref(),
            answers,
            settings: leg.settings,
            now: leg.now,
            entropy: leg.entropy,
            memory: sent.memory.reveal(),
        };
        sent.scheme.confirm(&turn, &sent.fields, fields)
    }

    /// The schemes of the last challenge, in the order in which they are tried, then those that are
    /// not. Empty if there was none.
    #[must_use]
    pub fn offered(&self) -> &[String] {
        &self.offered
    }

    /// What could not be read of the last challenge.
    #[must_use]
    pub fn faults(&self) -> &[AuthError] {
        &self.faults
    }

    /// The offered schemes that were passed over, and why.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The scheme of the last proof that went out: after an answer that is no challenge, the one to
    /// prove [`ahead`](Self::ahead) with next time.
    #[must_use]
    pub fn proved_by(&self) -> Option<&'static str> {
        self.sent.as_ref().map(|sent| sent.scheme.name())
    }

    /// Whether the last proof is one that the server cannot accept yet: the request's body stays at home.
    #[must_use]
    pub fn is_preliminary(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.preliminary)
    }

    /// Whether a proof of several legs is under way: the next leg has to go over the same connection.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| !sent.memory.is_empty())
    }

    /// Which candidates may still be tried after what was sent, or why none.
    fn admissible(&mut self, candidates: Vec<Candidate>, answers: &mut Answers) -> Result<Vec<Attempt>, String> {
        let mut candidates: Vec<_> =
            candidates.into_iter().map(|candidate| (candidate.scheme, Some(candidate.challenge))).collect();
        if let Some(sent) = &self.sent {
            self.skipped.extend(sent.drop_lesser(&mut candidates));
        }
        let Some(sent) = &self.sent else {
            return Ok(candidates);
        };
        let name = sent.scheme.name();
        if self.legs >= MOST_LEGS {
            return Err(format!("no end after {MOST_LEGS} proofs"));
        }
        let again = candidates.iter().any(|(scheme, _)| scheme.name() == name);
        if !sent.memory.is_empty() {
            // In the middle of a handshake nobody else may step in.
            candidates.retain(|(scheme, _)| scheme.name() == name);
            return if again { Ok(candidates) } else { Err(format!("the other end broke off the {name} handshake")) };
        }
        if again && sent.scheme.strength() == Strength::Token && !self.refreshed {
            self.refreshed = true;
            answers.token = None;
            candidates.retain(|(scheme, _)| scheme.name() == name);
            return Ok(candidates);
        }
        if !self.refreshed && candidates.iter().any(|attempt| sent.is_stale(attempt)) {
            self.refreshed = true;
            candidates.retain(|attempt| sent.is_stale(attempt));
            return Ok(candidates);
        }
        if !sent.ahead {
            return Err(format!("the {name} proof was refused"));
        }
        self.skipped.extend(sent.drop_weaker(&mut candidates));
        Ok(candidates)
    }

    fn need(&mut self, scheme: &'static dyn Scheme, need: Need) -> Next {
        self.needs = self.needs.saturating_add(1);
        if self.needs > MOST_NEEDS {
            return self.settled(Next::GiveUp { reason: format!("{} asks without end", scheme.name()) });
        }
        let need = match need {
            Need::Token { refresh } => Need::Token { refresh: refresh || self.refreshed },
            other => other,
        };
        Next::Need { scheme: scheme.name(), need }
    }

    fn send(&mut self, proof: Sent) -> Next {
        let scheme = proof.scheme.name();
        // What was refused ahead is not sent a second time: it would count as another failed login.
        if self.sent.as_ref().is_some_and(|sent| sent.memory.is_empty() && sent.fields == proof.fields) {
            return self.settled(Next::GiveUp { reason: format!("the {scheme} proof was refused") });
        }
        self.legs = self.legs.saturating_add(1);
        let fields = proof.fields.clone();
        self.sent = Some(proof);
        self.settled(Next::Send { scheme, fields })
    }

    /// All candidates were tried: ahead that is no harm, in answer to a challenge it is the end.
    fn nobody_can(&mut self) -> Result<Next, AuthError> {
        if let Some(error) = self.error.clone() {
            return Err(error);
        }
        if self.offered.is_empty() {
            return Ok(self.settled(Next::Done { note: None }));
        }
        let why: Vec<_> =
            self.skipped.iter().map(|skipped| format!("{} ({})", skipped.scheme, skipped.reason)).collect();
        Ok(self.settled(Next::GiveUp { reason: format!("no scheme on offer can be answered: {}", why.join(", ")) }))
    }

    fn settle(&mut self, next: Next) {
        self.state = State::Settled(next);
    }

    fn settled(&mut self, next: Next) -> Next {
        self.settle(next.clone());
        next
    }
}
