//! `gatepost socket listen`: what comes goes to stdout, back, or on to another server.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use gatepost::events::Events;
use gatepost::model::event::{Event, one_line};
use gatepost::socket::connect::Connector;
use gatepost::socket::listen::Listener;
use gatepost::socket::protection::Protection;
use gatepost_gateway::config::value::Period;
use serde_json::json;

use super::connect::builder;
use super::options::{SocketArgs, served_protocols, target};
use super::passing::{Door, Job};
use super::pipe::Piping;
use super::protect::{ProtectArgs, Shown, watch};
use crate::commands::serve;
use crate::detour::DetourArgs;
use crate::error::CliError;
use crate::runtime;
use crate::trust::TrustArgs;
use crate::ui::Ui;

/// What `socket listen` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost socket listen 127.0.0.1:2000 --plain                  One connection, by hand
  gatepost socket listen 127.0.0.1:0 --cert chain.pem --key key.pem --echo
  gatepost socket listen 0.0.0.0:8443 --tls --to 127.0.0.1:8080  TLS before a plain server
  gatepost socket listen 127.0.0.1:6379 --plain --to-tls redis.example.com:6380
  gatepost socket listen 0.0.0.0:587 --cert both.pem --starttls smtp --to 127.0.0.1:25

Without --echo, --to or --to-tls the first connection is carried: what comes goes to stdout and stdin goes
there, and it is over when that is.")]
pub struct ListenArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(value_name = "ADDRESS", value_parser = serve::address)]
    pub address: SocketAddr,
    /// How connections are protected.
    #[command(flatten)]
    pub protect: ProtectArgs,
    /// TLS when the client asks for it in the words of this protocol
    #[arg(long, value_name = "PROTOCOL", value_parser = served_protocols(), ignore_case = true, conflicts_with = "plain")]
    pub starttls: Option<String>,
    /// Send back whatever comes
    #[arg(long, conflicts_with_all = ["to", "to_tls"])]
    pub echo: bool,
    /// Pass every connection on to this server, in the clear
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "to_tls")]
    pub to: Option<String>,
    /// Pass every connection on to this server, by TLS
    #[arg(long, value_name = "HOST:PORT")]
    pub to_tls: Option<String>,
    /// Connections at once; more wait
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_connections: u32,
    /// With --echo, --to and --to-tls: end connections on which nothing went either way for so long
    #[arg(long, value_name = "TIME", default_value = "12h")]
    pub idle_time: Period,
    /// Do not tell the other end that stdin has ended
    #[arg(long, conflicts_with_all = ["echo", "to", "to_tls"])]
    pub no_shutdown: bool,
    /// Say what happens, on stderr
    #[arg(short, long)]
    pub verbose: bool,
    /// Whom --to-tls trusts.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Through which proxy connections are passed on.
    #[command(flatten)]
    pub detour: DetourArgs,
    /// What is asked of the sockets.
    #[command(flatten)]
    pub socket: SocketArgs,
}

pub(crate) fn run(args: ListenArgs, ui: Ui) -> Result<(), CliError> {
    let Shown { tls, shelf } = args.protect.shown()?;
    let job = job(&args, ui)?;
    let door = Door { tls, starttls: args.starttls, idle: args.idle_time.0, verbose: args.verbose, ui };
    let mut listener_options = args.socket.options();
    // They are for connections that go out.
    (listener_options.local, listener_options.interface) = (None, None);
    if job.is_some() {
        // Whoever has gone without a word gives the place back some day.
        listener_options.keep_alive.get_or_insert_default();
    }
    runtime::block_on(async {
        let events = match args.verbose {
            true => Events::to(vec![Arc::new(move |event: &Event| ui.event(event))]),
            false => Events::default(),
        };
        let listener = Listener::bind(args.address)?.options(listener_options)?.events(events);
        announce(&listener, &door, ui)?;
        let (shown, ended) = (door.tls.clone().zip(shelf), tokio::signal::ctrl_c());
        let watching = async move {
            match shown {
                Some((tls, shelf)) => watch(shelf, tls, ui).await,
                None => std::future::pending().await,
            }
        };
        let piping = Piping { keeps_open: args.no_shutdown, verbose: args.verbose, ui };
        let at_once = usize::try_from(args.max_connections).unwrap_or(usize::MAX);
        let working = async {
            match job {
                Some(job) => {
                    door.serve(listener, job, at_once).await;
                    Ok(())
                }
                None => first(&door, &listener, piping).await,
            }
        };
        tokio::select! {
            done = working => done,
            () = watching => Ok(()),
            ended = ended => ended.map_err(|error| CliError::io("the signals", &error)),
        }
    })
}

/// What is done for all who come; `None` if one connection is carried by hand.
fn job(args: &ListenArgs, ui: Ui) -> Result<Option<Job>, CliError> {
    if args.echo {
        return Ok(Some(Job::Echo));
    }
    let (to, protection) = match (&args.to, &args.to_tls) {
        (Some(to), _) => (to, Protection::Plain),
        (None, Some(to)) => (to, Protection::Tls12),
        (None, None) => return Ok(None),
    };
    let target = target(to, None)?;
    let connector: Connector =
        builder(&args.trust, &args.detour, &args.socket, &target, args.verbose, ui)?.protection(protection).build()?;
    Ok(Some(Job::Pass { connector, to: format!("{}:{}", target.host(), target.port()) }))
}

/// Carries the first connection that gets in.
async fn first(door: &Door, listener: &Listener, piping: Piping) -> Result<(), CliError> {
    loop {
        let socket = listener.accept().await;
        let peer = socket.info().remote;
        match door.admit(socket).await {
            Ok(socket) => return piping.carry(socket).await,
            Err(error) => piping.ui.note(&one_line(&format!("{peer}: {error}"))),
        }
    }
}

fn announce(listener: &Listener, door: &Door, ui: Ui) -> Result<(), CliError> {
    let address = listener.local_addr().to_string();
    let protected = match (&door.tls, &door.starttls) {
        (None, _) => "in the clear".to_owned(),
        (Some(_), None) => "TLS".to_owned(),
        (Some(_), Some(protocol)) => format!("TLS after {protocol}"),
    };
    if ui.is_json() {
        let (tls, starttls) = (door.tls.is_some(), &door.starttls);
        return ui.out(&format!(
            "{}\n",
            json!({ "event": "listening", "address": address, "tls": tls, "starttls": starttls })
        ));
    }
    ui.note(&format!("listening on {address}, {protected}"));
    Ok(())
}
