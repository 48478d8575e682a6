//! Passwords at rest: Argon2id hashes (RFC 9106) in the PHC string format.
//!
//! Both functions take a good part of a tenth of a second and all of [`Cost::memory_kib`] on
//! purpose: an async caller runs them on a thread that may block, and bounds how many run at once.

use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, PasswordHasher, Version};
use gatepost_model::secret::{Secret, same};

use crate::error::AuthError;

/// What a stored hash may ask of us at most: a store that somebody else wrote to must not be able
/// to stop the machine.
pub const MOST: Cost = Cost { memory_kib: 256 * 1024, passes: 16, lanes: 8 };

/// The salt that is used for an unknown user.
const DUMMY_SALT: [u8; 16] = [0; 16];

/// The octets of the hash proper.
const OUTPUT: usize = 32;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB. Default 19,456.
    pub memory_kib: u32,
    /// Passes over the memory. Default 2.
    pub passes: u32,
    /// Lanes; computed one after the other. Default 1.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// Hashes a password. `salt` is 16 octets of fresh randomness.
///
/// # Errors
/// [`AuthError::Setting`] if the cost is below what Argon2 needs or above [`MOST`].
///
/// ```
/// use gatepost_auth::password::{self, Cost};
/// use gatepost_model::secret::Secret;
///
/// let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
/// let stored = password::hash(&Secret::from("open sesame"), &[7; 16], cheap)?;
/// assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
/// assert!(password::verify(&Secret::from("open sesame"), Some(&stored), cheap)?);
/// assert!(!password::verify(&Secret::from("sesame"), Some(&stored), cheap)?);
/// assert!(!password::verify(&Secret::from("open sesame"), None, cheap)?);
/// # Ok::<(), gatepost_auth::error::AuthError>(())
/// ```
pub fn hash(password: &Secret, salt: &[u8; 16], cost: Cost) -> Result<String, AuthError> {
    let argon2 = cost.argon2(OUTPUT)?;
    let hash = argon2.hash_password_with_salt(password.reveal(), salt).map_err(|error| unusable(&error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether `stored`, a PHC string, is the hash of this password.
///
/// `None` stands for an unknown user: it costs what a hash of `cost` costs and gives `false`. So
/// that this hides who exists, `cost` is the one that hashes are made with.
///
/// # Errors
/// [`AuthError::Setting`] if the hash is not Argon2id version 19, is damaged, or asks for more than
/// [`MOST`]. Never a reason to let somebody in.
pub fn verify(password: &Secret, stored: Option<&str>, cost: Cost) -> Result<bool, AuthError> {
    let Some(stored) = stored else {
        compute(password, &DUMMY_SALT, cost, OUTPUT)?;
        return Ok(false);
    };
    let (stored, cost) = Stored::parse(stored)?;
    let computed = compute(password, &stored.salt, cost, stored.output.len())?;
    Ok(same(computed.reveal(), &stored.output))
}

/// Salt and output of a stored hash.
struct Stored {
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Stored {
    fn parse(text: &str) -> Result<(Self, Cost), AuthError> {
        let hash = PasswordHash::new(text).map_err(|error| unusable(&error.to_string()))?;
        if hash.algorithm != ARGON2ID_IDENT {
            return Err(unusable("not Argon2id"));
        }
        if hash.version != Some(Version::V0x13.into()) {
            return Err(unusable("not version 19"));
        }
        let params = Params::try_from(&hash).map_err(|error| unusable(&error.to_string()))?;
        let cost = Cost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else {
            return Err(unusable("no salt or no hash in it"));
        };
        // A short output would be guessed before the password is.
        if output.len() < 16 {
            return Err(unusable("shorter than 16 octets"));
        }
        Ok((Self { salt: salt.to_vec(), output: output.as_bytes().to_vec() }, cost))
    }
}

fn compute(password: &Secret, salt: &[u8], cost: Cost, length: usize) -> Result<Secret, AuthError> {
    let mut output = vec![0; length];
    cost.argon2(length)?
        .hash_password_into(password.reveal(), salt, &mut output)
        .map_err(|error| unusable(&error.to_string()))?;
    Ok(Secret::new(output))
}

impl Cost {
    fn argon2(self, length: usize) -> Result<Argon2<'static>, AuthError> {
        if self.memory_kib > MOST.memory_kib || self.passes > MOST.passes || self.lanes > MOST.lanes {
            return Err(unusable("it costs more than we spend on one password"));
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(length))
            .map_err(|error| unusable(&error.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

fn unusable(detail: &str) -> AuthError {
    AuthError::Setting { what: "a password hash".into(), detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    #[test]
    fn a_hash_fits_its_password_only() {
        let stored = hash(&Secret::from("pässwörd"), b"0123456789abcdef", CHEAP).unwrap();
        let fits = |password: &str| verify(&Secret::from(password), Some(&stored), Cost::default()).unwrap();
        assert_eq!((fits("pässwörd"), fits("password"), fits("")), (true, false, false));
    }

    #[test]
    fn the_defaults_are_owasps() {
        let stored = hash(&Secret::from("x"), &[1; 16], Cost::default()).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(verify(&Secret::from("x"), Some(&stored), CHEAP), Ok(true));
    }

    #[test]
    fn hostile_hashes_are_refused_before_they_cost_anything() {
        let tail = "AQEBAQEBAQEBAQEBAQEBAQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let table = [
            (format!("$argon2id$v=19$m=4294967295,t=2,p=1${tail}"), "it costs more than we spend on one password"),
            (format!("$argon2id$v=19$m=64,t=4294967295,p=1${tail}"), "it costs more than we spend on one password"),
            (format!("$argon2id$v=19$m=1024,t=1,p=100${tail}"), "it costs more than we spend on one password"),
            (format!("$argon2i$v=19$m=64,t=1,p=1${tail}"), "not Argon2id"),
            (format!("$argon2id$v=16$m=64,t=1,p=1${tail}"), "not version 19"),
            ("$argon2id$v=19$m=64,t=1,p=1$AQEBAQEBAQEBAQEBAQEBAQ".into(), "no salt or no hash in it"),
            ("$argon2id$v=19$m=64,t=1,p=1$AQEBAQEBAQEBAQEBAQEBAQ$AAAAAAAAAAAAAAAA".into(), "shorter than 16 octets"),
        ];
        for (stored, detail) in table {
            assert_eq!(verify(&Secret::from("x"), Some(&stored), CHEAP), Err(unusable(detail)), "{stored}");
        }
        for stored in ["", "x", "$", "plaintext", "$argon2id$v=19$m=64,t=1,p=1$$"] {
            assert!(verify(&Secret::from("x"), Some(stored), CHEAP).is_err(), "{stored}");
        }
    }

    #[test]
    fn an_unknown_user_is_never_let_in() {
        assert_eq!(verify(&Secret::from(""), None, CHEAP), Ok(false));
    }
}
