//! Which Pub/Sub topic an account may be watched on, and the form of its name
//! (https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names).

/// Whether a text has the form `projects/<project>/topics/<topic>`.
pub fn is_valid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["projects", project, "topics", topic] => is_project(project) && is_topic(topic),
        _ => false,
    }
}

/// The topic to watch on: the one asked for, else the installation's own. `Err` where the installation has one and
/// another is asked for: Google keeps one watch for an account, so a second topic would silence everybody else who
/// connected that account.
pub fn chosen<'a>(asked: Option<&'a str>, own: Option<&'a str>) -> Result<Option<&'a str>, NotOurs> {
    match (asked, own) {
        (Some(asked), Some(own)) if asked != own => Err(NotOurs),
        (asked, own) => Ok(asked.or(own)),
    }
}

/// Another topic than the installation's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOurs;

fn is_project(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.:_".contains(c))
}

fn is_topic(text: &str) -> bool {
    (3..=255).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.starts_with("goog")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+%".contains(c))
}

#[cfg(test)]
mod tests {
    use super::{NotOurs, chosen, is_valid};

    #[test]
    fn an_installation_with_a_topic_takes_no_other() {
        assert_eq!(chosen(None, None), Ok(None));
        assert_eq!(chosen(Some("a"), None), Ok(Some("a")));
        assert_eq!(chosen(None, Some("a")), Ok(Some("a")));
        assert_eq!(chosen(Some("a"), Some("a")), Ok(Some("a")));
        assert_eq!(chosen(Some("b"), Some("a")), Err(NotOurs));
    }

    #[test]
    fn forms() {
        assert!(is_valid("projects/my-project/topics/gmail"));
        for bad in [
            "",
            "gmail",
            "projects/p/topics/",
            "projects//topics/gmail",
            "projects/p/topics/a b",
            "projects/p/topics/goog1",
            "projects/p/topics/gmail/x",
            "projects/p/subscriptions/gmail",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
