//! When an authority itself would have a certificate renewed (renewal information, RFC 9773).

use std::time::Duration;

use gatepost::events::Events;
use gatepost::model::time::Timestamp;
use gatepost::store::store::Store;
use gatepost::tls::certificate::fingerprint;
use gatepost::tls::renewal;
use instant_acme::CertificateIdentifier;

use crate::acme::authority::Authority;
use crate::acme::schedule;

/// The shortest and the longest time between two questions, whatever an authority says (RFC 9773 §4.3.2).
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Until the next question to one that does not answer.
const SILENCE: Duration = Duration::from_secs(6 * 3600);

/// What an authority said about one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advice {
    /// The certificate that it is about.
    pub(super) fingerprint: [u8; 32],
    /// Its identifier, where the authority gives advice: what the next order says that it replaces.
    pub(super) identifier: Option<(String, String)>,
    /// The moment that was chosen in the suggested span.
    pub(super) due: Option<Timestamp>,
    /// When to ask again.
    pub(super) again: Timestamp,
}

/// Asks for advice about a certificate. An authority that gives none, or does not answer, is no error: two thirds of
/// the life of a certificate are known without it.
pub(super) async fn advice(authority: &Authority, store: &dyn Store, der: &[u8], now: Timestamp) -> Advice {
    let none = Advice { fingerprint: fingerprint(der), identifier: None, due: None, again: now + SILENCE };
    let Some(identifier) = renewal::identifier(der) else { return none };
    let Ok(connected) = authority.connect(store, &Events::default()).await else { return none };
    let (authority, serial) = &identifier;
    let asked =
        CertificateIdentifier { authority_key_identifier: authority.as_str().into(), serial: serial.as_str().into() };
    let Ok((info, again)) = connected.account.renewal_info(&asked).await else { return none };
    let moment = |seconds: i64| Timestamp::from_secs(seconds);
    let (start, end) = (info.suggested_window.start.unix_timestamp(), info.suggested_window.end.unix_timestamp());
    // RFC 9773 §4.2: an end before its beginning says nothing.
    let due = (start <= end).then(|| schedule::within(moment(start), moment(end), &none.fingerprint));
    Advice { identifier: Some(identifier), due, again: now + again.clamp(SHORTEST, LONGEST), ..none }
}
