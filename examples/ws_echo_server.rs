//! A WebSocket server that says what it hears: every message comes back as it was, with its type.
//!
//! `cargo run -p gatepost --example ws_echo_server 127.0.0.1:9001`, or with `--cert FILE --key FILE` (PEM) over TLS,
//! where clients may also come in HTTP/2 (RFC 8441). `--deflate off|fresh|on` says how messages are compressed where
//! a client offers it: not at all, each by itself, or (default) with what came before; `--max-message OCTETS` bounds
//! them (default 16 MiB). Everything else that is asked for is answered with a page.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use gatepost::Server;
use gatepost::net::body::Body;
use gatepost::net::error::NetError;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, handler};
use gatepost::server::websocket::{Acceptance, Accepting, accept, is_asked};
use gatepost::tls::pem::{parse_chain_pem, parse_key_pem};
use gatepost::tls::server::ServerTls;
use gatepost::ws::deflate::config::Config;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};

const USAGE: &str =
    "usage: ws_echo_server [--cert FILE --key FILE] [--deflate off|fresh|on] [--max-message OCTETS] ADDRESS";
const PAGE: &str = "<!doctype html><title>echo</title><p>A WebSocket is opened here.\n";

/// What the command line says.
#[derive(Default)]
struct Wanted {
    address: Option<SocketAddr>,
    certificate: Option<String>,
    key: Option<String>,
    acceptance: Acceptance,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    let Some(address) = wanted.address else {
        println!("{USAGE}");
        return Ok(());
    };
    let scheme = if wanted.certificate.is_some() { "wss" } else { "ws" };
    let running = wanted.start(address)?;
    println!("listening on {scheme}://{}", running.addresses()[0]);
    std::future::pending::<()>().await;
    Ok(())
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut wanted = Self::default();
        wanted.acceptance.deflate = Some(Config::default());
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            match word.as_str() {
                "--cert" => wanted.certificate = Some(value()?),
                "--key" => wanted.key = Some(value()?),
                "--max-message" => wanted.acceptance.settings.limits.message = value()?.parse()?,
                "--deflate" => {
                    wanted.acceptance.deflate = match value()?.as_str() {
                        "off" => None,
                        "fresh" => Some(Config::shared()),
                        "on" => Some(Config::default()),
                        other => return Err(format!("--deflate {other}\n{USAGE}").into()),
                    }
                }
                address => wanted.address = Some(address.parse()?),
            }
        }
        Ok(wanted)
    }

    fn start(self, address: SocketAddr) -> Result<Running, Box<dyn Error>> {
        let acceptance = Arc::new(self.acceptance);
        let site = handler(Guard::DangerOpen, move |request, _visitor| {
            let response = answer(request, &acceptance);
            async move { response }
        });
        let server = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => {
                let chain = parse_chain_pem(&std::fs::read(certificate)?)?;
                let tls = ServerTls::single(&chain, &parse_key_pem(&std::fs::read(key)?)?)?;
                Server::new(site).listen(address, Arc::new(tls))
            }
            (None, None) => Server::new(site).danger_listen_plain(address),
            _ => return Err(format!("a certificate and its key go together\n{USAGE}").into()),
        };
        Ok(server.start()?)
    }
}

fn answer(mut request: Request<Body>, acceptance: &Acceptance) -> Response<Body> {
    if !is_asked(&request) {
        let mut page = Response::new(Body::from(PAGE));
        page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        return page;
    }
    match accept(&mut request, acceptance) {
        Ok((response, accepting)) => {
            // What ends a connection is between it and its peer.
            tokio::spawn(echo(accepting));
            response
        }
        Err(rejected) => rejected.respond(),
    }
}

async fn echo(accepting: Accepting) -> Result<(), NetError> {
    let mut socket = accepting.socket().await?;
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}
