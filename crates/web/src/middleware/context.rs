//! The id and the trace of one request.

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use postrider_contracts::TraceContext;
use postrider_domain::Seams;
use std::future::{Ready, ready};

use crate::problem::Problem;

/// Longest request id taken from a caller.
const LONGEST: usize = 64;

/// What logs, answers and further calls of one request have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    pub request_id: String,
    pub trace: TraceContext,
    /// The caller's span, where it named one.
    pub(super) parent: Option<u64>,
}

impl RequestContext {
    /// The context the middleware made. Outside of it (a test of a single handler) a fresh one.
    pub fn of(request: &HttpRequest) -> Self {
        let found = request.extensions().get::<Self>().cloned();
        found.unwrap_or_else(|| Self::from_parts(None, None, &Seams::system()))
    }

    /// A context from a caller's id and `traceparent`; what is absent or not sane is made anew.
    pub(super) fn from_parts(request_id: Option<&str>, traceparent: Option<&str>, seams: &Seams) -> Self {
        let request_id = match request_id.filter(|id| is_sane(id)) {
            Some(id) => id.to_owned(),
            None => seams.ids.uuid().to_string(),
        };
        let (trace, parent) = match traceparent.and_then(|text| text.parse::<TraceContext>().ok()) {
            Some(parent) => (parent.child(seams.entropy.as_ref()), Some(parent.span_id)),
            None => (TraceContext::start(seams.entropy.as_ref()), None),
        };
        Self { request_id, trace, parent }
    }
}

impl FromRequest for RequestContext {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut dev::Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// Letters, digits, `-`, `_`, `.`: nothing that could change a log line or a header.
fn is_sane(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_and_trace_are_continued_and_others_replaced() {
        let seams = Seams::system();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let cx = RequestContext::from_parts(Some("abc-1"), Some(parent), &seams);
        assert_eq!(cx.request_id, "abc-1");
        assert_eq!(cx.trace.trace_id_hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(cx.trace.span_id, 0x00f0_67aa_0ba9_02b7);
        for bad in ["", "a b", "a\"b", "é", &"x".repeat(65)] {
            assert_ne!(RequestContext::from_parts(Some(bad), Some("00-0-0-0"), &seams).request_id, bad);
        }
    }
}
