//! Keys out of passphrases: Argon2id (RFC 9106), with what it takes to compute the key again in the clear beside it.

use argon2::{Algorithm, Argon2, Params, Version};
use gatepost_model::secret::Secret;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::seal::{KEY_LEN, unfit};

/// Octets of [`Stretch::encode`].
pub(crate) const STRETCH_LEN: usize = 1 + 3 * 4 + SALT_LEN;
const SALT_LEN: usize = 16;
/// The one function that there is: Argon2id, version 19.
const ARGON2ID: u8 = 1;

/// What a file may ask of us: a file that somebody else wrote must neither stop the machine nor make guessing cheap.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 8 * 1024..=512 * 1024;
const PASSES: std::ops::RangeInclusive<u32> = 1..=16;
const LANES: std::ops::RangeInclusive<u32> = 1..=8;
/// What new ones ask: about a tenth of a second. RFC 9106 §4, the second recommended choice.
const USUAL: (u32, u32, u32) = (64 * 1024, 3, 4);

/// How a passphrase becomes a key: the cost and the salt. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; SALT_LEN],
}

impl Stretch {
    /// The usual cost with a salt that nobody has used before.
    pub(crate) fn fresh() -> Result<Self, StoreError> {
        let (memory_kib, passes, lanes) = USUAL;
        let mut salt = [0; SALT_LEN];
        getrandom::fill(&mut salt).map_err(|_| unfit("the system gives no random octets"))?;
        Ok(Self { memory_kib, passes, lanes, salt })
    }

    /// As cheap as a file may say.
    #[cfg(test)]
    pub(crate) fn cheap() -> Self {
        Self { memory_kib: 8 * 1024, passes: 1, lanes: 1, salt: [7; SALT_LEN] }
    }

    /// The octets of the key.
    pub(crate) fn key(&self, passphrase: &Secret) -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
        if passphrase.is_empty() {
            return Err(unfit("the passphrase is empty"));
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_LEN));
        let params = params.map_err(|_| unfit("the cost of its passphrase is none that Argon2 knows"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let computed = argon2.hash_password_into(passphrase.reveal(), &self.salt, key.as_mut_slice());
        computed.map_err(|_| unfit("the key of the passphrase cannot be computed"))?;
        Ok(key)
    }

    /// Function, memory, passes, lanes, salt; numbers with the highest octet first.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let numbers = [self.memory_kib, self.passes, self.lanes].map(u32::to_be_bytes);
        [&[ARGON2ID][..], numbers.as_flattened(), &self.salt].concat()
    }

    /// What [`encode`](Self::encode) wrote; `None` if it is anything else, or costs what we do not spend.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let (function, rest) = octets.split_first()?;
        let (memory, rest) = rest.split_first_chunk().map(|(number, rest)| (u32::from_be_bytes(*number), rest))?;
        let (passes, rest) = rest.split_first_chunk().map(|(number, rest)| (u32::from_be_bytes(*number), rest))?;
        let (lanes, rest) = rest.split_first_chunk().map(|(number, rest)| (u32::from_be_bytes(*number), rest))?;
        let salt = rest.try_into().ok()?;
        let bounded = MEMORY_KIB.contains(&memory) && PASSES.contains(&passes) && LANES.contains(&lanes);
        (*function == ARGON2ID && bounded).then_some(Self { memory_kib: memory, passes, lanes, salt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_costs_too_much_or_too_little_is_not() {
        let octets = Stretch::cheap().encode();
        assert_eq!((octets.len(), Stretch::decode(&octets)), (STRETCH_LEN, Some(Stretch::cheap())));
        for end in 0..octets.len() {
            assert_eq!(Stretch::decode(&octets[..end]), None, "cut at {end}");
        }
        let odd = [
            Stretch { memory_kib: 512 * 1024 + 1, ..Stretch::cheap() },
            Stretch { memory_kib: 8 * 1024 - 1, ..Stretch::cheap() },
            Stretch { passes: 0, ..Stretch::cheap() },
            Stretch { passes: 17, ..Stretch::cheap() },
            Stretch { lanes: 0, ..Stretch::cheap() },
            Stretch { lanes: 9, ..Stretch::cheap() },
        ];
        for odd in odd {
            assert_eq!(Stretch::decode(&odd.encode()), None, "{odd:?}");
        }
        let mut other = octets;
        other[0] = 2;
        assert_eq!(Stretch::decode(&other), None);
    }

    #[test]
    fn one_passphrase_and_salt_give_one_key() {
        let key = |stretch: &Stretch, text: &str| *stretch.key(&Secret::from(text)).unwrap();
        assert_eq!(key(&Stretch::cheap(), "open sesame"), key(&Stretch::cheap(), "open sesame"));
        assert_ne!(key(&Stretch::cheap(), "open sesame"), key(&Stretch::cheap(), "open barley"));
        assert_ne!(
            key(&Stretch::cheap(), "open sesame"),
            key(&Stretch { salt: [8; SALT_LEN], ..Stretch::cheap() }, "open sesame")
        );
        assert!(Stretch::cheap().key(&Secret::from("")).is_err());
        assert_ne!(Stretch::fresh().unwrap().salt, Stretch::fresh().unwrap().salt);
        assert_eq!(Stretch::decode(&Stretch::fresh().unwrap().encode()).map(|stretch| stretch.passes), Some(3));
    }
}
