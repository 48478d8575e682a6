//! The load side: clients that send requests, open connections and echo messages.

use crate::args::Args;
use crate::ep::{Ep, R, W};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The load side must stay cheaper than the proxy, so it does not verify certificates. Never reuse this outside a benchmark.
#[derive(Debug)]
struct NoVerify;
impl ServerCertVerifier for NoVerify {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        use rustls::SignatureScheme::*;
        vec![ECDSA_NISTP256_SHA256, RSA_PSS_SHA256, RSA_PKCS1_SHA256, ED25519]
    }
}

#[derive(PartialEq, Clone, Copy, Debug)]
enum P {
    Head,
    Fixed,
    ChunkSize,
    ChunkData,
    ChunkEnd,
    Ws,
}

struct C {
    s: TcpStream,
    tls: Option<ClientConnection>,
    pend: Vec<u8>,
    pos: usize,
    w: bool,
    dead: bool,
    p: P,
    head: Vec<u8>,
    left: u64,
    status: u16,
    chunk0: bool,
    busy: bool,
    opened: bool,
    t0: Instant,
    done: u32,
    bytes: u64,
}

impl C {
    fn send(&mut self, d: &[u8]) {
        if let Some(t) = &mut self.tls {
            t.writer().write_all(d).unwrap();
        } else {
            self.pend.extend_from_slice(d)
        }
        self.flush();
    }
    fn flush(&mut self) {
        loop {
            let r = if let Some(t) = &mut self.tls {
                if !t.wants_write() {
                    break;
                }
                t.write_tls(&mut self.s)
            } else {
                if self.pos >= self.pend.len() {
                    self.pend.clear();
                    self.pos = 0;
                    break;
                }
                let r = self.s.write(&self.pend[self.pos..]);
                if let Ok(n) = r {
                    self.pos += n
                }
                r
            };
            match r {
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.dead = true;
                    break;
                }
            }
        }
    }
    fn wants_write(&self) -> bool {
        self.tls.as_ref().map_or(self.pos < self.pend.len(), |t| t.wants_write())
    }
    /// Feeds plaintext; counts completed responses / messages in self.done.
    fn feed(&mut self, mut d: &[u8]) {
        self.bytes += d.len() as u64;
        while !d.is_empty() {
            match self.p {
                P::Head => {
                    let old = self.head.len();
                    self.head.extend_from_slice(d);
                    let from = old.saturating_sub(3);
                    let Some(e) = self.head[from..].windows(4).position(|w| w == b"\r\n\r\n").map(|e| e + from + 4)
                    else {
                        return;
                    };
                    d = &d[e - old..];
                    self.head.truncate(e);
                    let h = unsafe { std::str::from_utf8_unchecked(&self.head) };
                    self.status = h.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0);
                    self.left = 0;
                    let mut chunked = false;
                    for l in h.split("\r\n").skip(1) {
                        if let Some((k, v)) = l.split_once(':') {
                            if k.eq_ignore_ascii_case("content-length") {
                                self.left = v.trim().parse().unwrap_or(0)
                            } else if k.eq_ignore_ascii_case("transfer-encoding") {
                                chunked = v.contains("chunked")
                            }
                        }
                    }
                    self.head.clear();
                    if self.status == 101 {
                        self.p = P::Ws;
                        self.left = 0;
                        self.done += 1;
                        continue;
                    }
                    if self.status == 100 {
                        continue;
                    }
                    if chunked {
                        self.p = P::ChunkSize
                    } else if self.left == 0 {
                        self.done += 1
                    } else {
                        self.p = P::Fixed
                    }
                }
                P::Fixed => {
                    let n = (d.len() as u64).min(self.left);
                    self.left -= n;
                    d = &d[n as usize..];
                    if self.left == 0 {
                        self.p = P::Head;
                        self.done += 1
                    }
                }
                P::ChunkSize => {
                    let c = d[0];
                    d = &d[1..];
                    if c != b'\n' {
                        self.head.push(c);
                        continue;
                    }
                    let s = std::str::from_utf8(&self.head)
                        .unwrap_or("")
                        .trim()
                        .split(';')
                        .next()
                        .unwrap_or("")
                        .to_string();
                    self.head.clear();
                    self.left = u64::from_str_radix(&s, 16).unwrap_or(0);
                    self.chunk0 = self.left == 0;
                    self.p = if self.chunk0 { P::ChunkEnd } else { P::ChunkData };
                }
                P::ChunkData => {
                    let n = (d.len() as u64).min(self.left);
                    self.left -= n;
                    d = &d[n as usize..];
                    if self.left == 0 {
                        self.p = P::ChunkEnd
                    }
                }
                P::ChunkEnd => {
                    let c = d[0];
                    d = &d[1..];
                    if c == b'\n' {
                        if self.chunk0 {
                            self.p = P::Head;
                            self.done += 1
                        } else {
                            self.p = P::ChunkSize
                        }
                    }
                }
                P::Ws => {
                    if self.left > 0 {
                        let n = (d.len() as u64).min(self.left);
                        self.left -= n;
                        d = &d[n as usize..];
                        if self.left == 0 {
                            self.done += 1
                        }
                        continue;
                    }
                    self.head.push(d[0]);
                    d = &d[1..];
                    let b = &self.head;
                    if b.len() < 2 {
                        continue;
                    }
                    let l = match b[1] & 127 {
                        126 => {
                            if b.len() < 4 {
                                continue;
                            } else {
                                (b[2] as u64) << 8 | b[3] as u64
                            }
                        }
                        127 => {
                            if b.len() < 10 {
                                continue;
                            } else {
                                u64::from_be_bytes(b[2..10].try_into().unwrap())
                            }
                        }
                        x => x as u64,
                    };
                    self.head.clear();
                    self.left = l;
                    if l == 0 {
                        self.done += 1
                    }
                }
            }
        }
    }
    fn read(&mut self, buf: &mut [u8]) {
        if self.tls.is_none() {
            match self.s.read(buf) {
                Ok(0) => self.dead = true,
                Ok(n) => self.feed(&buf[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => self.dead = true,
            }
            return;
        }
        let mut t = self.tls.take().unwrap();
        match t.read_tls(&mut self.s) {
            Ok(0) => self.dead = true,
            Ok(_) => {
                if t.process_new_packets().is_err() {
                    self.dead = true
                }
                loop {
                    let mut rd = t.reader();
                    let n = match rd.fill_buf() {
                        Ok(b) if !b.is_empty() => {
                            self.feed(b);
                            b.len()
                        }
                        _ => break,
                    };
                    t.reader().consume(n);
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => self.dead = true,
        }
        self.tls = Some(t);
    }
}

pub fn run(mode: &str, a: &Args) {
    let addr: SocketAddr = a.get("--addr").expect("--addr").parse().expect("addr");
    assert!(addr.ip().is_loopback(), "loopback only");
    let n: usize = a.num("--conns", 32);
    let secs: f64 = a.num("--secs", 5.0);
    let warm: f64 = a.num("--warmup", 0.5);
    let rate: f64 = a.num("--rate", 0.0);
    let size: usize = a.num("--size", 125);
    let post: usize = a.num("--post", 0);
    let resume = a.has("--resume");
    let (hs, ws, idle) = (mode == "hs", mode == "ws" || (mode == "idle" && !a.has("--http")), mode == "idle");
    let path = a.get("--path").unwrap_or(if hs { "/0" } else { "/1k" });
    let mut prov = rustls::crypto::aws_lc_rs::default_provider();
    prov.kx_groups = if a.has("--pq") {
        vec![rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768]
    } else {
        vec![rustls::crypto::aws_lc_rs::kx_group::X25519]
    };
    prov.cipher_suites = vec![if a.has("--aes128") {
        rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256
    } else {
        rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384
    }];
    let mut cfg = ClientConfig::builder_with_provider(Arc::new(prov))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(NoVerify))
        .with_no_client_auth();
    cfg.alpn_protocols = vec![b"http/1.1".to_vec()];
    cfg.resumption = if resume { Resumption::in_memory_sessions(1024) } else { Resumption::disabled() };
    let cfg = Arc::new(cfg);
    let name = rustls::pki_types::ServerName::try_from("gw.test").unwrap();
    let plain = a.has("--plain");

    let extra: String = a.all("--header").iter().map(|h| format!("{h}\r\n")).collect();
    let mut req = if post > 0 { format!("POST {path} HTTP/1.1\r\nHost: gw.test\r\nUser-Agent: gwload/0.1\r\nContent-Type: application/octet-stream\r\nContent-Length: {post}\r\n{extra}\r\n") }
        else { format!("GET {path} HTTP/1.1\r\nHost: gw.test\r\nUser-Agent: gwload/0.1\r\nAccept: application/json\r\nAccept-Language: en-GB,en;q=0.9\r\nX-Request-Id: 4f1c2d9e8a7b\r\n{extra}\r\n") }.into_bytes();
    req.extend(std::iter::repeat(b'p').take(post));
    let up = format!("GET /ws HTTP/1.1\r\nHost: gw.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n").into_bytes();
    let mut frame = vec![0x82u8];
    if size < 126 {
        frame.push(0x80 | size as u8)
    } else if size < 65536 {
        frame.push(0x80 | 126);
        frame.extend((size as u16).to_be_bytes())
    } else {
        frame.push(0x80 | 127);
        frame.extend((size as u64).to_be_bytes())
    }
    let mask = [0x37u8, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    frame.extend((0..size).map(|i| b'a' ^ mask[i % 4]));

    let mut ep = Ep::new();
    let mut evs = vec![];
    let mut buf = vec![0u8; 256 * 1024];
    let open = |ep: &Ep, id: usize| -> C {
        let t0 = Instant::now();
        let s = TcpStream::connect(addr).expect("connect");
        s.set_nonblocking(true).unwrap();
        s.set_nodelay(true).ok();
        let lg = libc::linger { l_onoff: 1, l_linger: 0 };
        unsafe {
            libc::setsockopt(
                s.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                &lg as *const _ as *const _,
                std::mem::size_of_val(&lg) as u32,
            )
        };
        let tls = (!plain).then(|| {
            let mut t = ClientConnection::new(cfg.clone(), name.clone()).unwrap();
            t.set_buffer_limit(None);
            t
        });
        let mut c = C {
            s,
            tls,
            pend: vec![],
            pos: 0,
            w: false,
            dead: false,
            p: P::Head,
            head: vec![],
            left: 0,
            status: 0,
            chunk0: false,
            busy: true,
            opened: false,
            t0,
            done: 0,
            bytes: 0,
        };
        ep.add(c.s.as_raw_fd(), id, R);
        c.send(if ws { &up } else { &req });
        c
    };

    let mut cs: Vec<C> = Vec::with_capacity(n);
    if idle {
        // open in batches so that no listen backlog overflows
        let mut ready = 0usize;
        let mut fails = 0usize;
        let t = Instant::now();
        while ready + fails < n && t.elapsed() < Duration::from_secs(120) {
            while cs.len() < n && cs.len() - ready - fails < 64 {
                let c = open(&ep, cs.len());
                cs.push(c)
            }
            ep.wait(1_000_000_000, &mut evs);
            for &(id, _) in &evs {
                let c = &mut cs[id];
                if c.dead {
                    continue;
                }
                c.read(&mut buf);
                c.flush();
                if c.done > 0 && c.busy {
                    c.busy = false;
                    ready += 1
                }
                if c.dead {
                    ep.set(c.s.as_raw_fd(), id, 0);
                    fails += 1
                }
            }
        }
        println!(
            "{{\"mode\":\"idle\",\"ready\":{ready},\"failed\":{fails},\"status\":{},\"secs\":{:.3}}}",
            cs.last().map_or(0, |c| c.status),
            t.elapsed().as_secs_f64()
        );
        let mut s = String::new();
        let _ = std::io::stdin().read_line(&mut s);
        return;
    }
    for i in 0..n {
        let c = open(&ep, i);
        cs.push(c)
    }
    let start = Instant::now();
    let from = start + Duration::from_secs_f64(warm);
    let to = from + Duration::from_secs_f64(secs);
    let mut lat: Vec<u32> = Vec::with_capacity(1 << 20);
    let (mut ok, mut bad, mut reconn, mut resumed, mut bytes) = (0u64, 0u64, 0u64, 0u64, 0u64);
    let mut marked = false;
    let cpu = || {
        std::fs::read_to_string("/proc/self/schedstat")
            .unwrap_or_default()
            .split(' ')
            .next()
            .and_then(|s| s.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let mut cpu0 = 0;
    // open loop: due times; idle connections wait in `idlec`
    let paced = rate > 0.0;
    let gap = if paced { Duration::from_secs_f64(1.0 / rate) } else { Duration::ZERO };
    let mut due = start + Duration::from_millis(300);
    let mut idlec: Vec<usize> = vec![];
    let mut late = 0u64;
    loop {
        let now = Instant::now();
        if !marked && now >= from {
            marked = true;
            cpu0 = cpu();
            println!("{{\"mark\":\"start\"}}");
            std::io::stdout().flush().ok();
        }
        if now >= to {
            break;
        }
        let mut ns = (to - now).as_nanos().min(100_000_000) as i64;
        if paced {
            while due <= Instant::now() {
                let Some(id) = idlec.pop() else {
                    late += 1;
                    break;
                };
                let c = &mut cs[id];
                c.t0 = due;
                c.busy = true;
                c.send(&req);
                due += gap;
            }
            ns = ns.min(due.saturating_duration_since(Instant::now()).as_nanos() as i64);
            if idlec.is_empty() {
                ns = ns.max(100_000)
            }
        }
        ep.wait(ns, &mut evs);
        for k in 0..evs.len() {
            let (id, f) = evs[k];
            let c = &mut cs[id];
            if f & !(W) != 0 {
                c.read(&mut buf)
            }
            c.flush();
            while c.done > 0 {
                c.done -= 1;
                let now = Instant::now();
                // the 101 answer of a WebSocket is not a message
                let upgraded = ws && !c.opened;
                if upgraded {
                    c.opened = true;
                    if c.status != 101 {
                        eprintln!("no upgrade: status {}", c.status);
                        std::process::exit(1)
                    }
                }
                if marked && now < to && !upgraded {
                    if c.status == 200 || c.status == 101 || c.status == 204 {
                        ok += 1
                    } else {
                        bad += 1
                    }
                    lat.push(now.duration_since(c.t0).as_nanos().min(u32::MAX as u128 * 10) as u64 as u32);
                    bytes += c.bytes;
                }
                c.bytes = 0;
                c.busy = false;
                if hs {
                    if c.tls.as_ref().and_then(|t| t.handshake_kind()) == Some(HandshakeKind::Resumed) && marked {
                        resumed += 1
                    }
                    c.dead = true;
                    break;
                }
                if paced {
                    idlec.push(id);
                    continue;
                }
                c.t0 = now;
                c.busy = true;
                if ws { c.send(&frame) } else { c.send(&req) }
            }
            if c.dead {
                if !hs || c.busy {
                    reconn += 1;
                    if c.busy && marked {
                        bad += 1
                    }
                }
                if reconn > 100_000 {
                    eprintln!("too many reconnects");
                    std::process::exit(1)
                }
                idlec.retain(|x| *x != id);
                let nc = open(&ep, id);
                cs[id] = nc;
            }
            let c = &mut cs[id];
            let w = c.wants_write();
            if w != c.w {
                c.w = w;
                ep.set(c.s.as_raw_fd(), id, if w { R | W } else { R })
            }
        }
    }
    let el = Instant::now().duration_since(from).as_secs_f64();
    let my = cpu() - cpu0;
    lat.sort_unstable();
    let q = |p: f64| if lat.is_empty() { 0.0 } else { lat[((lat.len() - 1) as f64 * p) as usize] as f64 / 1000.0 };
    println!(
        "{{\"mode\":\"{mode}\",\"secs\":{el:.3},\"ok\":{ok},\"bad\":{bad},\"reconn\":{reconn},\"resumed\":{resumed},\"late\":{late},\"rps\":{:.1},\"p50_us\":{:.1},\"p90_us\":{:.1},\"p99_us\":{:.1},\"max_us\":{:.1},\"mb_s\":{:.1},\"load_cpu_us\":{:.2}}}",
        ok as f64 / el,
        q(0.5),
        q(0.9),
        q(0.99),
        q(1.0),
        bytes as f64 / el / 1e6,
        my as f64 / 1000.0 / (ok.max(1)) as f64
    );
    std::io::stdout().flush().ok();
    std::process::exit(if ok == 0 { 1 } else { 0 });
}
