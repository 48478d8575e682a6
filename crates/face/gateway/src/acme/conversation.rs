//! One order, from its beginning to a certificate that is what was asked for (RFC 8555 §7.4).

use std::time::Duration;

use gatepost::clock;
use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::store::store::{Store, StoredCertificate};
use gatepost::tls::request::CertificateRequest;
use instant_acme::{
    AuthorizationHandle, AuthorizationStatus, CertificateIdentifier, Error, Identifier, NewOrder, Order, OrderStatus,
    Problem,
};
use tokio::time::Instant;

use crate::acme::acceptance::accept;
use crate::acme::authority::{Authority, Connected};
use crate::acme::explain::{explain, is, short, words};
use crate::acme::proofs::{Held, Proofs};
use crate::acme::wanted::{Challenge, Names};
use crate::error::GatewayError;

/// The first wait before an order is looked at again, and the longest.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// The longest wait for which an authority can ask in between.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long an authority may take to look at the proofs, and then to issue.
const PATIENCE: Duration = Duration::from_secs(180);

/// What is ordered.
#[derive(Debug, Clone, Copy)]
pub struct Ordered<'a> {
    /// For which names.
    pub names: &'a Names,
    /// How they are proved.
    pub challenge: Challenge,
    /// The identifier of the certificate that it replaces (RFC 9773 §5), where the authority knows what that is.
    pub replaces: Option<&'a (String, String)>,
}

/// Orders a certificate and gives it with its key. Nothing is kept but the account.
///
/// # Errors
/// That the authority cannot be asked, refuses, is not convinced, or issues something else.
pub async fn order(
    authority: &Authority,
    ordered: Ordered<'_>,
    proofs: &Proofs,
    store: &dyn Store,
    events: &Events,
) -> Result<StoredCertificate, GatewayError> {
    let connected = authority.connect(store, events).await?;
    let talk = Talk { authority, ordered, events, connected };
    let (talk, order) = match talk.begin().await {
        Ok(order) => (talk, order),
        // A private authority that was set up anew does not know us any more.
        Err(Error::Api(problem)) if is(&problem, "accountDoesNotExist") => {
            let talk = Talk { connected: authority.register(store, events).await?, ..talk };
            let order = talk.begin().await.map_err(|error| talk.explain(&error))?;
            (talk, order)
        }
        Err(error) => return Err(talk.explain(&error)),
    };
    talk.finish(order, proofs).await
}

/// A conversation about one order.
struct Talk<'a> {
    authority: &'a Authority,
    ordered: Ordered<'a>,
    events: &'a Events,
    connected: Connected,
}

impl Talk<'_> {
    async fn begin(&self) -> Result<Order, Error> {
        let names: Vec<Identifier> = self.ordered.names.iter().map(|name| identifier(name.as_str())).collect();
        if let Some((authority, serial)) = self.ordered.replaces {
            let replaces = CertificateIdentifier {
                authority_key_identifier: authority.as_str().into(),
                serial: serial.as_str().into(),
            };
            match self.connected.account.new_order(&NewOrder::new(&names).replaces(replaces)).await {
                Ok(order) => return Ok(order),
                Err(Error::Api(problem)) if has_another_reason(&problem) => return Err(Error::Api(problem)),
                // That it is a replacement is a favour to us: without it, it is an order all the same (RFC 9773 §5).
                Err(_) => {}
            }
        }
        self.connected.account.new_order(&NewOrder::new(&names)).await
    }

    async fn finish(&self, mut order: Order, proofs: &Proofs) -> Result<StoredCertificate, GatewayError> {
        self.tell("ordered", format!("from {}", self.authority.directory));
        let held = self.prove(&mut order, proofs).await?;
        if self.look(&mut order, |status| status != OrderStatus::Pending).await? == OrderStatus::Invalid {
            return Err(self.unproved(&mut order).await);
        }
        // Nobody has to ask any more.
        drop(held);
        self.tell("proved", format!("by {}", self.ordered.challenge));
        let request = CertificateRequest::create(&self.ordered.names.texts());
        let request = request.map_err(|error| GatewayError::engine(&error))?;
        order.finalize_csr(&request.der).await.map_err(|error| self.explain(&error))?;
        let over = |status| matches!(status, OrderStatus::Valid | OrderStatus::Invalid);
        if !over(order.state().status) {
            self.look(&mut order, over).await?;
        }
        let text = order.certificate().await.map_err(|error| self.explain(&error))?;
        let text = text.ok_or_else(|| self.away("it has no certificate for us".to_owned()))?;
        let taken = accept(&text, &request.key, self.ordered.names, clock::now());
        let taken = taken.map_err(|detail| self.wrong(short(&detail)))?;
        let mark: String = taken.fingerprint.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
        self.tell("issued", format!("SHA-256 {mark}…"));
        Ok(taken)
    }

    /// Shows a proof for each name that is not proved yet, and says so.
    async fn prove(&self, order: &mut Order, proofs: &Proofs) -> Result<Vec<Held>, GatewayError> {
        let (mut held, mut left) = (Vec::new(), self.ordered.names.iter().count());
        let mut authorizations = order.authorizations();
        while let Some(found) = authorizations.next().await {
            let found = found.map_err(|error| self.explain(&error))?;
            // RFC 8555 §7.1.3: one for each name. It is no use to go on for ever.
            left = left
                .checked_sub(1)
                .ok_or_else(|| self.wrong("it wants more proofs than there are names".to_owned()))?;
            match found.status {
                AuthorizationStatus::Valid => {}
                AuthorizationStatus::Pending => held.push(self.prove_one(found, proofs).await?),
                other => return Err(self.away(format!("a proof is {other:?} before it was looked at"))),
            }
        }
        Ok(held)
    }

    async fn prove_one(&self, mut found: AuthorizationHandle<'_>, proofs: &Proofs) -> Result<Held, GatewayError> {
        let name = found.identifier().to_string();
        if !self.ordered.names.iter().any(|own| own.as_str() == name) {
            return Err(self.wrong(short(&format!("it wants a proof for {name}, and nobody asked for that"))));
        }
        let kind = self.ordered.challenge;
        let Some(mut challenge) = found.challenge(kind.kind()) else {
            return Err(self.refused(format!("it does not take {kind} for {name}")));
        };
        self.tell("proving", format!("{name} by {kind}"));
        let authorization = challenge.key_authorization();
        let digest = authorization.digest();
        let digest = digest.as_ref().try_into().map_err(|_| self.away("a digest has 32 octets".to_owned()))?;
        let shown = proofs.show(kind, &name, &challenge.token, authorization.as_str(), &digest);
        let shown = shown.map_err(|detail| self.away(detail))?;
        challenge.set_ready().await.map_err(|error| match error {
            // Said of the challenge, and not of the request: the authority has looked already.
            Error::Api(problem) if self.connected.wire.seen().status < 300 => self.doubt(&name, &words(&problem)),
            error => self.explain(&error),
        })?;
        Ok(shown)
    }

    /// Looks at the order again and again until `over` its status.
    async fn look(&self, order: &mut Order, over: impl Fn(OrderStatus) -> bool) -> Result<OrderStatus, GatewayError> {
        let (end, mut pause) = (Instant::now() + PATIENCE, FIRST_LOOK);
        loop {
            let status = order.refresh().await.map_err(|error| self.explain(&error))?.status;
            if over(status) {
                return Ok(status);
            }
            let asked = self.connected.wire.seen().wait.unwrap_or_default().min(LONGEST_PAUSE);
            let wait = pause.max(asked);
            if Instant::now() + wait > end {
                return Err(self.away(format!("the order is {status:?} after {} s", PATIENCE.as_secs())));
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    /// Which proof the authority did not take, and why.
    async fn unproved(&self, order: &mut Order) -> GatewayError {
        let of_order = order.state().error.as_ref().map(words);
        let mut authorizations = order.authorizations();
        let mut left = self.ordered.names.iter().count();
        // The order was just looked at, and knows nothing of its authorizations but where they are.
        while let (1.., Some(Ok(found))) = (left, authorizations.next().await) {
            let problem = found.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            if let Some(problem) = problem.filter(|_| found.status != AuthorizationStatus::Valid) {
                return self.doubt(&found.identifier().to_string(), &words(problem));
            }
            left -= 1;
        }
        self.doubt(&self.ordered.names.to_string(), &of_order.unwrap_or_else(|| "it does not say why".to_owned()))
    }

    fn tell(&self, step: &'static str, detail: String) {
        self.events.emit(&Event::Certificate { names: self.ordered.names.to_string(), step, detail });
    }

    fn explain(&self, error: &Error) -> GatewayError {
        explain(error, &self.authority.directory, self.connected.wire.seen())
    }

    fn directory(&self) -> String {
        self.authority.directory.to_string()
    }

    fn away(&self, detail: String) -> GatewayError {
        GatewayError::AuthorityAway { authority: self.directory(), detail, wait: None }
    }

    fn refused(&self, detail: String) -> GatewayError {
        GatewayError::AuthorityRefused { authority: self.directory(), detail, wait: None }
    }

    fn wrong(&self, detail: String) -> GatewayError {
        GatewayError::WrongCertificate { authority: self.directory(), detail }
    }

    fn doubt(&self, name: &str, why: &str) -> GatewayError {
        GatewayError::Unproved { authority: self.directory(), detail: short(&format!("{name}: {why}")) }
    }
}

/// Whether an order that says what it replaces was refused for something else.
fn has_another_reason(problem: &Problem) -> bool {
    ["rateLimited", "accountDoesNotExist", "serverInternal"].into_iter().any(|kind| is(problem, kind))
}

fn identifier(name: &str) -> Identifier {
    name.parse().map_or_else(|_| Identifier::Dns(name.to_owned()), Identifier::Ip)
}
