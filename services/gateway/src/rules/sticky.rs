//! Keeps a polling session on the replica that made it, without a table: the session id a client sees is
//! `<tag of the replica>.<the replica's own id>`. Every gateway reads it alike, and none has to remember anything.

/// Separates tag and id. Engine.IO ids are URL-safe base64 and never hold it.
const SEPARATOR: char = '.';

/// A short tag of a replica's URL, the same in every gateway (FNV-1a, 32 bits: a name, not a secret).
pub fn tag(url: &str) -> String {
    let hash = url.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

/// The query with the replica's own session id, and the tag that stood before it; the query as it is when it names no
/// tagged session.
pub fn untag(query: &str) -> (String, Option<String>) {
    let mut found = None;
    let parts: Vec<String> = query
        .split('&')
        .map(|part| match part.strip_prefix("sid=").and_then(|sid| sid.split_once(SEPARATOR)) {
            Some((tag, sid)) => {
                found = Some(tag.to_owned());
                format!("sid={sid}")
            }
            None => part.to_owned(),
        })
        .collect();
    (parts.join("&"), found)
}

/// Longest id of a session as a client knows it: a tag, and the listener's own 20 characters or so.
const LONGEST: usize = 128;

/// The session a request names; none if it names none, or several (whose request is it then?), or what no listener gave.
pub fn session(query: &str) -> Option<&str> {
    let mut named = query.split('&').filter_map(|part| part.strip_prefix("sid="));
    let (only, None) = (named.next()?, named.next()) else { return None };
    (1..=LONGEST).contains(&only.len()).then_some(only)
}

/// Whether a request opens a session: an Engine.IO request without `sid`.
pub fn opens(query: &str) -> bool {
    !query.split('&').any(|part| part.starts_with("sid="))
}

/// The answer to an opening poll (`0{"sid":"…",…}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub body: String,
    /// The session's id as the client knows it.
    pub sid: String,
}

/// Reads the answer to an opening poll and puts the tag, if there is one, before the id; none when it is something else.
/// https://github.com/socketio/engine.io-protocol: the open packet is type `0` and JSON, packets part at U+001E.
pub fn opening(body: &str, tag: Option<&str>) -> Option<Opening> {
    let packet = body.strip_prefix('0')?;
    let (open, rest) = match packet.split_once('\u{1e}') {
        Some((open, rest)) => (open, Some(rest)),
        None => (packet, None),
    };
    let mut open: serde_json::Map<String, serde_json::Value> = serde_json::from_str(open).ok()?;
    let own = open.get("sid")?.as_str()?.to_owned();
    let Some(tag) = tag else { return Some(Opening { body: body.to_owned(), sid: own }) };
    let sid = format!("{tag}{SEPARATOR}{own}");
    open.insert("sid".to_owned(), sid.clone().into());
    let open = serde_json::Value::Object(open);
    let body = match rest {
        Some(rest) => format!("0{open}\u{1e}{rest}"),
        None => format!("0{open}"),
    };
    Some(Opening { body, sid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tagged_comes_back_untagged() {
        let tag = tag("http://10.0.0.7:8013");
        let answer = r#"0{"sid":"AbC_-1","upgrades":["websocket"],"pingInterval":25000}"#;
        let Opening { body, sid } = opening(answer, Some(&tag)).unwrap();
        assert_eq!(sid, format!("{tag}.AbC_-1"));
        assert!(body.starts_with('0') && body.contains(&sid), "{body}");
        let (query, found) = untag(&format!("EIO=4&transport=polling&sid={sid}&t=x"));
        assert_eq!(query, "EIO=4&transport=polling&sid=AbC_-1&t=x");
        assert_eq!(found, Some(tag));
    }

    #[test]
    fn later_packets_of_the_same_answer_stay() {
        let two = "0{\"sid\":\"a\"}\u{1e}40{\"sid\":\"b\"}";
        assert_eq!(opening(two, Some("t")).unwrap().body, "0{\"sid\":\"t.a\"}\u{1e}40{\"sid\":\"b\"}");
        assert_eq!(opening(two, None), Some(Opening { body: two.to_owned(), sid: "a".to_owned() }));
    }

    #[test]
    fn other_answers_and_untagged_sessions_stay_as_they_are() {
        assert_eq!(opening(r#"{"code":0,"message":"Transport unknown"}"#, Some("t")), None);
        assert_eq!(opening("2", None), None);
        assert_eq!(untag("EIO=4&sid=plain"), ("EIO=4&sid=plain".to_owned(), None));
        assert!(opens("EIO=4&transport=polling"));
        assert!(!opens("EIO=4&sid=plain"));
        assert_eq!(session("EIO=4&sid=tag.plain&t=1"), Some("tag.plain"));
        let long = format!("sid={}", "a".repeat(129));
        for none in ["EIO=4", "sid=a&sid=b", "sid=", "xsid=a", &long] {
            assert_eq!(session(none), None, "{none}");
        }
    }

    #[test]
    fn replicas_have_different_tags() {
        assert_ne!(tag("http://n1:8013"), tag("http://n2:8013"));
    }
}
