//! Both ends of a Kerberos context in one process, as a JSON document on standard input wants them.
//!
//! Without an argument it says whether this machine has Kerberos. With `talk` it reads
//! `{"initiator": {..}, "acceptor": {..}, "times": 1, "again": false, "deadline": 15}` and writes what each end came
//! to know, or why not: `{"client": .., "server": ..}`. `again` gives the acceptor the first token twice.

use std::error::Error;
use std::io::Read as _;
use std::time::Duration;

use gatepost_kerberos::acceptor::{Acceptance, Acceptor, Bindings};
use gatepost_kerberos::error::KerberosError;
use gatepost_kerberos::facts::Facts;
use gatepost_kerberos::identity::Identity;
use gatepost_kerberos::initiator::{Initiation, Initiator};
use gatepost_kerberos::kerberos::{Bounds, Kerberos};
use gatepost_kerberos::library::system::CANDIDATES;
use gatepost_kerberos::mechanism::Mechanism;
use gatepost_kerberos::step::Step;
use gatepost_model::fault::Fault as _;
use serde_json::{Value, json};

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() != Some("talk") {
        match Kerberos::default().load() {
            Ok(()) => println!("this machine has Kerberos"),
            Err(error) => println!("{error}"),
        }
        return Ok(());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let wanted: Value = serde_json::from_str(&text)?;
    let candidates: &'static [&'static str] = match wanted["library"].as_str() {
        Some(library) => vec![&*library.to_owned().leak()].leak(),
        None => CANDIDATES,
    };
    let deadline = Duration::from_secs(wanted["deadline"].as_u64().unwrap_or(15));
    let kerberos = Kerberos::new(candidates, Bounds { deadline, ..Bounds::default() });
    let mut came = Value::Null;
    for _ in 0..wanted["times"].as_u64().unwrap_or(1) {
        came = talk(&kerberos, &wanted)?;
    }
    println!("{came}");
    Ok(())
}

/// One context, from its first token to its last.
fn talk(kerberos: &Kerberos, wanted: &Value) -> Result<Value, Box<dyn Error>> {
    let limit = kerberos.bounds().deadline;
    let begun = initiation(&wanted["initiator"]).and_then(|terms| kerberos.initiate(terms).wait(limit));
    let (mut initiator, mut said) = match begun {
        Ok(begun) => begun,
        Err(error) => return Ok(json!({ "client": why(&error) })),
    };
    if wanted["acceptor"].is_null() {
        return Ok(json!({ "client": facts(said.facts.as_ref()) }));
    }
    let first = said.token.clone();
    let mut acceptor: Option<Acceptor> = None;
    loop {
        let heard = match accept(kerberos, &wanted["acceptor"], acceptor.take(), said.token.clone()) {
            Ok((next, heard)) => {
                acceptor = Some(next);
                heard
            }
            Err(error) => return Ok(json!({ "client": facts(said.facts.as_ref()), "server": why(&error) })),
        };
        if !heard.token.is_empty() && !said.is_done() {
            (initiator, said) = match answer(kerberos, initiator, heard.token.clone()) {
                Ok(answered) => answered,
                Err(error) => return Ok(json!({ "client": why(&error), "server": facts(heard.facts.as_ref()) })),
            };
        }
        if heard.is_done() {
            let server = match wanted["again"] == true {
                true => accept(kerberos, &wanted["acceptor"], None, first).map(|(_, step)| step),
                false => Ok(heard),
            };
            let server = server.map_or_else(|error| why(&error), |step| facts(step.facts.as_ref()));
            return Ok(json!({ "client": facts(said.facts.as_ref()), "server": server }));
        }
    }
}

fn answer(kerberos: &Kerberos, initiator: Initiator, token: Vec<u8>) -> Result<(Initiator, Step), KerberosError> {
    kerberos.initiate_further(initiator, token).wait(kerberos.bounds().deadline)
}

fn accept(
    kerberos: &Kerberos,
    wanted: &Value,
    begun: Option<Acceptor>,
    token: Vec<u8>,
) -> Result<(Acceptor, Step), KerberosError> {
    let call = match begun {
        Some(acceptor) => kerberos.accept_further(acceptor, token),
        None => kerberos.accept(acceptance(wanted)?, token),
    };
    call.wait(kerberos.bounds().deadline)
}

fn initiation(wanted: &Value) -> Result<Initiation, KerberosError> {
    let principal = || text(&wanted["principal"]);
    let identity = match wanted {
        wanted if wanted["cache"].is_string() => Identity::Cache(text(&wanted["cache"]).into()),
        wanted if wanted["keytab"].is_string() => {
            Identity::Keytab { file: text(&wanted["keytab"]).into(), principal: principal() }
        }
        wanted if wanted["password"].is_string() => {
            Identity::Password { password: text(&wanted["password"]).into(), principal: principal() }
        }
        _ => Identity::Ambient,
    };
    Ok(Initiation {
        service: text(&wanted["service"]).parse()?,
        identity,
        mechanism: mechanism(wanted),
        bindings: wanted["bindings"].as_str().map(|bindings| bindings.as_bytes().to_vec()),
        mutual: wanted["mutual"] == true,
    })
}

fn acceptance(wanted: &Value) -> Result<Acceptance, KerberosError> {
    let octets = |name| text(&wanted[name]).into_bytes();
    let bindings = match wanted {
        wanted if wanted["required"].is_string() => Bindings::Required(octets("required")),
        wanted if wanted["offered"].is_string() => Bindings::WhenOffered(octets("offered")),
        _ => Bindings::Ignored,
    };
    Ok(Acceptance {
        keytab: text(&wanted["keytab"]).into(),
        service: text(&wanted["service"]).parse()?,
        mechanism: mechanism(wanted),
        bindings,
    })
}

fn mechanism(wanted: &Value) -> Mechanism {
    if wanted["mechanism"] == "spnego" { Mechanism::Spnego } else { Mechanism::Kerberos }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn facts(facts: Option<&Facts>) -> Value {
    facts.map_or(Value::Null, |facts| {
        json!({
            "client": facts.client, "realm": facts.realm, "service": facts.service, "mutual": facts.mutual,
            "bound": facts.bound, "replay": facts.replay, "lifetime": facts.lifetime.map(|left| left.as_secs()),
        })
    })
}

fn why(error: &KerberosError) -> Value {
    json!({ "code": error.code(), "blame": format!("{:?}", error.blame()), "text": error.to_string() })
}
