//! Triggers: which new mail sets one off. No IO.

use postrider_contracts::mailbox::EmailSummary;
use postrider_domain::ConnectorId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Preferences;
use super::preferences::{Folder, Sender, Way};

postrider_domain::words! {
    /// What sets a trigger off.
    #[derive(Serialize, Deserialize, utoipa::ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum TriggerType {
        /// A new mail.
        Email = "email",
        /// A signed request.
        Webhook = "webhook",
    }
}

/// Of type `webhook`: there is nothing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// What a mail of one account must be; what is left out does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TriggerConfig)]
pub struct Config {
    #[schema(value_type = String)]
    pub connector_id: Uuid,
    /// The sender: `a@b.c` or `*@b.c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Sender>,
    /// Among `To` and `Cc`: `a@b.c` or `*@b.c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Sender>,
    /// Stands in the subject, in whatever case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// All of these, by id or name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Folder>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_attachment: Option<bool>,
    /// Stands in the mail's text, in whatever case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
}

/// What is in force for what a trigger says: its own channels beside those its user has chosen.
pub fn widened(values: Preferences, also: &[String]) -> Preferences {
    let more: Vec<Way> = also.iter().filter_map(|name| name.parse().ok()).collect();
    let push_enabled = values.push_enabled || more.contains(&Way::Push);
    let mut channels = values.channels;
    channels.extend(more.into_iter().filter(|way| !channels.contains(way)).collect::<Vec<_>>());
    Preferences { channels, push_enabled, ..values }
}

impl Config {
    /// Whose mail.
    pub fn account(&self) -> ConnectorId {
        ConnectorId(self.connector_id)
    }

    /// Whether the text of a mail is that of one that is meant.
    pub fn text_matches(&self, text: &str) -> bool {
        self.body_contains.as_ref().is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
    }

    /// Whether a mail of the account is meant, as far as its event says: its text is looked into after that.
    pub fn matches(&self, mail: &EmailSummary) -> bool {
        let from = mail.from.as_ref().map_or("", |from| from.email.as_str());
        let mut told = mail.to.iter().chain(&mail.cc);
        let lower = mail.subject.to_lowercase();
        let labelled = |wanted: &Folder| mail.labels.iter().any(|label| wanted.matches(&label.id, &label.name));
        self.from.as_ref().is_none_or(|wanted| wanted.matches(from))
            && self.to.as_ref().is_none_or(|wanted| told.any(|to| wanted.matches(&to.email)))
            && self.subject.as_ref().is_none_or(|wanted| lower.contains(&wanted.to_lowercase()))
            && self.labels.iter().all(labelled)
            && self.has_attachment.is_none_or(|wanted| wanted == mail.has_attachments)
    }
}

#[cfg(test)]
mod tests {
    use postrider_contracts::mailbox::{Address, Label};
    use serde_json::{Value, json};

    use super::*;

    fn address(email: &str) -> Address {
        Address { name: String::new(), email: email.to_owned() }
    }

    #[test]
    fn all_that_is_named_must_hold() {
        let mail = EmailSummary {
            from: Some(address("orders@shop.example")),
            to: vec![address("me@b.c")],
            cc: vec![address("team@b.c")],
            subject: "Ihre BESTELLUNG 7".to_owned(),
            labels: vec![Label { id: "Label_1".to_owned(), name: "Orders".to_owned() }],
            has_attachments: true,
            ..EmailSummary::default()
        };
        let matches = |conditions: Value| {
            let mut config = conditions;
            config["connector_id"] = json!(Uuid::nil());
            serde_json::from_value::<Config>(config).unwrap().matches(&mail)
        };
        for good in [
            json!({}),
            json!({ "from": "*@Shop.example", "to": "team@b.c", "subject": "bestellung" }),
            json!({ "labels": ["orders", "Label_1"], "has_attachment": true }),
        ] {
            assert!(matches(good.clone()), "{good}");
        }
        for bad in [
            json!({ "from": "other@shop.example" }),
            json!({ "to": "*@shop.example" }),
            json!({ "subject": "rechnung" }),
            json!({ "labels": ["orders", "INBOX"] }),
            json!({ "has_attachment": false }),
            json!({ "from": "*@shop.example", "has_attachment": false }),
        ] {
            assert!(!matches(bad.clone()), "{bad}");
        }
    }
}
