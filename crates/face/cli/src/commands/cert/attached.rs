//! Files that the terms of a binding name: revocation lists, and an OCSP response to staple.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use gatepost::clock;
use gatepost::model::terms::Terms;
use gatepost::tls::error::TlsError;
use gatepost::tls::fitness;
use gatepost::tls::lists::RevocationLists;
use gatepost_gateway::{revocation_file, small_file};

use crate::error::CliError;

/// More files of lists than this are refused.
const MOST_LISTS: usize = 64;

/// What is stapled: a file, or whether.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staple {
    /// What the file holds.
    File(PathBuf),
    /// What the file holds that is named already.
    On,
    /// Nothing.
    Off,
}

impl FromStr for Staple {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("name a file, or write on or off".into()),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// Files of revocation lists, each found good now, as a running gateway finds them.
pub(super) fn lists(paths: &[PathBuf]) -> Result<Vec<String>, CliError> {
    if paths.len() > MOST_LISTS {
        return Err(CliError::usage(
            format!("more than {MOST_LISTS} files of lists"),
            "put several lists into one file",
        ));
    }
    for path in paths {
        let wrong = |detail: String| CliError::Io { what: path.display().to_string(), detail };
        let lists = RevocationLists::new(revocation_file::read(path).map_err(wrong)?).map_err(gatepost::Error::from)?;
        if let Some(until) = lists.fresh_until().filter(|until| *until < clock::now()) {
            let detail = format!("{}: the list is over since {until}: nobody would be let in", path.display());
            return Err(CliError::usage(detail, "get a newer one from its authority"));
        }
    }
    paths.iter().map(|path| place(path)).collect()
}

/// Whether what is to be stapled to a chain is fit for that. Terms that staple nothing are.
pub(super) fn check_staple(terms: &Terms, chain: Option<&[Vec<u8>]>) -> Result<(), CliError> {
    let Some(path) = terms.stapled_file().map(Path::new) else { return Ok(()) };
    let chain = chain.ok_or_else(|| {
        CliError::usage("an OCSP response is stapled to a certificate", "name one with `--cert FILE` or `--hash HASH`")
    })?;
    let failed = |error: std::io::Error| CliError::io(path.display().to_string(), &error);
    let response = small_file::read(path, small_file::LONGEST_OCSP).map_err(failed)?;
    fitness::staple(&response, chain, clock::now()).map(|_| ()).map_err(|unfit| {
        gatepost::Error::from(TlsError::Unfit(unfit)).while_doing(format!("reading {}", path.display())).into()
    })
}

/// A running gateway has another working directory.
pub(super) fn place(path: &Path) -> Result<String, CliError> {
    let place = std::fs::canonicalize(path).map_err(|error| CliError::io(path.display().to_string(), &error))?;
    // It is kept as a line of text.
    let text = place.to_str().filter(|text| !text.chars().any(char::is_control)).map(str::to_owned);
    text.ok_or_else(|| CliError::usage(format!("{} is no name that can be kept", path.display()), "give it another"))
}
