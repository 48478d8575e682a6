//! Finds where a head ends, once over each octet, and refuses what no head may hold.

use gatepost_model::limits::Limits;

use crate::error::HttpError;

/// What one head may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Octets of the whole head. Default 64 KiB.
    pub bytes: usize,
    /// Octets of the request line. Default 16 KiB; RFC 9112 §3 wants at least 8,000.
    pub start_line: usize,
    /// Field lines. Default 100.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for HeadLimits {
    fn from(limits: &Limits) -> Self {
        Self { bytes: limits.head_bytes, start_line: limits.head_bytes.min(16 * 1024), fields: limits.head_fields }
    }
}

/// A search for the empty line that ends a head or a trailer section.
///
/// Call [`find_end`](Self::find_end) with the same buffer, grown at its end, until it answers; each
/// octet is looked at once, so that a head that comes octet by octet costs no more than one that
/// comes whole. What it answers does not depend on how the octets were split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    at: usize,
    line: usize,
    lines: usize,
    start: usize,
    section: Section,
}

/// Where in a message the scan stands; each has its own rule for the first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Request,
    Response,
    Trailers,
}

/// A whole head in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where its first line begins: 2 if an empty line was skipped, else 0.
    pub start: usize,
    /// Where it ends, empty line included: the body begins here.
    pub end: usize,
    /// How many field lines it has.
    pub fields: usize,
}

impl Scan {
    /// For a request. One empty line may come before it (RFC 9112 §2.2).
    #[must_use]
    pub fn request() -> Self {
        Self::new(Section::Request)
    }

    /// For a response.
    #[must_use]
    pub fn response() -> Self {
        Self::new(Section::Response)
    }

    /// For a trailer section, which has no start line and may be empty.
    #[must_use]
    pub fn trailers() -> Self {
        Self::new(Section::Trailers)
    }

    fn new(section: Section) -> Self {
        Self { at: 0, line: 0, lines: 0, start: 0, section }
    }

    /// Goes on with the search; `None` asks for more octets.
    ///
    /// # Errors
    /// NUL, CR or LF outside a line end, a folded line, or a bound that was passed.
    pub fn find_end(&mut self, buffer: &[u8], limits: &HeadLimits) -> Result<Option<Span>, HttpError> {
        loop {
            let (view, over) = self.view(buffer, limits);
            self.refuse_fold(view)?;
            let Some(rest) = view.get(self.at..) else { return Ok(None) };
            let Some(found) = memchr::memchr3(b'\r', b'\n', 0, rest) else {
                self.at = view.len();
                return over.map_or(Ok(None), Err);
            };
            self.at = self.at.saturating_add(found);
            match (rest.get(found), rest.get(found.saturating_add(1))) {
                (Some(b'\r'), Some(b'\n')) => {}
                (Some(b'\r'), None) => return over.map_or(Ok(None), Err),
                (Some(b'\r'), _) => return Err(self.fault("CR without LF")),
                (Some(b'\n'), _) => return Err(self.fault("LF without CR")),
                _ => return Err(self.fault("NUL")),
            }
            if let Some(span) = self.end_line(limits)? {
                return Ok(Some(span));
            }
        }
    }

    /// The octets that the bounds let us look at, and the error for wanting more.
    fn view<'a>(&self, buffer: &'a [u8], limits: &HeadLimits) -> (&'a [u8], Option<HttpError>) {
        let (bound, error) = match self.section {
            Section::Request if self.lines == 0 && limits.start_line < limits.bytes => {
                (limits.start_line, HttpError::TargetTooLong)
            }
            Section::Trailers => (limits.bytes, HttpError::Trailer("it is too large")),
            Section::Request | Section::Response => (limits.bytes, HttpError::HeadTooLarge),
        };
        match buffer.get(..bound) {
            Some(view) => (view, Some(error)),
            None => (buffer, None),
        }
    }

    /// RFC 9112 §5.2: a server refuses obs-fold; so do we as a client.
    fn refuse_fold(&self, view: &[u8]) -> Result<(), HttpError> {
        let first_field = self.lines > 0 || self.section == Section::Trailers;
        if first_field && self.at == self.line && matches!(view.get(self.line), Some(b' ' | b'\t')) {
            return Err(self.fault("a folded line"));
        }
        Ok(())
    }

    /// Takes the line end at `at`; answers the span if it was the empty line.
    fn end_line(&mut self, limits: &HeadLimits) -> Result<Option<Span>, HttpError> {
        let empty = self.at == self.line;
        self.at = self.at.saturating_add(2);
        self.line = self.at;
        let start_lines = usize::from(self.section != Section::Trailers);
        if empty && self.lines >= start_lines {
            let fields = self.lines.saturating_sub(start_lines);
            return Ok(Some(Span { start: self.start, end: self.at, fields }));
        }
        if empty {
            if self.section == Section::Response || self.start > 0 {
                return Err(HttpError::StartLine("it is empty"));
            }
            self.start = self.at;
            return Ok(None);
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines.saturating_sub(start_lines) > limits.fields {
            return Err(match self.section {
                Section::Trailers => HttpError::Trailer("it has too many fields"),
                _ => HttpError::TooManyFields,
            });
        }
        Ok(None)
    }

    fn fault(&self, what: &'static str) -> HttpError {
        match (self.section, self.lines) {
            (Section::Trailers, _) => HttpError::Trailer(what),
            (_, 0) => HttpError::StartLine(what),
            _ => HttpError::Field(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 40, start_line: 20, fields: 2 };

    type Found = Result<Option<Span>, HttpError>;

    fn whole(mut scan: Scan, octets: &[u8]) -> Found {
        let answer = scan.clone().find_end(octets, &LIMITS);
        // Octet by octet, it says the same: an error perhaps earlier, never another.
        let mut grown = Ok(None);
        for end in 0..=octets.len() {
            grown = scan.find_end(&octets[..end], &LIMITS);
            if grown != Ok(None) {
                break;
            }
        }
        assert_eq!(grown, answer, "{octets:?}");
        answer
    }

    #[test]
    fn ends_are_found_and_faults_named() {
        let span = |start, end, fields| Ok(Some(Span { start, end, fields }));
        let table: &[(&[u8], Found)] = &[
            (b"", Ok(None)),
            (b"\r", Ok(None)),
            (b"GET / HTTP/1.1\r\n\r", Ok(None)),
            (b"GET / HTTP/1.1\r\n\r\nrest", span(0, 18, 0)),
            (b"\r\nG /\r\na:b\r\n\r\n\n\0", span(2, 14, 1)),
            (b"\r\n\r\nG /\r\n\r\n", Err(HttpError::StartLine("it is empty"))),
            (b"\nG /\r\n\r\n", Err(HttpError::StartLine("LF without CR"))),
            (b"G /\n\n", Err(HttpError::StartLine("LF without CR"))),
            (b"G /\r\r\n", Err(HttpError::StartLine("CR without LF"))),
            (b"G \0/\r\n\r\n", Err(HttpError::StartLine("NUL"))),
            (b"G /\r\na:b\n\r\n", Err(HttpError::Field("LF without CR"))),
            (b"G /\r\na:b\rc\r\n\r\n", Err(HttpError::Field("CR without LF"))),
            (b"G /\r\na:\0\r\n\r\n", Err(HttpError::Field("NUL"))),
            (b"G /\r\na:b\r\n c\r\n\r\n", Err(HttpError::Field("a folded line"))),
            (b"G /\r\n\ta:b\r\n\r\n", Err(HttpError::Field("a folded line"))),
            (b"G /\r\na:\r\nb:\r\nc:\r\n\r\n", Err(HttpError::TooManyFields)),
            (b"G /34567890123456789", Err(HttpError::TargetTooLong)),
            (b"G /345678901234567\r\n\r\n", span(0, 22, 0)),
            (b"G /\r\na:890123456789012345678901234567\r\n\r\n", Err(HttpError::HeadTooLarge)),
            (b"G /\r\na:89012345678901234567890123456\r\n\r\n\n", span(0, 40, 1)),
        ];
        for (octets, answer) in table {
            assert_eq!(whole(Scan::request(), octets), *answer, "{}", octets.escape_ascii());
        }
    }

    #[test]
    fn responses_and_trailers_have_their_own_first_line() {
        assert_eq!(whole(Scan::response(), b"\r\nHTTP"), Err(HttpError::StartLine("it is empty")));
        assert_eq!(whole(Scan::trailers(), b"\r\nGET"), Ok(Some(Span { start: 0, end: 2, fields: 0 })));
        assert_eq!(whole(Scan::trailers(), b"a:b\r\n\r\n"), Ok(Some(Span { start: 0, end: 7, fields: 1 })));
        assert_eq!(whole(Scan::trailers(), b" a:b\r\n\r\n"), Err(HttpError::Trailer("a folded line")));
        assert_eq!(whole(Scan::trailers(), b"a\nb"), Err(HttpError::Trailer("LF without CR")));
        assert_eq!(whole(Scan::trailers(), &[b'a'; 40]), Err(HttpError::Trailer("it is too large")));
    }
}
