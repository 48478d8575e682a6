//! CRC-32C (RFC 3720 appendix B.4), by which a header of version 2 can prove that it arrived whole.

/// The polynomial, its lowest power first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum of these octets, one part behind the other.
pub(crate) fn crc32c<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    // A header is short and comes once for a connection: no table is worth its place.
    let mut sum = !0_u32;
    for octet in parts.into_iter().flatten() {
        sum ^= u32::from(*octet);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_rfc_3720() {
        let ascending: Vec<u8> = (0..32).collect();
        let table: [(&[u8], u32); 4] = [
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
            (b"123456789", 0xe306_9283),
        ];
        for (octets, sum) in table {
            assert_eq!(crc32c([octets]), sum);
            let (front, rest) = octets.split_at(5);
            assert_eq!(crc32c([front, rest]), sum);
        }
    }
}
