//! What is kept of the decisions about those who come: who, from where, for what, by which scheme, and why.

use std::net::IpAddr;

use gatepost_model::decided::Decided;
use gatepost_model::head::RequestHead;
use gatepost_model::principal::Principal;

use crate::clock;

/// Somebody proved who they are.
pub(crate) fn proved(head: RequestHead<'_>, from: IpAddr, scheme: &str, who: &str) -> Decided {
    let decided = Decided::new(clock::now(), "authentication", true, "proved");
    about(decided, place(head), from, scheme, Some(who.to_owned()))
}

/// A proof was refused.
pub(crate) fn refused(
    head: RequestHead<'_>,
    from: IpAddr,
    scheme: &str,
    claimed: Option<String>,
    reason: String,
) -> Decided {
    about(Decided::new(clock::now(), "authentication", false, reason), place(head), from, scheme, claimed)
}

/// A proof was not looked at.
pub(crate) fn damped(
    head: RequestHead<'_>,
    from: IpAddr,
    scheme: &str,
    claimed: Option<String>,
    reason: String,
) -> Decided {
    about(Decided::new(clock::now(), "damping", false, reason), place(head), from, scheme, claimed)
}

/// Whoever it is may not.
pub(crate) fn forbidden(place: String, from: IpAddr, principal: &Principal, reason: String) -> Decided {
    let decided = Decided::new(clock::now(), "access", false, reason);
    about(decided, place, from, principal.scheme, Some(principal.name.clone()))
}

fn about(decided: Decided, place: String, from: IpAddr, scheme: &str, who: Option<String>) -> Decided {
    Decided { who, from: Some(from), place: Some(place), scheme: Some(scheme.to_owned()), ..decided }
}

/// Host and path: a query may hold anything.
fn place(head: RequestHead<'_>) -> String {
    format!("{}{}", head.url.origin().authority(), head.url.path())
}
