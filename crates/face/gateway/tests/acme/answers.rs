//! A listener for nothing but proofs.

use std::net::SocketAddr;

use gatepost::events::Events;
use gatepost_gateway::acme::proofs::Proofs;
use gatepost_gateway::acme::stand::{self, Ground};
use gatepost_gateway::acme::wanted::Challenge;

use crate::authority::ask;

#[tokio::test]
async fn it_answers_nothing_else() {
    let (ground, proofs) = (Ground::own().unwrap(), Proofs::default());
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let stand = stand::open(&ground, nowhere, Challenge::Http01, &proofs, &Events::default()).unwrap();
    let address = stand.addresses()[0];
    for path in ["/", "/.well-known/acme-challenge/abc", "/.well-known/acme-challenge/"] {
        let answer = ask(address, "a.test", path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    stand.drain().await;
    let taken = stand::open(&ground, address, Challenge::TlsAlpn01, &proofs, &Events::default()).unwrap();
    let again = stand::open(&ground, address, Challenge::TlsAlpn01, &proofs, &Events::default());
    assert!(again.is_err_and(|error| error.to_string().contains(&address.to_string())));
    drop(taken);
}
