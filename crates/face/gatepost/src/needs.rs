//! Where a scheme's need meets the world. There is no second place, for client and server alike.

use gatepost_auth::need::{Answers, Need};
use gatepost_auth::settings::Settings;
use gatepost_model::credential::{Credential, Means};
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;
use gatepost_net::handler::Memory;

use crate::client::contexts::Contexts;
use crate::client::counts::Counts;
use crate::client::payload::Payload;
use crate::error::Error;
use crate::server::content::Content;
use crate::server::contexts;
use crate::server::doorkeeper::Doorkeeper;

/// Whose needs are met.
#[derive(Debug)]
pub(crate) enum World<'a> {
    /// A client's.
    Client {
        /// What it may say of itself for this request. It has passed the policy.
        credential: Option<&'a Credential>,
        /// How far its contexts have come.
        contexts: &'a mut Contexts,
        /// What its session has counted.
        counts: &'a Counts,
        /// The request's body.
        payload: &'a mut Payload,
    },
    /// A server's: users, keys and the record of what was used.
    Server {
        /// Who knows all of them.
        door: &'a Doorkeeper,
        /// What is remembered of the connection.
        memory: &'a Memory,
        /// How the schemes are set up.
        settings: &'a Settings,
        /// The request's body.
        content: &'a mut Content,
        /// How many octets of it may be read ahead.
        limit: usize,
    },
}

impl World<'_> {
    /// Fetches what `need` asks for and puts it into `answers`.
    ///
    /// # Errors
    /// If the world cannot answer, such as a store that is down. The caller denies then.
    pub(crate) async fn meet(self, need: Need, answers: &mut Answers, now: Timestamp) -> Result<(), Error> {
        match (need, self) {
            (Need::Login { .. }, World::Client { credential, .. }) => answers.login = Some(credential.and_then(login)),
            (Need::Login { user }, World::Server { door, .. }) => {
                answers.login = Some(door.login(user.as_deref()).await?);
            }
            (Need::Password { user, password }, World::Server { door, .. }) => {
                answers.password = Some(door.password_is_right(&user, &password).await?);
            }
            (Need::FirstUse { key, until }, World::Server { door, .. }) => {
                answers.first_use = Some(door.store.first_use(&key, until, now).await?);
            }
            (Need::Keys { id }, World::Server { door, .. }) => {
                answers.keys = Some(door.keys.current(id.as_deref(), now).await?);
            }
            (Need::Record { user, kind }, World::Server { door, .. }) => {
                answers.record = Some(door.record(&user, &kind).await?);
            }
            (Need::UserHashed { digits, kind }, World::Server { door, .. }) => {
                answers.user = Some(door.store.user_called(&kind.key(), &digits).await?);
            }
            (Need::BodyDigest { hash }, World::Server { door, content, limit, .. }) => {
                let digest = content.digest(hash, limit, &door.shelf).await;
                answers.body_digest = Some(Some(digest.ok_or_else(|| Error::usage("the body cannot be read ahead"))?));
            }
            (Need::BodyDigest { hash }, World::Client { payload, .. }) => {
                answers.body_digest = Some(payload.digest(hash).await?);
            }
            (Need::Count { key }, World::Client { counts, .. }) => answers.count = Some(counts.next(&key)),
            (Need::Token { refresh }, World::Client { credential, .. }) => {
                // A fixed token cannot be fetched anew: a refresh finds nothing, and the refusal stands.
                // And a password never goes out as a token: tokens are for the scheme that they name.
                let token = credential.filter(|credential| !refresh && credential.scheme.is_some());
                answers.token = Some(token.map(|c| Token { value: c.secret.clone(), expires: None }));
            }
            (Need::Context(ask), World::Client { credential, contexts, .. }) => {
                let channel = answers.channel.as_deref();
                answers.context = Some(contexts.step(ask, credential, channel, now).await?);
            }
            (Need::Context(ask), World::Server { door, memory, settings, .. }) => {
                let bindings = contexts::bindings(answers.channel.as_deref(), settings.channel_binding);
                answers.context = Some(door.context(ask, bindings, memory, now).await?);
            }
            (
                Need::Password { .. }
                | Need::FirstUse { .. }
                | Need::Keys { .. }
                | Need::Record { .. }
                | Need::UserHashed { .. },
                World::Client { .. },
            )
            | (Need::Token { .. } | Need::Count { .. }, World::Server { .. }) => {
                return Err(Error::usage("a scheme asked for something that only the other end has"));
            }
            (Need::Channel, _) => {
                return Err(Error::usage("a scheme asked for something that is not to be had here"));
            }
        }
        Ok(())
    }
}

/// The login that a credential is. Tickets are none: nothing but the system can prove with them.
fn login(credential: &Credential) -> Option<Credential> {
    (credential.means == Means::Secret).then(|| credential.clone())
}
