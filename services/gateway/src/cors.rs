//! CORS for everything that comes through the gateway, Socket.IO and the event stream included: the services' own
//! `Access-Control-*` headers are dropped, so that there is one place that decides.
//!
//! `CORS_ALLOWED_ORIGINS` lists origins, or is `*`. Tokens travel in `Authorization`, never in cookies, except the
//! short-lived start cookie of the sign-in, which only plain navigation needs: credentials are never allowed.

/// Request headers a page may send.
pub const ALLOW_HEADERS: &str = "Authorization, Content-Type, Last-Event-ID, X-Account-ID, X-Request-ID, \
                                 X-Tenant-ID, X-User-ID, traceparent";
/// Response headers a page may read.
pub const EXPOSE_HEADERS: &str = "Content-Disposition, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, \
                                  Retry-After, X-Request-ID";
/// How long a browser may remember a preflight, in seconds.
pub const MAX_AGE: &str = "600";
