//! Chunked bodies: however the octets are split, the body, its end and its error are the same.
//! The first octet says how to split the rest.
#![no_main]

use gatepost_http::decoder::{Decoder, Part};
use gatepost_http::error::HttpError;
use gatepost_http::framing::Framing;
use gatepost_http::scan::HeadLimits;
use http::HeaderMap;

/// The body, what is left after its end, its trailers; or the error with what came before.
type Read = (Vec<u8>, Result<Option<(usize, Option<HeaderMap>)>, HttpError>);

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Some((step, octets)) = octets.split_first() else { return };
    let (whole, whole_end) = read(octets, octets.len().max(1));
    let (split, split_end) = read(octets, usize::from(*step) + 1);
    assert_eq!((split, split_end), (whole.clone(), whole_end.clone()));
    let (one, one_end) = read(octets, 1);
    assert_eq!((one, one_end), (whole, whole_end));
});

fn read(octets: &[u8], step: usize) -> Read {
    let mut decoder = Decoder::new(Framing::Chunked, Some(1000), HeadLimits { bytes: 300, start_line: 300, fields: 5 });
    let (mut body, mut buffer, mut fed) = (Vec::new(), Vec::new(), 0);
    loop {
        match decoder.decode(&buffer) {
            Err(error) => return (body, Err(error)),
            Ok(Part::Data(data)) => {
                assert!(!data.is_empty());
                body.extend_from_slice(&buffer[data.clone()]);
                buffer.drain(..data.end);
            }
            Ok(Part::End { used, trailers }) => {
                assert!(decoder.is_done());
                return (body, Ok(Some((fed - buffer.len() + used, trailers))));
            }
            Ok(Part::Need { used }) => {
                buffer.drain(..used);
                if fed == octets.len() {
                    assert!(decoder.end_of_input().is_err());
                    return (body, Ok(None));
                }
                let end = octets.len().min(fed + step);
                buffer.extend_from_slice(&octets[fed..end]);
                fed = end;
            }
        }
    }
}
