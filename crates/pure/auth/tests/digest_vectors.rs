//! The published and computed examples of Digest in `vectors/`, made as a client makes them and judged as a server does.

use gatepost_auth::credentials::Credentials;
use gatepost_auth::digest::algorithm::Algorithm;
use gatepost_auth::digest::answer::{Answer, Count, User};
use gatepost_auth::digest::computed::{self, hex};
use gatepost_auth::digest::qop::Qop;
use gatepost_model::secret::Secret;
use serde_json::Value;

const DIGEST: &str = include_str!("vectors/digest.json");

struct Vector<'a>(&'a Value);

impl Vector<'_> {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_else(|| panic!("no {key} in {}", self.0))
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::by_name(self.text("algorithm")).unwrap()
    }

    fn is_valid(&self) -> bool {
        self.0["valid"] != Value::Bool(false)
    }

    fn is_hashed(&self) -> bool {
        self.0["userhash"] == "true"
    }

    fn ha1(&self, password: &str) -> Secret {
        computed::ha1(self.algorithm().hash, self.text("user"), self.text("realm"), &Secret::from(password))
    }

    fn body(&self) -> Vec<u8> {
        self.algorithm().hash.digest(&[self.0["body"].as_str().unwrap_or_default().as_bytes()])
    }

    /// What the client says, with this response.
    fn answer(&self, response: &str) -> Answer {
        let (user, realm) = (self.text("user"), self.text("realm"));
        let hash = self.algorithm().hash;
        let count = self.0["qop"].as_str().map(|qop| {
            let number = u32::from_str_radix(self.text("nc"), 16).unwrap();
            Count::new(Qop::by_name(qop).unwrap(), self.text("cnonce").into(), number)
        });
        Answer {
            user: match self.is_hashed() {
                true => User::Hashed(computed::userhash(hash, user, realm)),
                false => User::Plain(user.into()),
            },
            realm: realm.into(),
            nonce: self.text("nonce").into(),
            uri: self.text("uri").into(),
            algorithm: Some(self.algorithm()),
            spelling: count.is_some().then(|| self.text("algorithm").into()),
            response: response.into(),
            opaque: Some(self.text("opaque").into()),
            count,
        }
    }
}

fn all() -> Vec<Value> {
    let file: Value = serde_json::from_str(DIGEST).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), 16);
    assert_eq!(vectors.iter().filter(|entry| !Vector(entry).is_valid()).count(), 1);
    vectors
}

#[test]
fn a_client_computes_them() {
    for entry in all() {
        let vector = Vector(&entry);
        let (body, unproved) = (vector.body(), vector.answer(""));
        let covered = unproved.covered(vector.text("method"), &body).unwrap();
        let response = covered.response(&vector.ha1(vector.text("password")));
        // RFC 7616 §3.9.2 prints what SHA-512 cut short would give: that is not SHA-512/256 (erratum 4897).
        assert_eq!(response == vector.text("response"), vector.is_valid(), "{entry}");
        if vector.is_hashed() {
            let User::Hashed(digits) = unproved.user else { panic!("{entry}") };
            assert_eq!(digits == vector.text("username_hash"), vector.is_valid(), "{entry}");
        }
        if vector.is_valid() && !vector.algorithm().session {
            assert!(vector.ha1(vector.text("password")).matches(vector.text("ha1").as_bytes()), "{entry}");
        }
    }
}

#[test]
fn a_server_takes_them_from_the_wire_and_nothing_beside_them() {
    for entry in all() {
        let vector = Vector(&entry);
        let line = vector.answer(vector.text("response")).to_header_value().unwrap();
        let read = |line: &[u8]| Answer::parse(&Credentials::parse(line, "Digest").unwrap()).unwrap();
        let answer = read(line.as_bytes());
        let (ha1, method, body) = (vector.ha1(vector.text("password")), vector.text("method"), vector.body());
        assert_eq!(answer.is_of(&ha1, method, &body), vector.is_valid(), "{entry}");
        if !vector.is_valid() {
            continue;
        }
        assert!(!answer.is_of(&vector.ha1("wrong"), method, &body), "{entry}");
        assert!(!answer.is_of(&ha1, "DELETE", &body), "{entry}");
        let covers_body = answer.count.as_ref().is_some_and(|count| count.qop == Some(Qop::AuthInt));
        let other_body = vector.algorithm().hash.digest(&[b"{}"]);
        assert_eq!(answer.is_of(&ha1, method, &other_body), !covers_body, "{entry}");
        for part in ["nonce", "uri", "response", "cnonce", "nc"] {
            let Some(value) = entry[part].as_str() else { continue };
            let other = format!("{}{}", &value[..value.len() - 1], if value.ends_with('2') { '3' } else { '2' });
            let forged = String::from_utf8_lossy(line.as_bytes()).replace(value, &other);
            assert!(!read(forged.as_bytes()).is_of(&ha1, method, &body), "{part} {entry}");
        }
        assert_eq!(hex(&vector.algorithm().hash.digest(&[])).len(), vector.text("response").len());
    }
}

#[test]
fn who_is_nobody_costs_what_somebody_costs_and_proves_nothing() {
    for algorithm in Algorithm::ALL {
        let nobody = computed::nobody(algorithm.hash);
        let somebody = computed::ha1(algorithm.hash, "a", "r", &Secret::from("p"));
        assert_eq!(nobody.reveal().len(), somebody.reveal().len());
    }
}
