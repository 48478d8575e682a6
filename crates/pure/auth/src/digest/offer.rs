//! A server's Digest challenge (RFC 7616 §3.3).

use crate::challenge::Challenge;
use crate::digest::algorithm::Algorithm;
use crate::digest::qop::Qop;
use crate::error::AuthError;

const NAME: &str = "Digest";

/// What a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whose users are meant.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// What the client has to give back as it is.
    pub opaque: Option<String>,
    /// How it is to be computed, and how that was written: a peer may compare its own spelling. `None` if we do not
    /// know it.
    pub algorithm: Option<Algorithm>,
    /// The algorithm as it was written; `None` if there was none, which means MD5.
    pub spelling: Option<String>,
    /// What may be covered. `None` if nothing is said of it (RFC 2069); empty if there is nothing that we know.
    pub qop: Option<Vec<Qop>>,
    /// The last proof was refused for its nonce alone.
    pub stale: bool,
    /// User names may come hashed (RFC 7616 §3.4.4).
    pub userhash: bool,
    /// Names and passwords are UTF-8 (the only value of `charset`).
    pub utf8: bool,
    /// Where else the same proof is taken, as written: references against the request (RFC 7616 §3.3, `domain`).
    pub domain: Vec<String>,
}

impl Offer {
    /// Reads a challenge.
    ///
    /// # Errors
    /// [`AuthError::Malformed`] if realm or nonce are missing.
    pub fn parse(challenge: &Challenge) -> Result<Self, AuthError> {
        let wanted = |name: &str| challenge.param(name).map(str::to_owned).ok_or_else(|| malformed(name));
        let is_true = |name: &str| challenge.param(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let spelling = challenge.param("algorithm").map(str::to_owned);
        Ok(Self {
            realm: wanted("realm")?,
            nonce: wanted("nonce")?,
            opaque: challenge.param("opaque").map(str::to_owned),
            algorithm: spelling.as_deref().map_or(Some(Algorithm::DEFAULT), Algorithm::by_name),
            spelling,
            // Old devices write an empty list where they mean none.
            qop: challenge.param("qop").filter(|list| !list.trim().is_empty()).map(Qop::list),
            stale: is_true("stale"),
            userhash: is_true("userhash"),
            utf8: challenge.param("charset").is_some_and(|charset| charset.eq_ignore_ascii_case("UTF-8")),
            domain: challenge.param("domain").into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect(),
        })
    }

    /// The challenge that says all this.
    #[must_use]
    pub fn to_challenge(&self) -> Challenge {
        let mut challenge = Challenge::new(NAME).with("realm", self.realm.clone());
        if !self.domain.is_empty() {
            challenge = challenge.with("domain", self.domain.join(" "));
        }
        if let Some(qop) = &self.qop {
            let names: Vec<&str> = qop.iter().map(|qop| qop.name()).collect();
            challenge = challenge.with("qop", names.join(", "));
        }
        if let Some(spelling) = &self.spelling {
            challenge = challenge.with("algorithm", spelling.clone());
        }
        challenge = challenge.with("nonce", self.nonce.clone());
        if let Some(opaque) = &self.opaque {
            challenge = challenge.with("opaque", opaque.clone());
        }
        let flags =
            [("stale", self.stale, "true"), ("charset", self.utf8, "UTF-8"), ("userhash", self.userhash, "true")];
        for (name, _, value) in flags.into_iter().filter(|(_, is_set, _)| *is_set) {
            challenge = challenge.with(name, value);
        }
        challenge
    }
}

fn malformed(name: &str) -> AuthError {
    AuthError::Malformed { scheme: NAME, what: "challenge", detail: format!("no {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenges_of_the_rfc_are_read_and_written_back() {
        let lines = [
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#,
            r#"Digest realm="api@example.org", domain="/a https://b.example/c", qop="auth", algorithm=SHA-512-256, nonce="5TsQ", opaque="HRPC", stale=true, charset=UTF-8, userhash=true"#,
            r#"Digest realm="old", nonce="1""#,
        ];
        for line in lines {
            let parsed = Challenge::parse_all([line]);
            assert_eq!(parsed.faults, []);
            let offer = Offer::parse(&parsed.challenges[0]).unwrap();
            assert_eq!(offer.to_challenge().to_string(), line);
        }
    }

    #[test]
    fn what_is_left_out_or_spelled_in_other_ways_has_its_meaning() {
        let offer = |params: &str| {
            Offer::parse(&Challenge::parse_all([format!(r#"Digest realm="r", nonce="n"{params}"#)]).challenges[0])
                .unwrap()
        };
        let bare = offer("");
        assert_eq!((bare.algorithm, bare.qop, bare.stale), (Some(Algorithm::DEFAULT), None, false));
        let loose = offer(
            r#", qop="auth-conf,AUTH-INT auth", algorithm="md5", stale="TRUE", userhash=false, charset="latin1""#,
        );
        assert_eq!(loose.qop, Some(vec![Qop::AuthInt, Qop::Auth]));
        assert_eq!((loose.algorithm, loose.spelling.as_deref()), (Some(Algorithm::DEFAULT), Some("md5")));
        assert_eq!((loose.stale, loose.userhash, loose.utf8), (true, false, false));
        let strange = offer(r#", qop="auth-conf", algorithm=SHA-512"#);
        assert_eq!((strange.qop, strange.algorithm), (Some(vec![]), None));
        assert_eq!(offer(r#", qop="""#).qop, None);
        for line in ["Digest", r#"Digest realm="r""#, r#"Digest nonce="n""#] {
            let error = Offer::parse(&Challenge::parse_all([line]).challenges[0]).unwrap_err();
            assert!(matches!(error, AuthError::Malformed { .. }), "{line}");
        }
    }
}
