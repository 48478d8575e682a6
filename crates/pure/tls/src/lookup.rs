//! In which order bindings are asked, and why one of them answered.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use gatepost_model::binding::BindingKey;

/// How a binding fits a client. The order is the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The very name and port.
    Name,
    /// The very name, on any port.
    NameAnyPort,
    /// A wildcard for one label, and the port.
    Wildcard,
    /// A wildcard for one label, on any port.
    WildcardAnyPort,
    /// Every name at the port: a directory with a file for each.
    AnyName,
    /// Every name on any port.
    AnyNameAnyPort,
    /// The very address and port.
    Address,
    /// The very address, on any port.
    AddressAnyPort,
    /// Every address, and the port.
    Unspecified,
    /// Every address, on any port.
    UnspecifiedAnyPort,
}

impl Rule {
    /// Whether it is for every name.
    pub(crate) fn is_any_name(self) -> bool {
        matches!(self, Self::AnyName | Self::AnyNameAnyPort)
    }

    /// Whether it goes by the address, and not by the name.
    #[must_use]
    pub fn is_by_address(self) -> bool {
        self >= Self::Address
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "exact name and port",
            Self::NameAnyPort => "exact name, any port",
            Self::Wildcard => "wildcard and port",
            Self::WildcardAnyPort => "wildcard, any port",
            Self::AnyName => "any name at the port",
            Self::AnyNameAnyPort => "any name, any port",
            Self::Address => "exact address and port",
            Self::AddressAnyPort => "exact address, any port",
            Self::Unspecified => "any address and port",
            Self::UnspecifiedAnyPort => "any address, any port",
        })
    }
}

/// What became of one key that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is bound to it.
    Unbound,
    /// A directory is, for every name, and has no file for this one.
    NoFile,
    /// A directory is, and has no fit file where it alone may answer: nobody else does in its place, on other terms.
    Unfit,
    /// A certificate is bound to the address, but does not cover the name: nobody who believes to be elsewhere is
    /// served from there. No other address is asked.
    NotCovered,
    /// Its certificate answers.
    Answers,
    /// It ends the connection.
    Rejects,
}

impl Outcome {
    /// Whether no further key is asked.
    #[must_use]
    pub fn is_last(self) -> bool {
        matches!(self, Self::Unfit | Self::NotCovered | Self::Answers | Self::Rejects)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unbound => "not bound",
            Self::NoFile => "its directory has no file for the name",
            Self::Unfit => "its directory has no fit file for the name",
            Self::NotCovered => "its certificate does not cover the name",
            Self::Answers => "answers",
            Self::Rejects => "rejects",
        })
    }
}

/// One key that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Why it was asked.
    pub rule: Rule,
    /// The key.
    pub key: BindingKey,
    /// What became of it.
    pub outcome: Outcome,
}

/// The keys that may answer a client that reached `local` and asked for `name`, in order. The name is in lower case
/// and without a dot at its end.
pub(crate) fn candidates(local: SocketAddr, name: Option<&str>) -> impl Iterator<Item = (Rule, BindingKey)> {
    let own = name.map(str::to_owned);
    let wildcard = name.and_then(|name| name.split_once('.')).map(|(_, parent)| format!("*.{parent}"));
    let host = |rules: [Rule; 2], host: Option<String>| {
        let of = move |port| host.clone().map(|host| BindingKey::Host { host, port });
        each_port(rules, local.port(), of)
    };
    let any_name = name.map(|_| ());
    let any = move |port| any_name.map(|()| BindingKey::Any { port });
    host([Rule::Name, Rule::NameAnyPort], own)
        .chain(host([Rule::Wildcard, Rule::WildcardAnyPort], wildcard))
        .chain(each_port([Rule::AnyName, Rule::AnyNameAnyPort], local.port(), any))
        .chain(addresses(local))
}

fn addresses(local: SocketAddr) -> impl Iterator<Item = (Rule, BindingKey)> {
    // A dual-stack listener shows IPv4 peers as mapped addresses.
    let own = local.ip().to_canonical();
    let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let unspecified = any.into_iter().filter(move |any| own.is_ipv4() || any.is_ipv6());
    let at = |address| move |port| Some(BindingKey::Address(SocketAddr::new(address, port)));
    let exact = each_port([Rule::Address, Rule::AddressAnyPort], local.port(), at(own));
    let rules = [Rule::Unspecified, Rule::UnspecifiedAnyPort];
    exact.chain(unspecified.flat_map(move |address| each_port(rules, local.port(), at(address))))
}

/// With the port, then with none.
fn each_port(
    rules: [Rule; 2],
    port: u16,
    key: impl Fn(u16) -> Option<BindingKey>,
) -> impl Iterator<Item = (Rule, BindingKey)> {
    rules.into_iter().zip([port, 0]).filter_map(move |(rule, port)| Some((rule, key(port)?)))
}
