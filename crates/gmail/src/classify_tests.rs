//! Every refusal the client tells apart, in the forms Google and its stand-ins write it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    "2026-11-21T03:00:00Z".parse().unwrap()
}

fn document(reason: &str, message: &str) -> Value {
    json!({"error": {"code": 0, "message": message, "errors": [{"reason": reason, "message": message, "domain": "x"}]}})
}

fn told(method: Method, status: u16, body: &Value) -> GmailError {
    let refusal = Refusal { status, retry_after: None, body: Document::read(body.to_string().as_bytes()) };
    classify(method, &refusal, now())
}

fn quota(retry_at: Option<Timestamp>) -> GmailError {
    GmailError::RateLimited { kind: LimitKind::Quota, retry_at }
}

fn concurrency(retry_at: Option<Timestamp>) -> GmailError {
    GmailError::RateLimited { kind: LimitKind::Concurrency, retry_at }
}

fn reason(text: &str) -> String {
    text.to_owned()
}

#[test]
fn every_row_of_the_table() {
    use Method::{GetProfile, HistoryList, MessagesGet, MessagesList, Watch};
    let watch = "Only one user push notification client allowed per developer (call /stop then try again)";
    let metric = "Quota exceeded for quota metric 'Total quota' and limit 'Total quota per minute per user' of service";
    let daily = "Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service";
    let rows = [
        (
            MessagesGet,
            400,
            "failedPrecondition",
            "Precondition check failed.",
            GmailError::FailedPrecondition { reason: reason("400 failedPrecondition") },
        ),
        (GetProfile, 400, "failedPrecondition", "Mail service not enabled", GmailError::MailServiceOff),
        (Watch, 400, "failedPrecondition", watch, GmailError::WatchTaken),
        (MessagesGet, 400, "badRequest", "Bad Request", GmailError::BadRequest { reason: reason("400 badRequest") }),
        (
            MessagesGet,
            400,
            "invalidArgument",
            "Invalid id value",
            GmailError::BadRequest { reason: reason("400 invalidArgument") },
        ),
        (MessagesList, 400, "invalidArgument", "Invalid pageToken", GmailError::PageGone),
        (HistoryList, 400, "invalidArgument", "Invalid startHistoryId", GmailError::HistoryGone),
        (GetProfile, 401, "authError", "Invalid Credentials", GmailError::Auth),
        (MessagesGet, 403, "rateLimitExceeded", "Rate Limit Exceeded", quota(None)),
        (MessagesGet, 403, "userRateLimitExceeded", "User Rate Limit Exceeded", quota(None)),
        (MessagesGet, 403, "quotaExceeded", "", quota(None)),
        (MessagesGet, 403, "", metric, quota(None)),
        (MessagesGet, 403, "dailyLimitExceeded", "Daily Limit Exceeded", GmailError::DailyLimit { retry_at: None }),
        (MessagesGet, 429, "rateLimitExceeded", daily, GmailError::DailyLimit { retry_at: None }),
        (
            GetProfile,
            403,
            "domainPolicy",
            "The domain administrators have disabled Gmail apps.",
            GmailError::DomainPolicy,
        ),
        (
            GetProfile,
            403,
            "accessNotConfigured",
            "Gmail API has not been used in project 1 before",
            GmailError::ApiDisabled,
        ),
        (GetProfile, 403, "insufficientPermissions", "Insufficient Permission", GmailError::ScopeMissing),
        (
            GetProfile,
            403,
            "forbidden",
            "Delegation denied for secret@example.com",
            GmailError::Permanent { reason: reason("403 forbidden") },
        ),
        (HistoryList, 404, "notFound", "Requested entity was not found.", GmailError::HistoryGone),
        (MessagesGet, 404, "notFound", "Requested entity was not found.", GmailError::NotFound),
        (MessagesGet, 429, "rateLimitExceeded", "Too many concurrent requests for user", concurrency(None)),
        (MessagesGet, 429, "", metric, quota(None)),
        (
            MessagesGet,
            500,
            "backendError",
            "Backend Error",
            GmailError::Transient { reason: reason("500 backendError"), retry_at: None },
        ),
    ];
    for (method, status, word, message, expected) in rows {
        assert_eq!(told(method, status, &document(word, message)), expected, "{status} {word} {message}");
    }
    for status in [408, 500, 502, 503, 504, 302] {
        assert!(matches!(told(MessagesGet, status, &json!({})), GmailError::Transient { .. }), "{status}");
    }
}

#[test]
fn newer_error_documents_are_read_too() {
    let exhausted = json!({"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]}});
    assert_eq!(told(Method::MessagesGet, 429, &exhausted), concurrency(Some(now() + TimeDelta::seconds(7))));
    let scope = json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
        "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}});
    assert_eq!(told(Method::MessagesGet, 403, &scope), GmailError::ScopeMissing);
}

#[test]
fn the_latest_retry_time_wins() {
    let text = "User-rate limit exceeded.  Retry after 2026-11-21T03:10:00.000Z";
    let body = document("userRateLimitExceeded", text);
    let at = Some("2026-11-21T03:10:00Z".parse().unwrap());
    assert_eq!(told(Method::MessagesGet, 403, &body), quota(at));
    let body = Document::read(body.to_string().as_bytes());
    let both = Refusal { status: 429, retry_after: Some("1200".to_owned()), body };
    assert_eq!(classify(Method::MessagesGet, &both, now()).retry_at(), Some("2026-11-21T03:20:00Z".parse().unwrap()));
}

#[test]
fn what_is_no_error_document_is_judged_by_its_status() {
    for body in [&b""[..], b"<html>", b"[]", b"{\"error\": 5}", b"{\"error\": \"invalid_grant\"}", b"null"] {
        let refusal = Refusal { status: 503, retry_after: Some("5".to_owned()), body: Document::read(body) };
        let error = classify(Method::MessagesGet, &refusal, now());
        assert_eq!(error.retry_at(), Some(now() + TimeDelta::seconds(5)));
        assert!(error.is_transient());
    }
}

#[test]
fn messages_of_googles_are_never_kept() {
    let body = document("forbidden", "Delegation denied for secret@example.com");
    for status in [400, 401, 403, 404, 409, 429, 500] {
        let error = told(Method::MessagesGet, status, &body);
        assert!(!format!("{error:?} {error}").contains("secret@"), "{error:?}");
    }
}
