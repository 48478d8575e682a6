//! Where a scheme's need meets the world. There is no second place, for client and server alike.

use gatepost_auth::need::{Answers, Need};
use gatepost_model::credential::{Credential, Means};
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;
use gatepost_net::handler::Memory;

use crate::client::contexts::Contexts;
use crate::error::Error;
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
    },
    /// A server's: users, keys and the record of what was used.
    Server {
        /// Who knows all of them.
        door: &'a Doorkeeper,
        /// What is remembered of the connection.
        memory: &'a Memory,
    },
}

impl World<'_> {
    /// Fetches what `need` asks for and puts it into `answers`.
    ///
    /// # Errors
    /// If the world cannot answer, such as a store that is down. The caller denies then.
    pub(crate) async fn meet(self, need: Need, answers: &mut Answers, now: Timestamp) -> Result<(), Error> {
        match (need, self) {
            (Need::Login { .. }, World::Client { credential, .. }) => {
                // Tickets are no login: nothing but the system can prove with them.
                let login = credential.filter(|credential| credential.means == Means::Secret);
                answers.login = Some(login.cloned());
            }
            (Need::Login { user }, World::Server { door, .. }) => {
                answers.login = Some(door.login(user.as_deref()).await?)
            }
            (Need::Password { user, password }, World::Server { door, .. }) => {
                answers.password = Some(door.password_is_right(&user, &password).await?);
            }
            (Need::FirstUse { key, until }, World::Server { door, .. }) => {
                answers.first_use = Some(door.store.first_use(&key, until, now).await?);
            }
            (Need::Keys { id }, World::Server { door, .. }) => {
                answers.keys = Some(door.keys.current(id.as_deref(), now).await?)
            }
            (Need::Token { refresh }, World::Client { credential, .. }) => {
                // A fixed token cannot be fetched anew: a refresh finds nothing, and the refusal stands.
                // And a password never goes out as a token: tokens are for the scheme that they name.
                let token = credential.filter(|credential| !refresh && credential.scheme.is_some());
                answers.token = Some(token.map(|c| Token { value: c.secret.clone(), expires: None }));
            }
            (Need::Context(ask), World::Client { credential, contexts }) => {
                let channel = answers.channel.as_deref();
                answers.context = Some(contexts.step(ask, credential, channel, now).await?);
            }
            (Need::Context(ask), World::Server { door, memory }) => {
                let channel = answers.channel.clone().unwrap_or_default();
                answers.context = Some(door.context(ask, &channel, memory, now).await?);
            }
            (
                Need::Password { .. } | Need::FirstUse { .. } | Need::Keys { .. } | Need::Record { .. },
                World::Client { .. },
            )
            | (Need::Token { .. } | Need::Count { .. }, World::Server { .. }) => {
                return Err(Error::usage("a scheme asked for something that only the other end has"));
            }
            (Need::Record { .. } | Need::Channel, World::Server { .. })
            | (Need::Count { .. } | Need::Channel, World::Client { .. })
            | (Need::BodyDigest { .. }, _) => {
                return Err(Error::usage("a scheme asked for something that is not to be had here"));
            }
        }
        Ok(())
    }
}
