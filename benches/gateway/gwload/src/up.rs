//! The upstream: HTTP/1.1 answers of fixed sizes, a sink, and a WebSocket echo.

use crate::args::Args;
use crate::ep::{Ep, R, W};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

struct C {
    s: TcpStream,
    inb: Vec<u8>,
    out: Vec<u8>,
    pos: usize,
    big: usize,
    ws: bool,
    skip: usize,
    w: bool,
    dead: bool,
}

fn b64(d: &[u8]) -> String {
    const T: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut s = String::new();
    for c in d.chunks(3) {
        let n = (c[0] as u32) << 16 | (*c.get(1).unwrap_or(&0) as u32) << 8 | *c.get(2).unwrap_or(&0) as u32;
        for i in 0..4 {
            if i <= c.len() { s.push(T[(n >> (18 - 6 * i) & 63) as usize] as char) } else { s.push('=') }
        }
    }
    s
}
fn find(h: &[u8], n: &[u8]) -> Option<usize> {
    h.windows(n.len()).position(|w| w == n)
}
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|l| {
        let (k, v) = l.split_once(':')?;
        k.eq_ignore_ascii_case(name).then(|| v.trim())
    })
}

const BIG: usize = 1 << 20;

impl C {
    fn parse(&mut self, small: &[u8], one: &[u8]) {
        loop {
            if self.skip > 0 {
                let n = self.skip.min(self.inb.len());
                self.inb.drain(..n);
                self.skip -= n;
                if self.skip > 0 {
                    return;
                }
                self.out.extend_from_slice(one);
                continue;
            }
            if self.ws {
                // echo complete frames
                let b = &mut self.inb;
                if b.len() < 2 {
                    return;
                }
                let (mut h, mut len) = (2usize, (b[1] & 127) as usize);
                if len == 126 {
                    if b.len() < 4 {
                        return;
                    }
                    len = (b[2] as usize) << 8 | b[3] as usize;
                    h = 4
                } else if len == 127 {
                    if b.len() < 10 {
                        return;
                    }
                    len = u64::from_be_bytes(b[2..10].try_into().unwrap()) as usize;
                    h = 10
                }
                let masked = b[1] & 128 != 0;
                let mh = h + if masked { 4 } else { 0 };
                if b.len() < mh + len {
                    return;
                }
                if masked {
                    let m = [b[h], b[h + 1], b[h + 2], b[h + 3]];
                    let (hd, body) = b.split_at_mut(mh);
                    let _ = hd;
                    for ch in body[..len].chunks_mut(4) {
                        for (x, y) in ch.iter_mut().zip(m) {
                            *x ^= y
                        }
                    }
                }
                self.out.push(b[0]);
                self.out.push(b[1] & 127);
                self.out.extend_from_slice(&b[2..h]);
                self.out.extend_from_slice(&b[mh..mh + len]);
                b.drain(..mh + len);
                continue;
            }
            let Some(e) = find(&self.inb, b"\r\n\r\n") else { return };
            let head = String::from_utf8_lossy(&self.inb[..e]).into_owned();
            self.inb.drain(..e + 4);
            let path = head.split(' ').nth(1).unwrap_or("/");
            if header(&head, "upgrade").map_or(false, |v| v.eq_ignore_ascii_case("websocket")) {
                let k =
                    format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", header(&head, "sec-websocket-key").unwrap_or(""));
                let d = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, k.as_bytes());
                let r = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                    b64(d.as_ref())
                );
                self.out.extend_from_slice(r.as_bytes());
                self.ws = true;
            } else if let Some(n) =
                header(&head, "content-length").and_then(|v| v.parse::<usize>().ok()).filter(|n| *n > 0)
            {
                self.skip = n;
            } else if path.ends_with("/1m") {
                self.out.extend_from_slice(format!("HTTP/1.1 200 OK\r\nServer: gwload\r\nContent-Type: application/octet-stream\r\nContent-Length: {BIG}\r\nCache-Control: no-store\r\n\r\n").as_bytes());
                self.big += BIG;
            } else if path.ends_with("/0") {
                self.out.extend_from_slice(one);
            } else {
                self.out.extend_from_slice(small);
            }
        }
    }
    fn flush(&mut self, body: &[u8]) {
        while !self.dead {
            let (r, from_out) = if self.pos < self.out.len() {
                (self.s.write(&self.out[self.pos..]), true)
            } else if self.big > 0 {
                let o = (BIG - self.big % BIG) % BIG;
                (self.s.write(&body[o..o + self.big.min(BIG - o).min(BIG)]), false)
            } else {
                self.out.clear();
                self.pos = 0;
                break;
            };
            match r {
                Ok(n) => {
                    if from_out {
                        self.pos += n
                    } else {
                        self.big -= n
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => self.dead = true,
            }
        }
    }
}

pub fn run(a: &Args) {
    let l = TcpListener::bind(a.get("--listen").expect("--listen")).expect("bind");
    unsafe { libc::listen(l.as_raw_fd(), 4096) };
    l.set_nonblocking(true).unwrap();
    let mut ep = Ep::new();
    ep.add(l.as_raw_fd(), usize::MAX, R);
    let mut cs: Vec<Option<C>> = vec![];
    let mut free: Vec<usize> = vec![];
    let mut evs = vec![];
    let mut buf = vec![0u8; 256 * 1024];
    let body = vec![b'x'; BIG];
    let mut small = b"HTTP/1.1 200 OK\r\nServer: gwload\r\nDate: Mon, 23 Nov 2026 03:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 1024\r\nETag: \"5f-1024\"\r\nCache-Control: no-store\r\n\r\n".to_vec();
    small.extend_from_slice(&body[..1024]);
    let one = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    println!("{{\"up\":true}}");
    loop {
        ep.wait(-1, &mut evs);
        for &(id, f) in &evs {
            if id == usize::MAX {
                while let Ok((s, _)) = l.accept() {
                    s.set_nonblocking(true).unwrap();
                    s.set_nodelay(true).ok();
                    let i = free.pop().unwrap_or_else(|| {
                        cs.push(None);
                        cs.len() - 1
                    });
                    ep.add(s.as_raw_fd(), i, R);
                    cs[i] = Some(C {
                        s,
                        inb: vec![],
                        out: vec![],
                        pos: 0,
                        big: 0,
                        ws: false,
                        skip: 0,
                        w: false,
                        dead: false,
                    });
                }
                continue;
            }
            let Some(c) = cs[id].as_mut() else { continue };
            if f & R != 0 || f & (libc::EPOLLHUP | libc::EPOLLERR) as u32 != 0 {
                match c.s.read(&mut buf) {
                    Ok(0) => c.dead = true,
                    Ok(n) => {
                        c.inb.extend_from_slice(&buf[..n]);
                        c.parse(&small, &one)
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => c.dead = true,
                }
            }
            c.flush(&body);
            let w = c.pos < c.out.len() || c.big > 0;
            if w != c.w {
                c.w = w;
                ep.set(c.s.as_raw_fd(), id, if w { R | W } else { R })
            }
            if c.dead {
                cs[id] = None;
                free.push(id)
            }
        }
    }
}
