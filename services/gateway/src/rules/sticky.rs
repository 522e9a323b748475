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

/// Whether a request opens a session: an Engine.IO request without `sid`.
pub fn opens(query: &str) -> bool {
    !query.split('&').any(|part| part.starts_with("sid="))
}

/// The answer to an opening poll (`0{"sid":"…",…}`) with the tag put before the id; none when it is something else.
/// https://github.com/socketio/engine.io-protocol: the open packet is type `0` and JSON, packets part at U+001E.
pub fn tag_open_packet(body: &str, tag: &str) -> Option<String> {
    let packet = body.strip_prefix('0')?;
    let (open, rest) = match packet.split_once('\u{1e}') {
        Some((open, rest)) => (open, Some(rest)),
        None => (packet, None),
    };
    let mut open: serde_json::Map<String, serde_json::Value> = serde_json::from_str(open).ok()?;
    let tagged = format!("{tag}{SEPARATOR}{}", open.get("sid")?.as_str()?);
    open.insert("sid".to_owned(), tagged.into());
    let open = serde_json::Value::Object(open);
    Some(match rest {
        Some(rest) => format!("0{open}\u{1e}{rest}"),
        None => format!("0{open}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tagged_comes_back_untagged() {
        let tag = tag("http://10.0.0.7:8013");
        let body = tag_open_packet(r#"0{"sid":"AbC_-1","upgrades":["websocket"],"pingInterval":25000}"#, &tag).unwrap();
        let sid = format!("{tag}.AbC_-1");
        assert!(body.starts_with('0') && body.contains(&sid), "{body}");
        let (query, found) = untag(&format!("EIO=4&transport=polling&sid={sid}&t=x"));
        assert_eq!(query, "EIO=4&transport=polling&sid=AbC_-1&t=x");
        assert_eq!(found, Some(tag));
    }

    #[test]
    fn later_packets_of_the_same_answer_stay() {
        let body = tag_open_packet("0{\"sid\":\"a\"}\u{1e}40{\"sid\":\"b\"}", "t").unwrap();
        assert_eq!(body, "0{\"sid\":\"t.a\"}\u{1e}40{\"sid\":\"b\"}");
    }

    #[test]
    fn other_answers_and_untagged_sessions_stay_as_they_are() {
        assert_eq!(tag_open_packet(r#"{"code":0,"message":"Transport unknown"}"#, "t"), None);
        assert_eq!(tag_open_packet("2", "t"), None);
        assert_eq!(untag("EIO=4&sid=plain"), ("EIO=4&sid=plain".to_owned(), None));
        assert!(opens("EIO=4&transport=polling"));
        assert!(!opens("EIO=4&sid=plain"));
    }

    #[test]
    fn replicas_have_different_tags() {
        assert_ne!(tag("http://n1:8013"), tag("http://n2:8013"));
    }
}
