//! The form of a Pub/Sub topic's name (https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names).

/// Whether a text has the form `projects/<project>/topics/<topic>`.
pub fn is_valid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["projects", project, "topics", topic] => is_project(project) && is_topic(topic),
        _ => false,
    }
}

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
    use super::is_valid;

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
