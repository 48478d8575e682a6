//! What stands behind a socket, for people and for programs.

use gatepost::model::event::one_line;
use gatepost::net::tcp_info::TcpInfo;
use gatepost::socket::info::Info;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::handshake::Facts;
use gatepost::tls::verify::pin::Digest;
use serde_json::{Value, json};

use crate::commands::cert::facts::to_json as certificate_json;
use crate::ui::Ui;

/// Says it as details.
pub(super) fn tell(info: &Info, ui: Ui) {
    let proxy = if info.through_proxy { ", a proxy" } else { "" };
    ui.detail(&format!("from {} to {}{proxy}", info.local, info.remote));
    let Some(tls) = &info.tls else {
        return ui.detail("in the clear: everyone on the way can read and change what passes");
    };
    let group = tls.group.map(|group| format!(", {group}")).unwrap_or_default();
    let resumed = if tls.resumed { ", a session resumed" } else { "" };
    ui.detail(&format!("{}, {}{group}{resumed}", tls.version.name(), tls.suite));
    if let Some(protocol) = alpn(tls) {
        ui.detail(&format!("application protocol {protocol}"));
    }
    if let Some(name) = &tls.server_name {
        ui.detail(&format!("asked for {}", one_line(name)));
    }
    for (at, facts) in certificates(info).iter().enumerate() {
        let names = if at == 0 { format!(" for {}", facts.names().join(", ")) } else { String::new() };
        let line = format!("certificate {}{names}, by {}, until {}", facts.subject, facts.issuer, facts.not_after);
        ui.detail(&one_line(&line));
        ui.detail(&format!("  {}", Digest::Spki(facts.spki)));
    }
}

/// The facts as JSON.
pub(super) fn as_json(info: &Info) -> Value {
    let certificate = |facts: &Certificate| {
        let mut shown = certificate_json(facts);
        shown["pin"] = json!(Digest::Spki(facts.spki).to_string());
        shown
    };
    let tls = info.tls.as_ref().map(|tls| {
        let flaws = tls.judgement.iter().flat_map(|judgement| &judgement.found);
        json!({
            "version": tls.version.name(),
            "suite": tls.suite,
            "group": tls.group,
            "alpn": alpn(tls),
            "server_name": tls.server_name,
            "resumed": tls.resumed,
            "ignored": flaws.map(|found| found.flaw.name()).collect::<Vec<_>>(),
            "peer": certificates(info).iter().map(certificate).collect::<Vec<_>>(),
        })
    });
    json!({
        "local": info.local.to_string(),
        "remote": info.remote.to_string(),
        "through_proxy": info.through_proxy,
        "starttls": info.starttls,
        "tls": tls,
    })
}

/// What the system knows of the connection, in a few words.
pub(super) fn tcp_words(tcp: &TcpInfo) -> String {
    let millis = tcp.round_trip.as_secs_f64() * 1000.0;
    format!("round trip {millis:.3} ms, {} segments sent again, path MTU {}", tcp.retransmitted, tcp.path_mtu)
}

/// The same for programs; times in microseconds.
pub(super) fn tcp_json(tcp: &TcpInfo) -> Value {
    json!({
        "round_trip_us": tcp.round_trip.as_micros(),
        "variance_us": tcp.variance.as_micros(),
        "shortest_us": tcp.shortest.map(|time| time.as_micros()),
        "retransmitted": tcp.retransmitted,
        "window": tcp.window,
        "segment": tcp.segment,
        "path_mtu": tcp.path_mtu,
        "acknowledged": tcp.acknowledged,
        "received": tcp.received,
        "rate": tcp.rate,
    })
}

fn alpn(tls: &Facts) -> Option<String> {
    tls.alpn.as_deref().map(|protocol| one_line(&String::from_utf8_lossy(protocol)))
}

/// Those that can be read.
fn certificates(info: &Info) -> Vec<Certificate> {
    info.peer_chain().iter().filter_map(|der| Certificate::parse(der).ok()).collect()
}
