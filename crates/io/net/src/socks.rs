//! A way through a SOCKS proxy (RFC 1928), with a name and a password if it asks (RFC 1929). The proxy looks the host
//! up.

use std::net::{IpAddr, SocketAddr};

use gatepost_model::limits::Limits;
use gatepost_model::secret::Secret;
use gatepost_model::url::Origin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{NetError, Wait};
use crate::explain;
use crate::proxy::Way;
use crate::reach::bare_host;
use crate::upgrade::{Duplex, Stream};

const VERSION: u8 = 5;
const CONNECT: u8 = 1;
const NO_PROOF: u8 = 0;
const PASSWORD: u8 = 2;
/// No method that was offered is good enough.
const NONE: u8 = 0xff;
/// The version of the exchange of RFC 1929.
const LOGIN: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Who we are to a SOCKS proxy. Both go over the wire as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name, 1 to 255 octets.
    pub user: String,
    /// The password, 1 to 255 octets.
    pub password: Secret,
}

/// Asks the proxy behind `stream` for a way to `origin`.
pub(crate) async fn ask(
    mut stream: Duplex,
    (local, address): (SocketAddr, SocketAddr),
    origin: &Origin,
    login: Option<&Login>,
    limits: &Limits,
) -> Result<Way, NetError> {
    let limit = limits.answer_time;
    let exchange = tokio::time::timeout(limit, exchange(&mut stream, origin, login)).await;
    exchange.map_err(|_| explain::timeout(Wait::Answer, limit))??;
    Ok(Way { stream, local, address })
}

/// Each answer is read to its end and not beyond: what follows the last one is the origin's.
async fn exchange(stream: &mut dyn Stream, origin: &Origin, login: Option<&Login>) -> Result<(), NetError> {
    let refused = |detail: &str| NetError::Proxy { origin: origin.authority(), detail: detail.to_owned() };
    let request = request(origin)?;
    let login = login.map(proof).transpose()?;
    let offer: &[u8] = if login.is_some() { &[VERSION, 2, NO_PROOF, PASSWORD] } else { &[VERSION, 1, NO_PROOF] };
    say(stream, offer).await?;
    let [version, method] = hear(stream).await?;
    if version != VERSION {
        return Err(broken("it is no SOCKS5 proxy"));
    }
    match (method, &login) {
        (NO_PROOF, _) => {}
        (PASSWORD, Some(login)) => {
            say(stream, login).await?;
            let [version, status] = hear(stream).await?;
            if version != LOGIN {
                return Err(broken("its answer to the password cannot be read"));
            }
            if status != 0 {
                return Err(refused("it does not take the name and the password"));
            }
        }
        (NONE, Some(_)) => return Err(refused("it takes neither a password nor nobody")),
        (NONE, None) => return Err(refused("it wants to know who asks, and was not told")),
        _ => return Err(broken("it chose a method that was not offered")),
    }
    say(stream, &request).await?;
    let [version, status, _, kind] = hear(stream).await?;
    if version != VERSION {
        return Err(broken("its answer cannot be read"));
    }
    if status != 0 {
        return Err(refused(meaning(status)));
    }
    // Where it goes out from: read, because the origin's octets follow.
    match kind {
        IPV4 => hear::<6>(stream).await.map(drop),
        IPV6 => hear::<18>(stream).await.map(drop),
        NAME => {
            let [length] = hear(stream).await?;
            let mut rest = vec![0; usize::from(length).saturating_add(2)];
            stream.read_exact(&mut rest).await.map(drop).map_err(|error| explain::io(&error, "the proxy's answer"))
        }
        _ => Err(broken("its answer has an address of no known kind")),
    }
}

/// The request of RFC 1928 §4.
fn request(origin: &Origin) -> Result<Vec<u8>, NetError> {
    let mut octets = vec![VERSION, CONNECT, 0];
    match bare_host(origin).parse() {
        Ok(IpAddr::V4(address)) => {
            octets.push(IPV4);
            octets.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            octets.push(IPV6);
            octets.extend(address.octets());
        }
        Err(_) => {
            octets.push(NAME);
            octets.extend(short(origin.host().as_bytes(), "the host")?);
        }
    }
    octets.extend(origin.port().to_be_bytes());
    Ok(octets)
}

/// The name and the password of RFC 1929 §2.
fn proof(login: &Login) -> Result<Vec<u8>, NetError> {
    let mut octets = vec![LOGIN];
    octets.extend(short(login.user.as_bytes(), "the user name for the proxy")?);
    octets.extend(short(login.password.reveal(), "the password for the proxy")?);
    Ok(octets)
}

/// Octets behind one that says how many they are.
fn short(octets: &[u8], what: &str) -> Result<Vec<u8>, NetError> {
    match u8::try_from(octets.len()) {
        Ok(length @ 1..) => Ok([&[length], octets].concat()),
        _ => Err(NetError::Request { detail: format!("{what} has {} octets, and SOCKS takes 1 to 255", octets.len()) }),
    }
}

async fn say(stream: &mut dyn Stream, octets: &[u8]) -> Result<(), NetError> {
    stream.write_all(octets).await.map_err(|error| explain::io(&error, "the proxy"))?;
    stream.flush().await.map_err(|error| explain::io(&error, "the proxy"))
}

async fn hear<const N: usize>(stream: &mut dyn Stream) -> Result<[u8; N], NetError> {
    let mut octets = [0; N];
    stream.read_exact(&mut octets).await.map_err(|error| explain::io(&error, "the proxy's answer"))?;
    Ok(octets)
}

fn broken(detail: &str) -> NetError {
    NetError::Protocol { protocol: "socks5", detail: detail.to_owned() }
}

/// The replies of RFC 1928 §6.
fn meaning(status: u8) -> &'static str {
    match status {
        1 => "it failed",
        2 => "its rules do not allow it",
        3 => "the network cannot be reached from there",
        4 => "the host cannot be reached from there, or not be found",
        5 => "nobody listens there",
        6 => "a packet lived too short",
        7 => "it does not know CONNECT",
        8 => "it does not know that kind of address",
        _ => "it gave no reason that is known",
    }
}

#[cfg(test)]
mod tests {
    use gatepost_model::fault::Fault;

    use super::*;

    /// What comes of a proxy that says this, and what it was told. What is left of its words comes with a way.
    async fn asked(host: &str, login: Option<(&str, &str)>, answer: &[u8]) -> (Result<Vec<u8>, &'static str>, Vec<u8>) {
        let (near, mut far) = tokio::io::duplex(4096);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let end = SocketAddr::from(([127, 0, 0, 1], 1080));
        let login = login.map(|(user, password)| Login { user: user.into(), password: password.into() });
        let origin = Origin::new(true, host, 443);
        let became = match ask(Box::new(near), (end, end), &origin, login.as_ref(), &Limits::default()).await {
            Ok(mut way) => {
                let mut rest = Vec::new();
                way.stream.read_to_end(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(error) => Err(error.code()),
        };
        let mut told = Vec::new();
        far.read_to_end(&mut told).await.unwrap();
        (became, told)
    }

    #[tokio::test]
    async fn the_proxy_is_given_the_name_and_the_origin_its_own_octets() {
        let table: [(&str, &[u8], &[u8]); 4] = [
            ("h.test", b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x04\x38hello", b"\x05\x01\0\x05\x01\0\x03\x06h.test\x01\xbb"),
            ("192.0.2.7", b"\x05\0\x05\0\0\x03\x02ab\x04\x38hello", b"\x05\x01\0\x05\x01\0\x01\xc0\0\x02\x07\x01\xbb"),
            (
                "[2001:db8::1]",
                b"\x05\0\x05\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\x38hello",
                b"\x05\x01\0\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
            ),
            ("h.test", b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x04\x38hello", b"\x05\x01\0\x05\x01\0\x03\x06h.test\x01\xbb"),
        ];
        for (host, answer, told) in table {
            assert_eq!(asked(host, None, answer).await, (Ok(b"hello".to_vec()), told.to_vec()), "{host}");
        }
    }

    #[tokio::test]
    async fn a_password_goes_to_whoever_asks_for_it_and_to_nobody_else() {
        let login = Some(("ali", "sesame"));
        let given = b"\x05\x02\0\x02\x01\x03ali\x06sesame\x05\x01\0\x03\x06h.test\x01\xbb";
        let good = asked("h.test", login, b"\x05\x02\x01\0\x05\0\0\x01\x7f\0\0\x01\x04\x38").await;
        assert_eq!(good, (Ok(Vec::new()), given.to_vec()));
        let (became, told) = asked("h.test", login, b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x04\x38").await;
        assert_eq!((became, told), (Ok(Vec::new()), b"\x05\x02\0\x02\x05\x01\0\x03\x06h.test\x01\xbb".to_vec()));
        let (became, told) = asked("h.test", login, b"\x05\x02\x01\x01").await;
        assert_eq!((became, told), (Err("GP-NET-022"), b"\x05\x02\0\x02\x01\x03ali\x06sesame".to_vec()));
    }

    #[tokio::test]
    async fn whatever_is_no_leave_is_none() {
        let table: [(&[u8], &str); 10] = [
            (b"\x05\xff", "GP-NET-022"),
            (b"\x05\0\x05\x05\0\x01\0\0\0\0\0\0", "GP-NET-022"),
            (b"\x05\0\x05\xee\0\x01\0\0\0\0\0\0", "GP-NET-022"),
            // A method that nobody offered.
            (b"\x05\x02", "GP-NET-004"),
            (b"\x04\x5a", "GP-NET-004"),
            (b"HTTP/1.1 400 Bad Request\r\n", "GP-NET-004"),
            (b"\x05\0\x05\0\0\x07\0\0\0\0\0\0", "GP-NET-004"),
            (b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x04", "GP-NET-007"),
            (b"\x05\0\x05\0\0\x03\xffab", "GP-NET-007"),
            (b"", "GP-NET-007"),
        ];
        for (answer, code) in table {
            assert_eq!(asked("h.test", None, answer).await.0, Err(code), "{answer:?}");
        }
        let long = "x".repeat(256);
        assert_eq!(asked(&long, None, b"").await, (Err("GP-NET-010"), Vec::new()));
        assert_eq!(asked("h.test", Some((&long, "x")), b"").await, (Err("GP-NET-010"), Vec::new()));
        assert_eq!(asked("h.test", Some(("x", "")), b"").await, (Err("GP-NET-010"), Vec::new()));
    }
}
