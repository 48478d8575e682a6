//! Several slices as the plaintext of records, copied only where that makes fewer records.

use std::io::IoSlice;

/// A slice this long gets records of its own: to copy it would cost more than a record more.
const LARGE: usize = 4 * 1024;

/// What is left of some slices.
pub(super) struct Gather<'a> {
    slices: &'a [IoSlice<'a>],
    skipped: usize,
    left: usize,
}

/// The plaintext of the next record.
pub(super) enum Piece<'a> {
    /// Stands in one slice.
    Whole(&'a [u8]),
    /// So many octets of several; to be copied.
    Spread(usize),
}

impl<'a> Gather<'a> {
    pub(super) fn new(slices: &'a [IoSlice<'a>]) -> Self {
        let left = slices.iter().map(|slice| slice.len()).fold(0, usize::saturating_add);
        Self { slices, skipped: 0, left }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// What the next record carries, at most `limit` octets.
    pub(super) fn next(&mut self, limit: usize) -> Piece<'a> {
        let first = self.first();
        if first.len() >= limit || first.len() == self.left {
            return Piece::Whole(first.get(..limit).unwrap_or(first));
        }
        if self.left <= limit {
            return Piece::Spread(self.left);
        }
        if first.len() >= LARGE {
            return Piece::Whole(first);
        }
        let behind = self.slices.iter().skip(1).map(|slice| slice.len()).take_while(|length| *length < LARGE);
        Piece::Spread(behind.fold(first.len(), usize::saturating_add).min(limit))
    }

    /// Passes over `count` octets.
    pub(super) fn skip(&mut self, count: usize) {
        let mut count = count;
        while count > 0 {
            let taken = self.first().len().min(count);
            if taken == 0 {
                return;
            }
            self.skipped += taken;
            self.left -= taken;
            count -= taken;
        }
    }

    /// Fills `out` with what comes next.
    pub(super) fn copy(&mut self, out: &mut [u8]) {
        let mut out = out;
        while !out.is_empty() {
            let first = self.first();
            let taken = first.len().min(out.len());
            let (Some(from), Some((to, rest))) = (first.get(..taken), out.split_at_mut_checked(taken)) else { return };
            if taken == 0 {
                return;
            }
            to.copy_from_slice(from);
            self.skip(taken);
            out = rest;
        }
    }

    /// What is left of the first slice that is not used up.
    fn first(&mut self) -> &'a [u8] {
        while let Some((first, rest)) = self.slices.split_first() {
            let first: &'a [u8] = first;
            match first.get(self.skipped..) {
                Some(left) if !left.is_empty() => return left,
                _ => (self.slices, self.skipped) = (rest, 0),
            }
        }
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the records' plaintexts, `+` for those that are copied.
    fn plan(lengths: &[usize], limit: usize) -> String {
        let octets: Vec<Vec<u8>> = lengths.iter().map(|length| vec![7; *length]).collect();
        let slices: Vec<IoSlice<'_>> = octets.iter().map(|octets| IoSlice::new(octets)).collect();
        let mut gather = Gather::new(&slices);
        let mut records = Vec::new();
        while !gather.is_empty() {
            records.push(match gather.next(limit) {
                Piece::Whole(piece) => {
                    gather.skip(piece.len());
                    piece.len().to_string()
                }
                Piece::Spread(length) => {
                    let mut copied = vec![0; length];
                    gather.copy(&mut copied);
                    assert_eq!(copied, vec![7; length]);
                    format!("{length}+")
                }
            });
        }
        records.join(" ")
    }

    #[test]
    fn small_slices_share_a_record_and_large_ones_are_not_copied() {
        let cases: [(&[usize], &str); 9] = [
            (&[], ""),
            (&[0, 0], ""),
            (&[100], "100"),
            (&[0, 100, 0], "100"),
            (&[100, 200, 300], "600+"),
            (&[200, 16_000], "16200+"),
            (&[200, 65_536], "200+ 16384 16384 16384 16384"),
            (&[20_000], "16384 3616"),
            (&[200, 300, 40_000, 5], "500+ 16384 16384 7237+"),
        ];
        for (lengths, expected) in cases {
            assert_eq!(plan(lengths, 16_384), expected, "{lengths:?}");
        }
    }
}
