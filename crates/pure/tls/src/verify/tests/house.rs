//! A root, an authority below it, and what they issue.

use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate as Made, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};

use gatepost_model::time::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::verify::flaw::Flaw;
use crate::verify::judge::Judge;
use crate::verify::judgement::Judgement;
use crate::verify::purpose::Purpose;

pub(super) const DAY: i64 = 86_400;
/// 2025-06-15T12:00:00Z.
pub(super) const NOW: i64 = 1_749_988_800;

pub(super) type Params = CertificateParams;

pub(super) struct Link {
    pub(super) made: Made,
    pub(super) params: Params,
    pub(super) key: KeyPair,
}

impl Link {
    pub(super) fn der(&self) -> Vec<u8> {
        self.made.der().to_vec()
    }

    pub(super) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

/// A moment as rcgen wants it, of seconds since 1970; its type has no name here.
macro_rules! moment {
    ($secs:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from($secs).unwrap())
    };
}

pub(super) fn params(common: &str, names: &[&str]) -> Params {
    let mut params = Params::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common);
    (params.not_before, params.not_after) = (moment!(NOW - DAY), moment!(NOW + 30 * DAY));
    params.use_authority_key_identifier_extension = false;
    params
}

pub(super) fn authority(common: &str) -> Params {
    let mut params = params(common, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(super) fn own(params: Params) -> Link {
    let key = KeyPair::generate().unwrap();
    Link { made: params.self_signed(&key).unwrap(), params, key }
}

pub(super) fn by(issuer: &Link, params: Params) -> Link {
    let key = KeyPair::generate().unwrap();
    Link { made: params.signed_by(&key, &issuer.issuer()).unwrap(), params, key }
}

/// Root, intermediate, leaf.
pub(super) struct House {
    pub(super) root: Link,
    pub(super) middle: Link,
}

impl House {
    pub(super) fn new() -> Self {
        let root = own(authority("Root"));
        Self { middle: by(&root, authority("Middle")), root }
    }

    pub(super) fn leaf(&self, change: impl FnOnce(&mut Params)) -> Link {
        let mut params = params("leaf", &["a.test", "*.w.test", "192.0.2.1"]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        by(&self.middle, params)
    }

    pub(super) fn judge(&self) -> Judge {
        Judge::new(&[self.root.der()]).unwrap()
    }

    pub(super) fn list(&self, issuer: &Link, revoked: &[u64], until: i64) -> Vec<u8> {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: moment!(NOW - DAY),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: moment!(NOW - DAY),
            next_update: moment!(until),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&issuer.issuer()).unwrap().der().to_vec()
    }
}

pub(super) fn judged(judge: &Judge, chain: &[&Link], name: &str) -> Judgement {
    let ders: Vec<Vec<u8>> = chain.iter().map(|link| link.der()).collect();
    let sent: Vec<CertificateDer<'_>> = ders[1..].iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    judge.judge(&ders[0], &sent, Some(&name), Purpose::Server, Timestamp::from_secs(NOW))
}

pub(super) fn flaws(judge: &Judge, chain: &[&Link], name: &str) -> Vec<Flaw> {
    judged(judge, chain, name).flaws().iter().collect()
}

pub(super) use moment;
