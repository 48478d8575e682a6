//! `gatepost get`: one request that answers challenges.

use std::path::PathBuf;

use clap::Args;
use gatepost::Session;
use gatepost::model::credential::Credential;
use gatepost_gateway::config::value::Period;
use http::{Method, StatusCode};

use crate::delivery::{self, Delivery};
use crate::error::CliError;
use crate::payload;
use crate::reach::ReachArgs;
use crate::runtime;
use crate::ui::Ui;
use crate::who::{self, WhoArgs};

/// What `get` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost get https://localhost:8443/ --ca ca.pem --user ali
  gatepost get https://example.com/api --credential work -d @order.json -H 'Content-Type: application/json'
  gatepost get https://example.com/big.iso -o big.iso --token-file ali.token
  gatepost get https://intranet.example.com/ --auth negotiate --ambient")]
pub struct GetArgs {
    /// Where to: https://…, or http://… with --danger-plain-http
    pub url: String,
    /// Who we are.
    #[command(flatten)]
    pub who: WhoArgs,
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
    /// End with code 1 if the answer is an HTTP error
    #[arg(short, long)]
    pub fail: bool,
    /// How the server is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Give up after this time, as in 30s
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<Period>,
}

pub(crate) fn run(args: GetArgs, ui: &Ui) -> Result<(), CliError> {
    args.reach.refuse_plain(&args.url)?;
    let credential = args.who.credential()?;
    let advice = who::advice(&args.url, credential.as_ref());
    let session = args.reach.builder(&args.url, args.who.auth.as_deref(), credential.as_ref(), *ui)?.build()?;
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
