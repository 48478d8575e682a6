//! Whether what an authority issued is what was asked for. Nobody is shown anything else.

use std::time::Duration;

use gatepost::model::secret::Secret;
use gatepost::model::time::Timestamp;
use gatepost::store::store::StoredCertificate;
use gatepost::tls::certificate::Certificate;
use gatepost::tls::{fitness, pem};

use crate::acme::wanted::Names;

/// How far an authority's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(60);
/// The most certificates of a chain.
const LONGEST_CHAIN: usize = 10;

/// Judges the chain that came (PEM) for the key and the names of the request.
///
/// # Errors
/// What is wrong with it: another key, other names, another time, a chain that does not hold.
pub fn accept(text: &str, key: &Secret, names: &Names, now: Timestamp) -> Result<StoredCertificate, String> {
    let chain = pem::parse_chain_pem(text.as_bytes()).map_err(|error| error.to_string())?;
    if chain.len() > LONGEST_CHAIN {
        return Err(format!("its chain has {} certificates, more than {LONGEST_CHAIN}", chain.len()));
    }
    let leaf = Certificate::parse(chain.first().map_or(&[], Vec::as_slice)).map_err(|error| error.to_string())?;
    // Its clock may be a little ahead of ours: what begins in a moment is judged in that moment.
    let when = if leaf.not_before <= now + SKEW { now.max(leaf.not_before) } else { now };
    let fit = fitness::server_certificate(chain.clone(), key, when).map_err(|unfit| unfit.to_string())?;
    let facts = fit.facts();
    if facts.is_ca {
        return Err("it is the certificate of an authority".to_owned());
    }
    if !names.are(&facts.names()) {
        return Err(format!("it is for {}, and {names} was asked for", facts.names().join(", ")));
    }
    Ok(StoredCertificate { fingerprint: facts.fingerprint, chain, key: key.clone() })
}

#[cfg(test)]
mod tests {
    use gatepost::tls::issue::{Authority, Issued};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let now = Timestamp::from_secs(1_700_000_000);
        let authority = Authority::create("One", now, 100 * DAY).unwrap();
        let issue = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            authority.issue_server(&names, now, 10 * DAY).unwrap()
        };
        let names = |names: &[&str]| Names::new(names.iter().map(|name| name.parse().unwrap()).collect()).unwrap();
        let text = |issued: &Issued| issued.chain.iter().map(|der| pem::certificate_pem(der)).collect::<String>();
        let (good, other) = (issue(&["b.test", "A.test"]), issue(&["a.test", "b.test"]));
        let wanted = names(&["a.test", "b.test"]);
        let taken = accept(&text(&good), &good.key, &wanted, now).unwrap();
        assert_eq!((taken.chain, taken.key), (good.chain.clone(), good.key.clone()));
        // It begins five minutes before it was issued.
        let early = Timestamp::from_secs(1_700_000_000 - 300 - 50);
        assert!(accept(&text(&good), &good.key, &wanted, early).is_ok());
        let more = issue(&["a.test", "b.test", "c.test"]);
        let fewer = issue(&["a.test"]);
        let endless = text(&good).repeat(10);
        let table = [
            (text(&other), &good.key, now, "key-mismatch"),
            (text(&more), &more.key, now, "it is for a.test, b.test, c.test, and a.test, b.test was asked for"),
            (text(&fewer), &fewer.key, now, "it is for a.test, and"),
            (text(&good), &good.key, now + 11 * DAY, "expired"),
            (text(&good), &good.key, Timestamp::from_secs(1_700_000_000 - 300 - 61), "not-yet-valid"),
            (endless, &good.key, now, "more than 10"),
            ("<html>".to_owned(), &good.key, now, "there is no certificate in it"),
            (authority.certificate_pem(), &authority.key(), now, ""),
        ];
        for (text, key, now, why) in table {
            let error = accept(&text, key, &wanted, now).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
