//! Where each part stands in the mail.

use std::collections::HashMap;

use mail_parser::{Message, MessagePartId, PartType};

use super::limits;

/// Paths such as `1.0`, counted from 0 as Gmail's part ids are: the second part's first part. The only part of a
/// simple mail is `0`. Attached mails are not entered. The second value tells whether parts were too deep to get one.
pub(super) fn paths(message: &Message<'_>) -> (HashMap<MessagePartId, String>, bool) {
    let mut paths = HashMap::new();
    let mut too_deep = false;
    // An explicit stack: a mail may nest deeper than a thread's stack reaches.
    let mut open: Vec<(MessagePartId, String, usize)> = vec![(0, String::new(), 0)];
    while let Some((id, path, depth)) = open.pop() {
        if depth > limits::NESTING {
            too_deep = true;
            continue;
        }
        if let Some(PartType::Multipart(children)) = message.part(id).map(|part| &part.body) {
            let child = |(at, child): (usize, &MessagePartId)| {
                let path = if path.is_empty() { at.to_string() } else { format!("{path}.{at}") };
                (*child, path, depth + 1)
            };
            // A child comes after its parent; anything else would go round in circles.
            open.extend(children.iter().enumerate().filter(|(_, child)| **child > id).map(child));
        }
        paths.insert(id, if path.is_empty() { "0".to_owned() } else { path });
    }
    (paths, too_deep)
}
