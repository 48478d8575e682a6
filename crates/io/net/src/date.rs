//! The time as an answer says it.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

thread_local! {
    /// The second that was written last, and how: it is the same for all answers of that second.
    static WRITTEN: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) };
}

/// The value of a Date field (RFC 9110 §6.6.1), written once a second.
pub(crate) fn date() -> HeaderValue {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    WRITTEN.with_borrow_mut(|(written, value)| {
        if *written != second {
            // A date is always a value.
            if let Ok(new) = HeaderValue::from_str(&httpdate::fmt_http_date(now)) {
                (*written, *value) = (second, new);
            }
        }
        value.clone()
    })
}
