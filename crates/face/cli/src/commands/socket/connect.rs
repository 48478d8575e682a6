//! `gatepost socket connect`: stdin there, and what comes to stdout.

use std::sync::Arc;

use clap::Args;
use gatepost::model::event::Event;
use gatepost::model::url::Origin;
use gatepost::net::endpoint;
use gatepost::socket::connect::{Connector, ConnectorBuilder};
use gatepost::socket::protection::Protection;
use gatepost::socket::stream::Socket;
use gatepost_gateway::config::value::Period;

use super::facts;
use super::options::{SocketArgs, protocols, target};
use super::pipe::Piping;
use crate::detour::DetourArgs;
use crate::error::CliError;
use crate::runtime;
use crate::trust::TrustArgs;
use crate::ui::Ui;

/// What `socket connect` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost socket connect imap.example.com:imaps               TLS from the first octet
  gatepost socket connect mail.example.com --starttls smtp -v  From the clear to TLS, line by line
  gatepost socket connect db.example.com --starttls postgres --check --json
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | gatepost socket connect example.com:443 --no-shutdown
  gatepost socket connect example.com:443 --proxy socks5://127.0.0.1:1080
  gatepost socket connect 127.0.0.1:2000 --plain < big.bin     No TLS, as ncat does

The port may have its name. When stdin ends the other end is told, and what it still says is printed; it
is over when both have ended. Once the other end has, two seconds of silence end stdin as well, and a
terminal at once. With --starttls nothing that came in the clear gets behind TLS. After `--starttls mysql`
the server has greeted already: what follows is for clients that know what it said.")]
pub struct ConnectArgs {
    /// Where to: HOST:PORT; with --starttls the port of the protocol is the usual one
    #[arg(value_name = "HOST:PORT")]
    pub target: String,
    /// TLS from the first octet: the default
    #[arg(long, conflicts_with_all = ["plain", "starttls"])]
    pub tls: bool,
    /// Ask for TLS in the words of this protocol
    #[arg(long, value_name = "PROTOCOL", value_parser = protocols(), ignore_case = true, conflicts_with = "plain")]
    pub starttls: Option<String>,
    /// In the clear: everyone on the way can read and change what passes
    #[arg(long)]
    pub plain: bool,
    /// The oldest TLS version that will do: 1.2 or 1.3
    #[arg(long, value_name = "VERSION", value_parser = oldest, default_value = "1.2", conflicts_with = "plain")]
    pub min_tls: Protection,
    /// Whose certificate it has to be [default: that of the host]
    #[arg(long, value_name = "NAME", conflicts_with = "plain")]
    pub server_name: Option<String>,
    /// Application protocols on offer, preferred first, as in h2,http/1.1
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "plain")]
    pub alpn: Vec<String>,
    /// Only connect, say what stands there, and end
    #[arg(long)]
    pub check: bool,
    /// Do not tell the other end that stdin has ended: some servers end everything then
    #[arg(long, conflicts_with = "check")]
    pub no_shutdown: bool,
    /// Give up after this time, as in 30s
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<Period>,
    /// Say what happens, on stderr: the way, each line before TLS, the handshake
    #[arg(short, long)]
    pub verbose: bool,
    /// Whom it trusts.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Through which proxy.
    #[command(flatten)]
    pub detour: DetourArgs,
    /// What is asked of the socket.
    #[command(flatten)]
    pub socket: SocketArgs,
}

/// A version as `min_tls` has it.
fn oldest(text: &str) -> Result<Protection, String> {
    match text {
        "1.2" => Ok(Protection::Tls12),
        "1.3" => Ok(Protection::Tls13),
        _ => Err("write 1.2 or 1.3: older ones are over (RFC 8996)".into()),
    }
}

pub(crate) fn run(args: &ConnectArgs, ui: &Ui) -> Result<(), CliError> {
    let target = target(&args.target, args.starttls.as_deref())?;
    let name = args.server_name.clone().unwrap_or_else(|| target.host().to_owned());
    let server = endpoint::parse(&name, Some(target.port())).map_err(gatepost::Error::from)?;
    let protection = if args.plain { Protection::Plain } else { args.min_tls };
    let connector = builder(&args.trust, &args.detour, &args.socket, &server, args.verbose, *ui)?
        .protection(protection)
        .alpn(args.alpn.iter().map(|name| name.clone().into_bytes()).collect())
        .build()?;
    runtime::block_on(async {
        let all = all(args, &connector, &target, &name, *ui);
        let Some(limit) = args.max_time else { return all.await };
        tokio::time::timeout(limit.0, all).await.unwrap_or_else(|_| {
            Err(CliError::Late { what: "it was not over".into(), limit: limit.to_string(), option: "--max-time" })
        })
    })
}

/// The makings of a connector with those options.
pub(super) fn builder(
    trust: &TrustArgs,
    detour: &DetourArgs,
    socket: &SocketArgs,
    server: &Origin,
    verbose: bool,
    ui: Ui,
) -> Result<ConnectorBuilder, CliError> {
    let mut builder = Connector::builder().tls(trust.client_tls(server, ui)?).options(socket.options());
    if let Some(proxy) = detour.proxy(ui)? {
        builder = builder.proxy(proxy);
    }
    if verbose {
        builder = builder.on_event(Arc::new(move |event: &Event| ui.event(event)));
    }
    Ok(builder)
}

async fn all(args: &ConnectArgs, connector: &Connector, target: &Origin, name: &str, ui: Ui) -> Result<(), CliError> {
    let socket = open(args, connector, target, name).await?;
    if args.verbose {
        facts::tell(socket.info(), ui);
    }
    if args.check {
        return check(socket, ui).await;
    }
    Piping { keeps_open: args.no_shutdown, verbose: args.verbose, ui }.carry(socket).await
}

async fn open(args: &ConnectArgs, connector: &Connector, target: &Origin, name: &str) -> Result<Socket, CliError> {
    let place = format!("{}:{}", target.host(), target.port());
    if args.plain {
        return Ok(connector.connect(&place).await?);
    }
    let socket = connector.connect_plain(&place).await?;
    Ok(match &args.starttls {
        Some(protocol) => socket.starttls_as(protocol, name).await?,
        None => socket.upgrade_tls(name).await?,
    })
}

/// Says what stands there, and takes its leave.
async fn check(mut socket: Socket, ui: Ui) -> Result<(), CliError> {
    let mut shown = facts::as_json(socket.info());
    shown["tcp"] = socket.tcp_info().as_ref().map(facts::tcp_json).into();
    // It may have gone already; what stands there was seen.
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut socket).await;
    if ui.is_json() {
        return ui.json(&shown);
    }
    let info = socket.info();
    let protected = info.tls.as_ref().map_or_else(
        || "in the clear".to_owned(),
        |tls| format!("{}, {}, {}", tls.version.name(), tls.suite, tls.group.unwrap_or("no key exchange")),
    );
    ui.out(&format!("{} {protected}\n", info.remote))
}
