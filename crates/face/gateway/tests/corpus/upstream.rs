//! A strict upstream that writes down what reaches it: a reader of its own, which shares no code with
//! the product, and takes no octet that RFC 9112 does not let a sender write.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers 200 to each whole request, and keeps its form.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    record: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { address: listener.local_addr().unwrap(), record: Arc::default() };
        let record = Arc::clone(&upstream.record);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&record)));
            }
        });
        upstream
    }

    /// What came since the last call: whole requests as forms, octets that no strict reader takes as
    /// `FAULT`. A request that broke off is not there: no server acts on it.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.record.lock().unwrap())
    }
}

async fn serve(mut stream: TcpStream, record: Arc<Mutex<Vec<String>>>) {
    let mut buffer = Vec::new();
    loop {
        while let Some((form, used)) = read(&buffer) {
            let fault = form.starts_with("FAULT");
            record.lock().unwrap().push(form);
            buffer.drain(..used);
            if fault || stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
                return;
            }
        }
        if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// The first request in `octets` and its length, or a fault; `None` if it is not whole.
fn read(octets: &[u8]) -> Option<(String, usize)> {
    let fault = |what: &str| Some((format!("FAULT {what}: {}", octets.escape_ascii()), octets.len()));
    let end = octets.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = octets[..end].escape_ascii().to_string();
    if head.replace("\\r\\n", "").contains(['\0', '\n', '\r']) || head.replace("\\r\\n", "").contains("\\r") {
        return fault("a bare line end");
    }
    let mut lines = head.split("\\r\\n");
    let line: Vec<&str> = lines.next()?.split(' ').collect();
    let [method, target, "HTTP/1.1"] = line[..] else { return fault("request line") };
    if !target.starts_with('/') {
        return fault("target");
    }
    let mut fields = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { return fault("field") };
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) || value.contains("\\n") || value.contains("\\x00") {
            return fault("field");
        }
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let all =
        |name: &str| fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str()).collect::<Vec<_>>();
    if all("host").len() != 1 {
        return fault("host");
    }
    let rest = &octets[end + 4..];
    let (body, length) = match (&all("content-length")[..], &all("transfer-encoding")[..]) {
        ([], []) => (Vec::new(), 0),
        ([length], []) if length.bytes().all(|b| b.is_ascii_digit()) => {
            let length = length.parse().ok()?;
            (rest.get(..length)?.to_vec(), length)
        }
        ([], ["chunked"]) => match chunked(rest)? {
            Ok(read) => read,
            Err(what) => return fault(what),
        },
        _ => return fault("framing"),
    };
    fields.sort();
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}|")).collect();
    let form = format!("{method} {target}|{}|{}", fields.concat(), body.escape_ascii());
    Some((form, end + 4 + length))
}

/// A chunked body without extensions or trailers: a gateway has no need to send either.
fn chunked(octets: &[u8]) -> Option<Result<(Vec<u8>, usize), &'static str>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let end = octets[at..].windows(2).position(|window| window == b"\r\n")?;
        let digits = std::str::from_utf8(&octets[at..at + end]).ok().filter(|digits| !digits.starts_with('+'));
        let Some(size) = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok()) else {
            return Some(Err("chunk size"));
        };
        at += end + 2;
        body.extend_from_slice(octets.get(at..at + size)?);
        at += size;
        if octets.get(at..at + 2)? != b"\r\n" {
            return Some(Err(if size == 0 { "trailer" } else { "chunk end" }));
        }
        at += 2;
        if size == 0 {
            return Some(Ok((body, at)));
        }
    }
}
