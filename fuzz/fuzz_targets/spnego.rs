//! Tokens of SPNEGO: DER has one spelling, so what is read is printed as it was.
#![no_main]

use gatepost_auth::spnego::token::Token;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    match Token::parse(octets) {
        Ok(Token::Answer(answer)) => assert_eq!(answer.to_octets(), octets),
        // Flags and hints are read past and not printed.
        Ok(Token::Init(init)) => assert_eq!(Token::parse(&init.to_octets()), Ok(Token::Init(init))),
        Ok(Token::Ntlm | Token::Kerberos) | Err(_) => {}
    }
});
