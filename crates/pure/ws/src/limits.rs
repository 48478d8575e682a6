//! How much a peer may ask of us.

/// The bounds of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest message that is taken, in octets, after inflating. Default: 16 MiB. Checked against
    /// declared lengths, over fragments, and while inflating; beyond it the connection ends with 1009.
    pub message: usize,
    /// How many control frames a second are taken, after a first burst of as many. Default: 100; 0
    /// takes none. Beyond it the connection ends with 1008.
    pub control_frames: u32,
    /// How many empty data frames a second are taken that do not end a message, after a first burst of
    /// as many. Default: 1,000; 0 takes none. They cost work and count against no other bound.
    /// Beyond it the connection ends with 1008.
    pub empty_frames: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 16 * 1024 * 1024, control_frames: 100, empty_frames: 1000 }
    }
}
