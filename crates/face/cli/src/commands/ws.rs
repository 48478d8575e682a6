//! `gatepost ws`: WebSockets by hand, in pipes and in scripts, and the twin that listens.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use gatepost::model::credential::Credential;
use gatepost::server::websocket::Acceptance;
use gatepost::ws::deflate::config::Config;

use crate::commands::serve;
use crate::error::CliError;
use crate::reach::ReachArgs;
use crate::runtime;
use crate::ui::Ui;
use crate::who::{self, WhoArgs};
use crate::ws::caller::{Caller, Terms};
use crate::ws::listen::{self, Orders};
use crate::ws::options::{self, LinkArgs, TalkArgs};
use crate::ws::record::recorder::Recorder;
use crate::ws::script::suite::{self, Reports};
use crate::ws::script::template::Variables;
use crate::ws::session;

/// What `ws` takes.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  gatepost ws wss://localhost:8443/ws --ca ca.pem --user ali        A session; /help shows its commands
  echo hello | gatepost ws wss://localhost:8443/ws --count 1        Lines in, messages out
  gatepost ws wss://example.com/feed --json --until '\"done\"' --timeout 30s </dev/null
  gatepost ws wss://example.com/feed --record feed.har              For the developer tools of a browser
  gatepost ws wss://example.com/feed --replay feed.har              Say the same again
  gatepost ws --listen 127.0.0.1:9000 --echo                        The other end, for tests
  gatepost ws run tests/*.ws --var host=localhost:8443              Scripts (see `gatepost ws run --help`)"
)]
pub struct WsArgs {
    /// Scripts are a verb of their own.
    #[command(subcommand)]
    pub command: Option<WsCommand>,
    /// Where to: wss://…, or ws://… with --danger-plain-http
    #[arg(required_unless_present = "listen")]
    pub url: Option<String>,
    /// What is said, and when it is over.
    #[command(flatten)]
    pub talk: TalkArgs,
    /// How it is opened.
    #[command(flatten)]
    pub link: LinkArgs,
    /// Who we are.
    #[command(flatten)]
    pub who: WhoArgs,
    /// How the server is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// The other end.
    #[command(flatten)]
    pub listen: ListenArgs,
}

/// The options of whoever calls: they do nothing for whoever listens, and are refused there rather than passed over.
const CALLERS: [&str; 39] = [
    "url",
    "data",
    "binary",
    "stream",
    "count",
    "until",
    "timeout",
    "wait",
    "replay",
    "history",
    "headers",
    "http2",
    "auth",
    "user",
    "credential",
    "token_env",
    "token_file",
    "ambient",
    "kerberos_cache",
    "keytab",
    "principal",
    "password_stdin",
    "password_env",
    "password_file",
    "verbose",
    "ca",
    "pins",
    "revocation_lists",
    "danger_ignore_cert_error",
    "client_cert",
    "client_key",
    "proxy",
    "proxy_user",
    "proxy_password_env",
    "danger_plain_proxy",
    "mutual",
    "danger_digest_rfc2069",
    "http1",
    "danger_plain_http",
];

/// How to be the other end.
#[derive(Debug, Args)]
#[command(next_help_heading = "The other end")]
pub struct ListenArgs {
    /// Listen there and print what comes; in the clear on loopback only
    #[arg(long, value_name = "ADDRESS", value_parser = serve::address, conflicts_with_all = CALLERS)]
    pub listen: Option<SocketAddr>,
    /// Send every message back
    #[arg(long, requires = "listen", conflicts_with = "url")]
    pub echo: bool,
    /// The certificate chain to show, in PEM
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "url")]
    pub cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert", conflicts_with = "url")]
    pub key: Option<PathBuf>,
}

/// What is below `ws`.
#[derive(Debug, Subcommand)]
pub enum WsCommand {
    /// Run scripts that say what is sent and what is expected
    Run(Box<RunArgs>),
}

/// What `ws run` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost ws run echo.ws --var url=wss://localhost:8443/ws --ca ca.pem --user ali
  gatepost ws run tests/*.ws --report-junit report.xml

A script is a list of steps, one a line:
  # a comment
  var name = ali                      a variable, used as {{name}}
  connect {{url}}                     header fields stand on the lines below
    X-Request-Id: 7
  > {\"hello\": \"{{name}}\"}             send a text; >b 00 ff sends octets, > @file a file
  < json $.id as id                   the next message is JSON, and its id is kept
  & json $.hello == \"{{name}}\"        more about the same message
  < exactly this text                 or < /regex/, <b 00 ff, < any; <* … passes over others
  ping x                              and < pong x
  < close 1000 bye                    and close 1000 bye
  timeout 2s                          how long each < below waits; 5s if not said")]
pub struct RunArgs {
    /// The scripts
    #[arg(required = true, value_name = "FILE")]
    pub scripts: Vec<PathBuf>,
    /// A variable, as in host=localhost:8443; GATEPOST_VAR_name=… in the environment is one, too
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = options::variable)]
    pub variables: Vec<(String, String)>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    pub report_junit: Option<PathBuf>,
    /// Write a JSON report
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,
    /// How connections are opened.
    #[command(flatten)]
    pub link: LinkArgs,
    /// Who we are.
    #[command(flatten)]
    pub who: WhoArgs,
    /// How servers are reached.
    #[command(flatten)]
    pub reach: ReachArgs,
}

pub(crate) fn run(args: WsArgs, ui: &Ui) -> Result<(), CliError> {
    if let Some(WsCommand::Run(args)) = args.command {
        return scripts(*args, ui);
    }
    if let Some(address) = args.listen.listen {
        return listen(address, args, ui);
    }
    let url = args.url.unwrap_or_default();
    args.reach.refuse_plain(&url)?;
    let credential = args.who.credential()?;
    let advice = who::advice(&url, credential.as_ref());
    let plan = args.talk.plan(url, advice, ui)?;
    let mut caller = Caller::new(terms(&args.link, args.reach, args.who.auth, credential), *ui);
    runtime::block_on(session::hold(&mut caller, plan, *ui))
}

fn terms(link: &LinkArgs, reach: ReachArgs, scheme: Option<String>, credential: Option<Credential>) -> Terms {
    Terms {
        reach,
        scheme,
        credential,
        subprotocols: link.subprotocol.clone(),
        fields: link.headers.clone(),
        origin: link.origin.clone(),
        deflate: link.deflate,
        http2: link.http2,
        settings: link.settings(),
    }
}

fn scripts(args: RunArgs, ui: &Ui) -> Result<(), CliError> {
    let scripts = suite::read(&args.scripts)?;
    let credential = args.who.credential()?;
    let mut variables: Variables = options::from_environment(std::env::vars_os());
    variables.extend(args.variables);
    let reports = Reports { junit: args.report_junit, json: args.report_json };
    let mut caller = Caller::new(terms(&args.link, args.reach, args.who.auth, credential), *ui);
    runtime::block_on(suite::run_all(scripts, &mut caller, &variables, &reports, ui))
}

fn listen(address: SocketAddr, args: WsArgs, ui: &Ui) -> Result<(), CliError> {
    let acceptance = Acceptance {
        protocols: args.link.subprotocol.clone(),
        deflate: args.link.deflate.then(Config::default),
        origins: args.link.origin.clone().map(|origin| vec![origin]),
        settings: args.link.settings(),
    };
    let recorder = args.talk.record.as_deref().map(Recorder::create).transpose()?;
    let certificate = args.listen.cert.zip(args.listen.key);
    runtime::block_on(listen::listen(
        Orders { address, certificate, echo: args.listen.echo, acceptance, recorder },
        *ui,
    ))
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;
    use clap::{CommandFactory, Parser};

    use crate::args::Cli;

    /// What whoever listens minds, and how output looks; `state` because it may stand in the environment.
    const MINDED: [&str; 15] = [
        "listen",
        "echo",
        "cert",
        "key",
        "record",
        "subprotocol",
        "origin",
        "deflate",
        "no_deflate",
        "max_message",
        "ping_interval",
        "state",
        "json",
        "quiet",
        "color",
    ];

    #[test]
    fn whoever_listens_passes_over_no_option() {
        let mut command = Cli::command();
        command.build();
        let ws = command.find_subcommand("ws").unwrap();
        let mut seen = 0;
        for option in ws.get_arguments().filter(|option| !["help", "version"].contains(&option.get_id().as_str())) {
            let id = option.get_id().as_str();
            if MINDED.contains(&id) {
                seen += 1;
                continue;
            }
            let listen = ws.get_arguments().find(|option| option.get_id() == "listen").unwrap();
            let refused = ws.get_arg_conflicts_with(listen).iter().any(|other| other.get_id() == id);
            assert!(refused, "`--listen` passes over `{id}`");
        }
        assert_eq!(seen, MINDED.len());
    }

    #[test]
    fn an_option_of_the_caller_is_refused_with_listen() {
        for arguments in ["--count 1", "--timeout 1s", "-d x", "-H X:1", "--ca x", "--proxy http://h:1", "--http2"] {
            let line = format!("gatepost ws --listen 127.0.0.1:0 {arguments}");
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{arguments}");
        }
    }
}
