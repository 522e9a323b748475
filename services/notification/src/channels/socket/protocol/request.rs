//! What an authenticated client may ask for.

use postrider_domain::NotificationId;
use serde_json::Value as Json;

use super::handshake::{Credentials, Resume, resume};
use super::problem::SocketProblem;

/// Longest text a client may have echoed by `pong`, in bytes.
const MAX_ECHO: usize = 64;

/// A well-formed request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Authenticate(Credentials),
    Subscribe { room: String, resume: Option<Resume> },
    Unsubscribe { room: String },
    Read(NotificationId),
    Archive(NotificationId),
    Ping { timestamp: Json },
}

fn text(data: &Json, name: &str) -> Result<String, SocketProblem> {
    data.get(name).and_then(Json::as_str).map(str::to_owned).ok_or(SocketProblem::INVALID_PAYLOAD)
}

fn notification(data: &Json) -> Result<NotificationId, SocketProblem> {
    text(data, "notificationId")?.parse().map_err(|_| SocketProblem::NOT_FOUND)
}

/// Reads an event by its name.
pub fn parse(event: &str, data: &Json) -> Result<Request, SocketProblem> {
    match event {
        "authenticate" => {
            serde_json::from_value(data.clone()).map(Request::Authenticate).map_err(|_| SocketProblem::INVALID_PAYLOAD)
        }
        "subscribe" => Ok(Request::Subscribe { room: text(data, "room")?, resume: resume(data)? }),
        "unsubscribe" => Ok(Request::Unsubscribe { room: text(data, "room")? }),
        "notification:read" => notification(data).map(Request::Read),
        "notification:archive" => notification(data).map(Request::Archive),
        "ping" => match data.get("timestamp") {
            Some(timestamp @ Json::Number(_)) => Ok(Request::Ping { timestamp: timestamp.clone() }),
            Some(Json::String(text)) if text.len() <= MAX_ECHO => Ok(Request::Ping { timestamp: text.clone().into() }),
            None | Some(Json::Null) => Ok(Request::Ping { timestamp: Json::Null }),
            Some(_) => Err(SocketProblem::INVALID_PAYLOAD),
        },
        _ => Err(SocketProblem::UNKNOWN_EVENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hostile_data_is_refused_by_name() {
        for event in ["authenticate", "subscribe", "unsubscribe", "notification:read", "notification:archive"] {
            for data in [json!(null), json!([]), json!(7), json!("x"), json!({}), json!({"room": 7, "token": []})] {
                assert!(parse(event, &data).is_err(), "{event} {data}");
            }
        }
        assert_eq!(parse("drop", &json!({})), Err(SocketProblem::UNKNOWN_EVENT));
        assert_eq!(parse("notification:read", &json!({"notificationId": "x"})), Err(SocketProblem::NOT_FOUND));
        assert!(parse("ping", &json!({"timestamp": {"a": 1}})).is_err());
        assert!(parse("ping", &json!({"timestamp": "x".repeat(65)})).is_err());
        assert!(parse("subscribe", &json!({"room": "r", "lastEventId": 7})).is_err());
    }

    #[test]
    fn an_unknown_event_id_is_kept_as_such() {
        let Ok(Request::Subscribe { resume, .. }) = parse("subscribe", &json!({"room": "r", "lastEventId": "42"}))
        else {
            panic!("a subscription");
        };
        assert_eq!(resume, Some(Resume::Unknown));
    }
}
