//! What we say that runs here (MS-NLMP 2.2.2.10).

/// Windows 10, and revision 15 of NTLM's signatures: nobody acts on the first, and some look for the second.
pub(crate) const VERSION: [u8; 8] = [10, 0, 0x63, 0x45, 0, 0, 0, 15];
