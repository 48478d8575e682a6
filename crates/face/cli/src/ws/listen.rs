//! The twin that listens: takes WebSockets and prints what comes, or echoes it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gatepost::Server;
use gatepost::clock;
use gatepost::net::body::Body;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, handler};
use gatepost::server::websocket::{Acceptance, Accepting, accept};
use gatepost::tls::pem;
use gatepost::tls::server::ServerTls;
use gatepost_gateway::small_file;
use gatepost_gateway::state::read_secret;
use http::{Request, Response};
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use crate::error::CliError;
use crate::ui::Ui;
use crate::ws::caller::terms_of;
use crate::ws::halves::halves;
use crate::ws::print;
use crate::ws::record::ndjson;
use crate::ws::record::recorder::Recorder;
use crate::ws::said::{Direction, Moment, Opened, Said, What};
use crate::ws::wire::{Ear, Mouth};

/// What is listened for.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) address: SocketAddr,
    /// The chain and the key, in PEM files. Without them it is plain, and on loopback only.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    /// Whether messages are sent back.
    pub(crate) echo: bool,
    pub(crate) acceptance: Acceptance,
    pub(crate) recorder: Option<Recorder>,
}

/// Listens until the process is told to end.
pub(crate) async fn listen(orders: Orders, ui: Ui) -> Result<(), CliError> {
    let tls = tls(&orders)?;
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    let recorder = Mutex::new(orders.recorder);
    let book = Arc::new(Book { ui, recorder, count: AtomicU64::new(0), echo: orders.echo });
    let (failed, mut failure) = tokio::sync::mpsc::unbounded_channel();
    let running = start(orders.address, tls, orders.acceptance, Arc::clone(&book), failed)?;
    if let Some(recorder) = book.recorder.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        recorder.begin()?;
    }
    let address = running.addresses().first().copied().unwrap_or(orders.address);
    let url = format!("{scheme}://{address}/");
    if ui.is_json() {
        ui.out(&format!("{}\n", json!({ "event": "listening", "url": url })))?;
    } else {
        ui.note(&format!("listening on {url}"));
    }
    let ended = tokio::select! {
        ended = tokio::signal::ctrl_c() => ended.map_err(|error| CliError::io("the signals", &error)),
        error = failure.recv() => error.map_or(Ok(()), Err),
    };
    running.drain().await;
    ended
}

fn tls(orders: &Orders) -> Result<Option<ServerTls>, CliError> {
    let Some((chain, key)) = &orders.certificate else {
        if orders.address.ip().is_loopback() {
            return Ok(None);
        }
        let detail = format!("{} can be reached from elsewhere, and would be in the clear", orders.address);
        return Err(CliError::usage(detail, "give `--cert` and `--key`, or listen on 127.0.0.1"));
    };
    let read = small_file::read(chain, small_file::LONGEST_PEM)
        .map_err(|error| CliError::io(chain.display().to_string(), &error))?;
    let chain = pem::parse_chain_pem(&read).map_err(gatepost::Error::from)?;
    let secret = read_secret(key).map_err(|detail| CliError::Io { what: key.display().to_string(), detail })?;
    let key = pem::parse_key_pem(secret.reveal()).map_err(gatepost::Error::from)?;
    Ok(Some(ServerTls::single(&chain, &key).map_err(gatepost::Error::from)?))
}

fn start(
    address: SocketAddr,
    tls: Option<ServerTls>,
    acceptance: Acceptance,
    book: Arc<Book>,
    failed: UnboundedSender<CliError>,
) -> Result<Running, CliError> {
    let acceptance = Arc::new(acceptance);
    // Everybody may come in: it is for tests, and on loopback unless a certificate was given for more.
    let site = handler(Guard::DangerOpen, move |mut request: Request<Body>, visitor| {
        let answer = answer(&mut request, visitor.peer.tls, &acceptance, &book, &failed);
        async move { answer }
    });
    let server = Server::new(site).workers(1);
    let server = match tls {
        Some(tls) => server.listen(address, Arc::new(tls)),
        None => server.danger_listen_plain(address),
    };
    Ok(server.start()?)
}

fn answer(
    request: &mut Request<Body>,
    tls: Option<&'static str>,
    acceptance: &Acceptance,
    book: &Arc<Book>,
    failed: &UnboundedSender<CliError>,
) -> Response<Body> {
    let mut opened = Opened {
        url: request.uri().to_string(),
        protocol: if request.version() == http::Version::HTTP_2 { "h2" } else { "http/1.1" }.to_owned(),
        tls: tls.map(str::to_owned),
        request: request.headers().iter().map(|(name, value)| (name.to_string(), lossy(value))).collect(),
        ..Opened::default()
    };
    let (response, accepting) = match accept(request, acceptance) {
        Ok(granted) => granted,
        Err(rejected) => return rejected.respond(),
    };
    opened.status = response.status().as_u16();
    opened.response = response.headers().iter().map(|(name, value)| (name.to_string(), lossy(value))).collect();
    opened.subprotocol = accepting.subprotocol().map(str::to_owned);
    opened.deflate = accepting.deflate().map(terms_of);
    let (book, failed) = (Arc::clone(book), failed.clone());
    tokio::spawn(async move {
        if let Err(error) = book.attend(accepting, opened).await {
            // If nobody listens any more, the end has begun already.
            let _ = failed.send(error);
        }
    });
    response
}

fn lossy(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// Told of everything that happens on every connection.
struct Book {
    ui: Ui,
    recorder: Mutex<Option<Recorder>>,
    count: AtomicU64,
    echo: bool,
}

impl Book {
    /// Attends to one connection until its end. Errors are those of our own output.
    async fn attend(&self, accepting: Accepting, opened: Opened) -> Result<(), CliError> {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        // Whoever went away before it stood was never here.
        let Ok(socket) = accepting.socket().await else { return Ok(()) };
        self.tell(number, What::Opened(Box::new(opened)))?;
        let (mut mouth, mut ear) = halves(socket);
        loop {
            let said = match ear.hear().await {
                Ok(Some(said)) => said,
                Ok(None) => return Ok(()),
                Err(error) => return self.tell(number, What::Broken(error.to_string())),
            };
            self.tell(number, What::Said(Direction::In, said.clone()))?;
            if !self.echo || said.message().is_none() {
                continue;
            }
            match mouth.say(&said).await {
                Ok(()) => self.tell(number, What::Said(Direction::Out, said))?,
                Err(error) => return self.tell(number, What::Broken(error.to_string())),
            }
        }
    }

    fn tell(&self, number: u64, what: What) -> Result<(), CliError> {
        let moment = Moment { at: clock::now(), what };
        if let Some(recorder) = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            recorder.write(&moment)?;
        }
        if self.ui.is_json() {
            let mut line = ndjson::write(&moment);
            line["connection"] = number.into();
            return self.ui.out(&format!("{line}\n"));
        }
        // An echo that is quiet says nothing of what it says.
        if self.ui.is_quiet() && !matches!(moment.what, What::Said(Direction::In, Said::Text(_) | Said::Binary(_))) {
            return Ok(());
        }
        self.ui.out(&format!("{} {}", self.ui.dim(&format!("#{number}")), print::moment(&moment, &self.ui)))
    }
}
