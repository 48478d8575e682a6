//! `gatepost auth explain`: which credential, by which scheme, by which rule, and why.

use clap::Args;
use gatepost::auth::challenge::Challenge;
use gatepost::client::explain::Explanation;
use gatepost::client::prospect::Prospect;
use gatepost::client::session::SessionBuilder;
use gatepost::model::credential::Credential;
use gatepost::model::event::one_line;
use gatepost::model::scope::Scope;
use gatepost::policy::decision::Decision;
use gatepost::policy::redirects::RedirectRules;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde_json::{Value, json};

use crate::error::CliError;
use crate::reach::ReachArgs;
use crate::runtime;
use crate::ui::{self, Ui};
use crate::who::{Found, WhoArgs};

/// What `auth explain` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gatepost auth explain https://example.com/api --stored
  gatepost auth explain https://example.com/api --user ali --policy policy.toml -v
  gatepost auth explain https://example.com/api --stored --probe     Asks the server, as nobody

A policy file (TOML); each rule forbids what it does not name, and the first no is the answer:
  only_hosts = [\"*.example.com\"]            Credentials go to these hosts only, proxies included
  never_hosts = [\"old.example.com:8443\"]    And never to these
  intranet_only = true                      Private addresses and names of one label only,
  intranet_hosts = [\"*.corp.example\"]       and what else counts as inside
  schemes = [\"WSSE\", \"Bearer\"]              By these schemes only
  ambient_hosts = [\"*.corp.example\"]        Where the system's own identity may go, by Negotiate
  [[at]]                                    At these hosts, by these schemes only
  hosts = [\"api.example.com\"]
  schemes = [\"Bearer\"]")]
pub struct ExplainArgs {
    /// Where to: https://…
    pub url: String,
    /// Send one request as nobody, and say what its challenges would be answered with
    #[arg(long)]
    pub probe: bool,
    /// Who we are.
    #[command(flatten)]
    pub who: WhoArgs,
    /// How the server is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
}

/// What a server asked for.
struct Probed {
    status: StatusCode,
    offered: Vec<String>,
}

pub(crate) fn run(args: &ExplainArgs, ui: &Ui) -> Result<(), CliError> {
    let who = args.who.resolve(Some(&args.url))?;
    let found = who.at(&args.url)?;
    let named = who.named.map(|found| found.credential);
    let kept = if named.is_some() { &[][..] } else { &found[..] };
    let builder = || args.reach.builder(&args.url, args.who.auth.as_deref(), named.as_ref(), *ui);
    let with_kept = kept.iter().fold(builder()?, |builder, found| builder.credential(found.credential.clone()));
    let explanation = with_kept.build()?.explain(&args.url, named.as_ref())?;
    let probed = match args.probe {
        true => {
            args.reach.refuse_plain(&args.url)?;
            Some(probe(builder()?, &args.url)?)
        }
        false => None,
    };
    if ui.is_json() {
        return ui.json(&document(&args.url, &explanation, &found, probed.as_ref()));
    }
    ui.out(&text(args, &explanation, &found, probed.as_ref(), ui))
}

/// One request without any credential, which follows nothing.
fn probe(builder: SessionBuilder, url: &str) -> Result<Probed, CliError> {
    let session = builder.redirects(RedirectRules { max: 0 }).build()?;
    runtime::block_on(async {
        let response = session.get(url).send().await?;
        let challenges = Challenge::parse_all(response.headers().get_all(WWW_AUTHENTICATE)).challenges;
        let offered = challenges.into_iter().map(|challenge| challenge.scheme).collect();
        Ok(Probed { status: response.status(), offered })
    })
}

/// What would be said to that: the first that is offered and may be answered.
fn answer<'a>(explanation: &'a Explanation, probed: &Probed) -> Option<&'a Prospect> {
    let offered = |prospect: &&Prospect| {
        probed.offered.iter().any(|scheme| scheme.eq_ignore_ascii_case(prospect.scheme)) && prospect.is_answered()
    };
    explanation.server.iter().filter(|_| probed.status == StatusCode::UNAUTHORIZED).find(offered)
}

fn text(args: &ExplainArgs, explanation: &Explanation, found: &[Found], probed: Option<&Probed>, ui: &Ui) -> String {
    let mut text = ui.fact("Address", args.url.split('?').next().unwrap_or_default());
    text += &ui.fact("Request", &explanation.transport.to_string());
    if let Some((url, prospects)) = &explanation.proxy {
        text += &ui.fact("Proxy", &url.to_string());
        text += &table(prospects, &[], args.reach.verbose);
        text += &ui.fact("Server", "");
    }
    text += &table(&explanation.server, found, args.reach.verbose);
    if let Some(probed) = probed {
        let offered = if probed.offered.is_empty() { "nothing".to_owned() } else { probed.offered.join(", ") };
        text += &ui.fact("Probe", &format!("it answered {}, and asked for {offered}", probed.status.as_u16()));
        let said = match answer(explanation, probed) {
            Some(prospect) => format!("{} with {}", prospect.scheme, credential(prospect, found)),
            None if probed.status == StatusCode::UNAUTHORIZED => "nothing: no row above with a yes is asked for".into(),
            None => "nothing: it asks for no proof".into(),
        };
        text += &ui.fact("Answer", &said);
    }
    text
}

fn table(prospects: &[Prospect], found: &[Found], with_rules: bool) -> String {
    let mut rows = Vec::new();
    for prospect in prospects {
        let verdict = prospect.verdict();
        let word = if prospect.is_answered() { "yes" } else { "no" };
        let reason = verdict.reason.into_owned();
        rows.push(vec![prospect.scheme.to_owned(), word.to_owned(), credential(prospect, found), reason]);
        let rule = |(name, decision): &(&'static str, Decision)| {
            let word = if decision.allowed { "yes" } else { "no" };
            vec![String::new(), word.to_owned(), format!("rule {name}"), decision.reason.to_string()]
        };
        rows.extend(prospect.rules.iter().filter(|_| with_rules).map(rule));
    }
    ui::table(&["SCHEME", "SENT", "CREDENTIAL", "WHY"], &rows)
}

/// Whose it is, where it may go, and where it comes from.
fn credential(prospect: &Prospect, found: &[Found]) -> String {
    let Some(credential) = &prospect.credential else { return "-".into() };
    let user = if credential.user.is_empty() { "a bare token" } else { &credential.user };
    match source(credential, found) {
        Some(source) => format!("{user}, from {source}"),
        None => user.to_owned(),
    }
}

/// Where a credential comes from.
fn source<'a>(credential: &Credential, found: &'a [Found]) -> Option<&'a str> {
    found.iter().find(|found| found.credential == *credential).map(|found| found.source.as_str())
}

fn document(url: &str, explanation: &Explanation, found: &[Found], probed: Option<&Probed>) -> Value {
    let proxy = explanation.proxy.as_ref();
    json!({
        "url": one_line(url.split('?').next().unwrap_or_default()),
        "transport": decision(&explanation.transport),
        "proxy": proxy.map(|(url, prospects)| json!({ "url": url.to_string(), "schemes": rows(prospects, &[]) })),
        "schemes": rows(&explanation.server, found),
        "probe": probed.map(|probed| json!({
            "status": probed.status.as_u16(),
            "offered": probed.offered,
            "answer": answer(explanation, probed).map(|prospect| prospect.scheme),
        })),
    })
}

fn rows(prospects: &[Prospect], found: &[Found]) -> Vec<Value> {
    let rule = |(name, said): &(&'static str, Decision)| json!({ "rule": name, "allowed": said.allowed, "reason": said.reason });
    let row = |prospect: &Prospect| {
        let credential = prospect.credential.as_ref().map(|credential| {
            let scope = credential.scope.as_ref().map(Scope::to_string);
            json!({ "user": credential.user, "scope": scope, "source": source(credential, found) })
        });
        json!({
            "scheme": prospect.scheme,
            "sent": prospect.is_answered(),
            "reason": prospect.verdict().reason,
            "credential": credential,
            "rules": prospect.rules.iter().map(rule).collect::<Vec<_>>(),
        })
    };
    prospects.iter().map(row).collect()
}

fn decision(decision: &Decision) -> Value {
    json!({ "allowed": decision.allowed, "reason": decision.reason })
}
