//! `error {code, message}`: what a client did wrong, or may not do. Codes are stable.

use serde::Serialize;

/// An error told to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SocketProblem {
    pub code: &'static str,
    pub message: &'static str,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        impl SocketProblem {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, message: $message };)*
        }
    };
}

problems! {
    /// No token within the time allowed.
    NOT_AUTHENTICATED = "not_authenticated", "send authenticate with a token first";
    /// The token is malformed, forged, expired, or for somebody else.
    UNAUTHORIZED = "unauthorized", "the token is not valid";
    /// `userId`, `accountId` or `tenantId` differ from the token's owner, or another user's token came later.
    IDENTITY_MISMATCH = "identity_mismatch", "userId, tenantId and accountId must belong to the token";
    /// The token ran out and no new one came.
    TOKEN_EXPIRED = "token_expired", "the token has expired";
    /// The token does not allow it.
    SCOPE_MISSING = "scope_missing", "the token does not allow this";
    /// A room that is not one of the caller's two.
    ROOM_FORBIDDEN = "room_forbidden", "this room is not yours";
    /// The event's data is not what it should be.
    INVALID_PAYLOAD = "invalid_payload", "the event's data is malformed";
    /// An event name nobody handles.
    UNKNOWN_EVENT = "unknown_event", "there is no such event";
    /// No such notification of this user.
    NOT_FOUND = "not_found", "there is no such notification";
    /// The user has as many sockets on this replica as one may have.
    TOO_MANY_SOCKETS = "too_many_sockets", "you have too many open sockets, close some";
    /// `replay` of the handshake names a way of replaying that there is not.
    REPLAY_UNSUPPORTED = "replay_unsupported", "replays come event by event, or in batches: leave out replay, or say batch";
    /// Too many events in a short time.
    RATE_LIMITED = "rate_limited", "too many events, slow down";
    /// The database is away.
    UNAVAILABLE = "unavailable", "try again later";
}
