//! `gatepost get`: one request that answers challenges.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gatepost::Session;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::scope::Scope;
use gatepost::model::url::Url;
use gatepost::net::dial::Roots;
use gatepost::policy::hosts::HostRule;
use gatepost::policy::transport::TransportRules;
use gatepost::tls::pem;
use gatepost_gateway::config::value::Period;
use gatepost_gateway::state::read_secret;
use http::{Method, StatusCode};

use crate::commands::{auth, user};
use crate::delivery::{self, Delivery};
use crate::error::CliError;
use crate::options::StateArgs;
use crate::passwords::{self, PasswordArgs};
use crate::payload;
use crate::runtime;
use crate::ui::Ui;

/// What `get` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost get https://localhost:8443/ --ca ca.pem --user ali
  gatepost get https://example.com/api --credential work -d @order.json -H 'Content-Type: application/json'
  gatepost get https://example.com/big.iso -o big.iso --token-file ali.token")]
pub struct GetArgs {
    /// Where to: https://…, or http://… with --danger-plain-http
    pub url: String,
    /// The one scheme to use [default: the strongest on offer]
    #[arg(long, value_name = "SCHEME", value_parser = auth::scheme_names(), ignore_case = true, help_heading = "Who you are")]
    pub auth: Option<String>,
    /// The user name; the password is asked for on the terminal
    #[arg(long, value_name = "NAME", value_parser = user::name, conflicts_with_all = ["credential", "token_env", "token_file"], help_heading = "Who you are")]
    pub user: Option<String>,
    /// A stored credential (see `gatepost credential`)
    #[arg(long, value_name = "NAME", help_heading = "Who you are")]
    pub credential: Option<String>,
    /// A bearer token from an environment variable
    #[arg(long, value_name = "NAME", conflicts_with_all = ["credential", "token_file"], help_heading = "Who you are")]
    pub token_env: Option<String>,
    /// A bearer token from a file
    #[arg(long, value_name = "FILE", conflicts_with = "credential", help_heading = "Who you are")]
    pub token_file: Option<PathBuf>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// The method [default: GET, or POST with -d]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub method: Option<Method>,
    /// A header field, as in 'Accept: text/html'
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = payload::field)]
    pub headers: Vec<(String, String)>,
    /// The body: text, @FILE, or - for stdin
    #[arg(short, long, value_name = "DATA")]
    pub data: Option<String>,
    /// Write the body to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the head of the answer, too
    #[arg(short, long)]
    pub include: bool,
    /// Say what happens, on stderr, with secrets left out
    #[arg(short, long)]
    pub verbose: bool,
    /// End with code 1 if the answer is an HTTP error
    #[arg(short, long)]
    pub fail: bool,
    /// Trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Speak HTTP/1.1 only
    #[arg(long = "http1.1")]
    pub http1: bool,
    /// Give up after this time, as in 30s
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<Period>,
    /// Allow http:// to the host of the URL: everyone on the way can read and change what passes
    #[arg(long)]
    pub danger_plain_http: bool,
    /// Where stored credentials are.
    #[command(flatten)]
    pub state: StateArgs,
}

pub(crate) fn run(args: GetArgs, ui: &Ui) -> Result<(), CliError> {
    refuse_plain(&args)?;
    let credential = credential(&args)?;
    let advice = advice(&args, credential.as_ref());
    let session = session(&args, *ui)?;
    let delivery = Delivery { output: args.output.clone(), include: args.include, of: args.url.clone() };
    let (fail, request) = (args.fail, request(args, &session, credential)?);
    runtime::block_on(async {
        let response = request.send().await?;
        let status = response.status();
        delivery::deliver(response, &delivery, ui).await?;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(CliError::Refused { status: status.as_u16(), hint: Some(advice) })
            }
            status if fail && (status.is_client_error() || status.is_server_error()) => {
                Err(CliError::Status { status: status.as_u16() })
            }
            _ => Ok(()),
        }
    })
}

/// Says before a password is asked for what the engine would say after it: not in the clear.
fn refuse_plain(args: &GetArgs) -> Result<(), CliError> {
    let url = Url::parse(&args.url).map_err(gatepost::Error::from)?;
    if url.is_secure() || args.danger_plain_http {
        return Ok(());
    }
    let detail = format!("`{}` is in the clear: everyone on the way can read and change what passes", url.scheme());
    Err(CliError::usage(detail, "use `https://`; if it has to be, allow this host with `--danger-plain-http`"))
}

/// What to try if we are refused.
fn advice(args: &GetArgs, credential: Option<&Credential>) -> String {
    let Some(credential) = credential else {
        return "say who you are with `--user`, `--credential` or `--token-file`".into();
    };
    let outside = |scope: &&Scope| Url::parse(&args.url).is_ok_and(|url| scope.covers(&url).is_none());
    match credential.scope.as_ref().filter(outside) {
        Some(scope) => format!("the credential was not sent: it is kept for {scope} and goes nowhere else"),
        None => "check the user, the password and the scheme".into(),
    }
}

/// Who we say we are, if anybody.
fn credential(args: &GetArgs) -> Result<Option<Credential>, CliError> {
    if let Some(name) = &args.credential {
        let store = runtime::store(&args.state)?;
        let stored = runtime::block_on(async { Ok(store.credential(name).await.map_err(gatepost::Error::from)?) })?;
        let hint = Some("`gatepost credential list` shows what there is".into());
        let missing = CliError::Missing { what: format!("credential `{name}`"), hint };
        return stored.map(|stored| Some(stored.credential)).ok_or(missing);
    }
    if let Some(name) = &args.token_env {
        return Ok(Some(Credential::token(passwords::from_environment(name)?)));
    }
    if let Some(path) = &args.token_file {
        let token = read_secret(path).map_err(|detail| CliError::Io { what: path.display().to_string(), detail })?;
        return Ok(Some(Credential::token(token)));
    }
    let Some(user) = &args.user else {
        if args.password.is_given() {
            return Err(CliError::usage("a password without a user", "add `--user NAME`"));
        }
        return Ok(None);
    };
    Ok(Some(Credential::login(user.as_str(), args.password.read(&format!("Password for {user}"))?)))
}

fn session(args: &GetArgs, ui: Ui) -> Result<Session, CliError> {
    let mut builder = Session::builder();
    if let Some(path) = &args.ca {
        let pem = std::fs::read(path).map_err(|error| CliError::io(path.display().to_string(), &error))?;
        builder = builder.roots(Roots::Only(pem::parse_chain_pem(&pem).map_err(gatepost::Error::from)?));
    }
    if args.http1 {
        builder = builder.http1_only();
    }
    if let Some(scheme) = &args.auth {
        builder = builder.scheme(scheme);
    }
    if args.danger_plain_http {
        ui.warning("`--danger-plain-http`: everyone on the way can read and change what passes");
        let mut rules = TransportRules::default();
        let url = Url::parse(&args.url).map_err(gatepost::Error::from)?;
        // This host and no other: a redirect to plain http elsewhere stays refused.
        rules.plain_hosts.push(HostRule::of(&url.origin()));
        builder = builder.transport(rules);
    }
    if args.verbose {
        builder = builder.on_event(Arc::new(move |event: &Event| ui.note(&ui.dim(&format!("* {event}")))));
    }
    Ok(builder.build()?)
}

fn request(
    args: GetArgs,
    session: &Session,
    credential: Option<Credential>,
) -> Result<gatepost::client::request::RequestBuilder, CliError> {
    let usual = if args.data.is_some() { Method::POST } else { Method::GET };
    let mut request = session.request(args.method.unwrap_or(usual), &args.url);
    for (name, value) in &args.headers {
        request = request.header(name, value);
    }
    if let Some(data) = &args.data {
        request = request.body(payload::of(data)?);
    }
    if let Some(credential) = credential {
        request = request.credential(credential);
    }
    if let Some(Period(time)) = args.max_time {
        request = request.within(time);
    }
    Ok(request)
}
