//! No library and no checks: every whole frame that one read brought is answered by one write. It shows what is left
//! to gain; nobody could serve strangers with it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::handshake::Deflate;

pub fn start(stream: TcpStream, _: Deflate) {
    tokio::task::spawn_local(echo(stream));
}

async fn echo(mut stream: TcpStream) -> Option<()> {
    let (mut input, mut have, mut out) = (vec![0; 1 << 18], 0, Vec::with_capacity(1 << 18));
    loop {
        let more = stream.read(&mut input[have..]).await.ok()?;
        if more == 0 {
            return None;
        }
        have += more;
        let mut at = 0;
        while let Some(taken) = answer(&mut input[at..have], &mut out) {
            at += taken;
        }
        input.copy_within(at..have, 0);
        have -= at;
        stream.write_all(&out).await.ok()?;
        out.clear();
    }
}

/// Answers the first frame if it is whole. Its length.
fn answer(bytes: &mut [u8], out: &mut Vec<u8>) -> Option<usize> {
    let (head, length) = match bytes {
        [_, second, ..] if *second & 0x7F < 126 => (2, usize::from(*second & 0x7F)),
        [_, second, high, low, ..] if *second & 0x7F == 126 => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, second, rest @ ..] if *second & 0x7F == 127 => (10, u64::from_be_bytes(*rest.first_chunk()?) as usize),
        _ => return None,
    };
    let end = head + 4 + length;
    if bytes.len() < end {
        return None;
    }
    let mask: [u8; 4] = bytes[head..head + 4].try_into().ok()?;
    out.extend([bytes[0], bytes[1] & 0x7F]);
    out.extend_from_slice(&bytes[2..head]);
    let payload = &mut bytes[head + 4..end];
    for chunk in payload.chunks_exact_mut(4) {
        for (octet, mask) in chunk.iter_mut().zip(mask) {
            *octet ^= mask;
        }
    }
    let rest = length / 4 * 4;
    for (octet, mask) in payload[rest..].iter_mut().zip(mask) {
        *octet ^= mask;
    }
    out.extend_from_slice(payload);
    Some(end)
}
