//! Opens WebSockets as the options say, each with the proof that the server asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gatepost::Session;
use gatepost::client::lane::Over;
use gatepost::client::websocket::opened::Info;
use gatepost::client::websocket::refusal::Refusal;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::fault::Fault;
use gatepost::model::scope::Scope;
use gatepost::model::url::Url;
use gatepost::net::websocket::settings::Settings;
use gatepost::ws::deflate::agreed::Agreed;
use gatepost::ws::deflate::config::Config;
use http::HeaderMap;
use http::header::SEC_WEBSOCKET_PROTOCOL;

use crate::error::CliError;
use crate::reach::ReachArgs;
use crate::ui::Ui;
use crate::ws::halves::{Receiving, Sending, halves};
use crate::ws::said::Opened;
use crate::ws::wire::{Dial, Dialed, Refused, Target};

/// What every connection of a run has in common.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) reach: ReachArgs,
    /// The one scheme to use.
    pub(crate) scheme: Option<String>,
    pub(crate) credential: Option<Credential>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) origin: Option<String>,
    /// Whether permessage-deflate is offered.
    pub(crate) deflate: bool,
    /// Whether it has to be HTTP/2.
    pub(crate) http2: bool,
    pub(crate) settings: Settings,
}

/// Opens WebSockets.
pub(crate) struct Caller {
    terms: Terms,
    ui: Ui,
    /// One for each origin: what may go in the clear to one host may not to another.
    sessions: BTreeMap<String, Session>,
    /// The scheme whose proof went out last.
    proved: Arc<Mutex<Option<&'static str>>>,
}

impl Caller {
    pub(crate) fn new(terms: Terms, ui: Ui) -> Self {
        Self { terms, ui, sessions: BTreeMap::new(), proved: Arc::default() }
    }

    /// The session for a URL.
    fn session(&mut self, text: &str, url: &Url) -> Result<Session, CliError> {
        let key = format!("{}://{}", url.scheme(), url.origin().authority());
        if let Some(session) = self.sessions.get(&key) {
            return Ok(session.clone());
        }
        let proved = Arc::clone(&self.proved);
        let note = move |event: &Event| {
            if let Event::RequestSent { scheme, .. } = event {
                *proved.lock().unwrap_or_else(PoisonError::into_inner) = *scheme;
            }
        };
        let builder =
            self.terms.reach.builder(text, self.terms.scheme.as_deref(), self.terms.credential.as_ref(), self.ui)?;
        let session = builder.on_event(Arc::new(note)).build()?;
        self.sessions.insert(key, session.clone());
        Ok(session)
    }

    /// Who we proved to be.
    fn proof(&self) -> Option<String> {
        let scheme = (*self.proved.lock().unwrap_or_else(PoisonError::into_inner))?;
        let user = self.terms.credential.as_ref().map(|credential| credential.user.as_str()).unwrap_or_default();
        Some(if user.is_empty() {
            format!("the bearer of a token, by {scheme}")
        } else {
            format!("{user}, by {scheme}")
        })
    }
}

impl Dial for Caller {
    type Mouth = Sending;
    type Ear = Receiving;

    async fn dial(&mut self, target: &Target) -> Result<Dialed<Sending, Receiving>, CliError> {
        self.terms.reach.refuse_plain(&target.url)?;
        let url = Url::parse(&target.url).map_err(gatepost::Error::from)?;
        // A script may name several hosts; who we are is told to the first one alone.
        if let Some(credential) = self.terms.credential.as_mut().filter(|credential| credential.scope.is_none()) {
            credential.scope = Some(Scope::of(url.origin()));
        }
        let session = self.session(&target.url, &url)?;
        let terms = &self.terms;
        let mut builder = session.websocket(&target.url).settings(terms.settings);
        let (offered, fields): (Vec<_>, Vec<_>) =
            target.fields.iter().partition(|(name, _)| name.eq_ignore_ascii_case(SEC_WEBSOCKET_PROTOCOL.as_str()));
        let offered = offered.iter().flat_map(|(_, value)| value.split(',')).map(str::trim);
        for name in terms.subprotocols.iter().map(String::as_str).chain(offered) {
            builder = builder.subprotocol(name);
        }
        for (name, value) in terms.fields.iter().chain(fields.iter().copied()) {
            builder = builder.header(name, value);
        }
        if let Some(origin) = &terms.origin {
            builder = builder.origin(origin);
        }
        if terms.deflate {
            builder = builder.deflate(Config::default());
        }
        if let Some(credential) = &terms.credential {
            builder = builder.credential(credential.clone());
        }
        if terms.http2 {
            builder = builder.version(Over::Http2);
        }
        let request = terms.fields.iter().chain(&target.fields).cloned().collect();
        match builder.connect().await {
            Ok(open) => {
                let (mouth, ear) = halves(open.socket);
                let opened = Opened { proof: self.proof(), ..opened(&target.url, &open.info, request) };
                Ok(Dialed::Open(Box::new(opened), mouth, ear))
            }
            Err(error) => match error.refusal() {
                Some(refusal) => Ok(Dialed::Refused(Refused { hint: error.hint(), ..refused(refusal) })),
                None => Err(error.into()),
            },
        }
    }
}

fn opened(url: &str, info: &Info, request: Vec<(String, String)>) -> Opened {
    Opened {
        url: url.to_owned(),
        status: info.status.as_u16(),
        protocol: info.protocol.to_owned(),
        tls: info.tls.map(str::to_owned),
        subprotocol: info.subprotocol.clone(),
        deflate: info.deflate.as_ref().map(terms_of),
        proof: None,
        request,
        response: fields_of(&info.headers),
    }
}

/// What was agreed of compression, in the words of RFC 7692 §7.1.
pub(crate) fn terms_of(agreed: &Agreed) -> String {
    let mut text = "permessage-deflate".to_owned();
    for (set, name) in [
        (agreed.server_no_context_takeover, "server_no_context_takeover"),
        (agreed.client_no_context_takeover, "client_no_context_takeover"),
    ] {
        if set {
            text.push_str(&format!("; {name}"));
        }
    }
    for (bits, name) in [
        (agreed.server_max_window_bits, "server_max_window_bits"),
        (agreed.client_max_window_bits, "client_max_window_bits"),
    ] {
        if bits < 15 {
            text.push_str(&format!("; {name}={bits}"));
        }
    }
    text
}

fn refused(refusal: &Refusal) -> Refused {
    Refused {
        status: refusal.status.as_u16(),
        fields: fields_of(&refusal.headers),
        body: refusal.body.to_vec(),
        truncated: refusal.truncated,
        hint: None,
    }
}

fn fields_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
