//! Which headers pass the gateway, in both directions.

/// Headers of one hop (RFC 9110 §7.6.1); those that `Connection` names come on top.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What a client must not be able to tell a service: identity, the way here, and what the gateway sets itself.
const SET_HERE: [&str; 13] = [
    // Services get the id it makes.
    "idempotency-key",
    "authorization",
    "x-tenant-id",
    "x-user-id",
    "x-request-id",
    "traceparent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "forwarded",
    "host",
    "content-length",
];

/// Whether a client's header goes on to the service. `names` is the value of its `Connection` headers, lower case.
/// Header names are lower case, as the `http` crate gives them.
pub fn passes_in(name: &str, named_by_connection: &str) -> bool {
    !is_hop(name, named_by_connection)
        && !SET_HERE.contains(&name)
        && name != "expect"
        // Every other identity-like header of ours, present and future.
        && !name.starts_with("x-postrider-")
        && !name.starts_with("x-internal-")
}

/// Whether a service's header goes back to the client. CORS and the request id are the gateway's own.
pub fn passes_out(name: &str, named_by_connection: &str) -> bool {
    !is_hop(name, named_by_connection)
        && !name.starts_with("access-control-")
        && !matches!(name, "x-request-id" | "content-length" | "date" | "server")
}

fn is_hop(name: &str, named_by_connection: &str) -> bool {
    HOP_BY_HOP.contains(&name) || named_by_connection.split(',').any(|listed| listed.trim() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_and_hop_headers_stay_here() {
        for name in [
            "authorization",
            "idempotency-key",
            "x-tenant-id",
            "x-user-id",
            "x-forwarded-for",
            "connection",
            "te",
            "upgrade",
        ] {
            assert!(!passes_in(name, ""), "{name}");
        }
        assert!(!passes_in("x-special", "close, x-special"));
        assert!(!passes_out("transfer-encoding", ""));
        assert!(!passes_out("access-control-allow-origin", ""));
    }

    #[test]
    fn what_services_need_passes() {
        for name in [
            "cookie",
            "content-type",
            "accept",
            "x-account-id",
            "x-goog-channel-id",
            "x-goog-pubsub-message-id",
            "last-event-id",
        ] {
            assert!(passes_in(name, "keep-alive"), "{name}");
        }
        for name in ["set-cookie", "location", "content-type", "retry-after", "content-disposition", "cache-control"] {
            assert!(passes_out(name, ""), "{name}");
        }
    }
}
