//! Stable codes of the problems this crate itself answers. Services add their own as constants of the same kind.

/// 400: the body is not JSON.
pub const MALFORMED_JSON: &str = "malformed_json";
/// 400: the request cannot be read.
pub const BAD_REQUEST: &str = "bad_request";
/// 401: no token, or one that does not hold.
pub const UNAUTHORIZED: &str = "unauthorized";
/// 401 between services: the token is ours, but the clocks of the two machines differ too much. 503 to a client.
pub const CLOCK_DRIFT: &str = "clock_drift";
/// 403: the caller may not do this.
pub const FORBIDDEN: &str = "forbidden";
/// 403: the token lacks a scope.
pub const INSUFFICIENT_SCOPE: &str = "insufficient_scope";
/// 404: there is no such thing, or it is not the caller's.
pub const NOT_FOUND: &str = "not_found";
/// 405: the path exists, the method does not.
pub const METHOD_NOT_ALLOWED: &str = "method_not_allowed";
/// 408: the body did not arrive in time.
pub const REQUEST_TIMEOUT: &str = "request_timeout";
/// 409: the state does not allow it.
pub const CONFLICT: &str = "conflict";
/// 413: the body is larger than the limit.
pub const PAYLOAD_TOO_LARGE: &str = "payload_too_large";
/// 415: the body's type is not the wanted one.
pub const UNSUPPORTED_MEDIA_TYPE: &str = "unsupported_media_type";
/// 422: a member is unknown, missing, of the wrong type or out of range.
pub const INVALID_REQUEST: &str = "invalid_request";
/// 429: too many requests.
pub const RATE_LIMITED: &str = "rate_limited";
/// 500: our mistake.
pub const INTERNAL_ERROR: &str = "internal_error";
/// 503: something we need is down.
pub const UNAVAILABLE: &str = "unavailable";
/// 503: the database is down, restarting, or gave the transaction up.
pub const DATABASE_UNAVAILABLE: &str = "database_unavailable";
/// 503: not ready to take requests.
pub const NOT_READY: &str = "not_ready";

/// The code of a status that a library chose.
pub fn of_status(status: u16) -> &'static str {
    match status {
        401 => UNAUTHORIZED,
        403 => FORBIDDEN,
        404 => NOT_FOUND,
        405 => METHOD_NOT_ALLOWED,
        408 => REQUEST_TIMEOUT,
        409 => CONFLICT,
        413 => PAYLOAD_TOO_LARGE,
        415 => UNSUPPORTED_MEDIA_TYPE,
        422 => INVALID_REQUEST,
        429 => RATE_LIMITED,
        503 => UNAVAILABLE,
        500..=599 => INTERNAL_ERROR,
        _ => BAD_REQUEST,
    }
}
