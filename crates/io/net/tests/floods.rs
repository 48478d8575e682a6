//! Floods of HTTP/2 frames, again and again: each is cut, and leaves nothing behind. Alone in its file, because it
//! looks at the memory of its process.

mod world;

use std::sync::Arc;

use gatepost_model::limits::Limits;
use gatepost_net::body::Body;
use gatepost_net::handler::Peer;
use http::{Request, Response};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use world::{authority, localhost};

const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// POST / on stream 1, whose body is to come.
const POST: &[u8] = b"\0\0\x0e\x01\x04\0\0\0\x01\x83\x87\x84\x41\x09localhost";

#[tokio::test]
async fn no_flood_leaves_anything_behind() {
    let authority = authority();
    let wait = |_: Request<Body>, _: Arc<Peer>| std::future::pending::<Response<Body>>();
    let site = localhost(&authority, wait, Limits::default());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate_der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let floods: [(&str, &[u8]); 8] = [
        ("SETTINGS", b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x01"),
        ("PING", b"\0\0\x08\x06\0\0\0\0\0........"),
        ("PING answers", b"\0\0\x08\x06\x01\0\0\0\0........"),
        ("empty DATA", b"\0\0\0\0\0\0\0\0\x01"),
        ("RST_STREAM", b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08"),
        ("PRIORITY", b"\0\0\x05\x02\0\0\0\0\x03\0\0\0\0\x10"),
        ("WINDOW_UPDATE", b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01"),
        ("unknown", b"\0\0\0\xbb\0\0\0\0\0"),
    ];
    let mut sizes = Vec::new();
    for _ in 0..20 {
        for (name, frame) in floods {
            let stream = TcpStream::connect(site.address).await.unwrap();
            let name_of_site = ServerName::try_from("localhost").unwrap();
            let stream = connector.connect(name_of_site, stream).await.unwrap();
            let (mut reader, mut writer) = tokio::io::split(stream);
            let octets = [GREETING, POST, &frame.repeat(10_000)].concat();
            // Who is cut may not have said all, and may not hear why.
            let (_, heard) = tokio::join!(writer.write_all(&octets), async {
                let mut heard = Vec::new();
                let _ = reader.read_to_end(&mut heard).await;
                heard
            });
            assert!(heard.len() < 100_000, "{name}: {} octets of answers", heard.len());
        }
        sizes.push(resident_kib());
    }
    let grown = sizes[19].saturating_sub(sizes[4]);
    assert!(grown < 4096, "{grown} KiB more: {sizes:?}");
}

/// What this process holds in memory; nothing where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
