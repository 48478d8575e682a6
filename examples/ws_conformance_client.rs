//! The client that the Autobahn test suite wants: it asks a fuzzing server how many cases there are, echoes in each
//! what it hears, and then asks for the reports.
//!
//! `cargo run -p gatepost --example ws_conformance_client -- [--ca FILE] ws://127.0.0.1:9001 gatepost`

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;

use gatepost::Session;
use gatepost::model::url::Url;
use gatepost::net::dial::Roots;
use gatepost::net::upgrade::Duplex;
use gatepost::net::websocket::socket::MessageSocket;
use gatepost::policy::hosts::HostRule;
use gatepost::policy::transport::TransportRules;
use gatepost::tls::pem::parse_chain_pem;
use gatepost::ws::deflate::config::Config;

const USAGE: &str = "usage: ws_conformance_client [--ca FILE] URL AGENT";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let roots = match words.iter().position(|word| word == "--ca") {
        Some(at) if at + 1 < words.len() => {
            let file = words.drain(at..at + 2).next_back().ok_or(USAGE)?;
            Roots::Only(parse_chain_pem(&std::fs::read(file)?)?)
        }
        _ => Roots::System,
    };
    let [url, agent] = words.as_slice() else {
        println!("{USAGE}");
        return Ok(());
    };
    let url = url.trim_end_matches('/');
    let session = session(url, roots)?;
    let mut count = open(&session, &format!("{url}/getCaseCount")).await?;
    let cases = count.receive().await?.ok_or("the server does not say how many cases there are")?;
    let cases: u32 = String::from_utf8(cases.into_bytes().to_vec())?.parse()?;
    while count.receive().await?.is_some() {}
    for case in 1..=cases {
        run(&session, &format!("{url}/runCase?case={case}&agent={agent}")).await?;
    }
    let mut reports = open(&session, &format!("{url}/updateReports?agent={agent}")).await?;
    while reports.receive().await?.is_some() {}
    println!("{cases} cases");
    Ok(())
}

/// A session that goes in the clear to this host and no other, if its address says so.
fn session(url: &str, roots: Roots) -> Result<Session, Box<dyn Error>> {
    let mut rules = TransportRules::default();
    if let Some(rest) = url.strip_prefix("ws://") {
        rules.plain_hosts.push(HostRule::of(&Url::parse(&format!("http://{rest}"))?.origin()));
    }
    Ok(Session::builder().roots(roots).transport(rules).build()?)
}

async fn open(session: &Session, url: &str) -> Result<MessageSocket<Duplex>, gatepost::Error> {
    Ok(session.websocket(url).deflate(Config::default()).connect().await?.socket)
}

/// Echoes until the end, whatever it is: the server judges it.
async fn run(session: &Session, url: &str) -> Result<(), gatepost::Error> {
    let mut socket = open(session, url).await?;
    while let Ok(Some(message)) = socket.receive().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
    Ok(())
}
