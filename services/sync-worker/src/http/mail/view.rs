//! A mail as the API writes it, in lists and alone.

use postrider_domain::{LabelId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::content::invitation::{Invitation, Moment};
use crate::store::labels::LabelNames;
use crate::store::{attachments, emails, references};

/// Name and address of a sender.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sender {
    pub name: String,
    pub email: String,
}

/// A mail in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mail {
    pub id: Uuid,
    pub connector_id: Uuid,
    /// Gmail's id, unique in one mailbox.
    pub message_id: String,
    pub thread_id: String,
    /// Decimal text.
    pub history_id: String,
    pub rfc_message_id: String,
    pub subject: String,
    pub sender: Sender,
    /// `{to, cc, bcc, reply_to}`, each a list of `{name, email}`.
    #[schema(value_type = Object)]
    pub recipients: Value,
    pub snippet: String,
    pub label_ids: Vec<String>,
    pub folder: String,
    pub unread: bool,
    pub has_attachments: bool,
    pub size_bytes: i64,
    /// Google's internalDate.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    pub is_deleted: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_at: Option<Timestamp>,
    pub processed: bool,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A mail with its content.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailDetail {
    #[serde(flatten)]
    pub mail: Mail,
    /// `[[name, value]]`, in the mail's order.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Value,
    pub text: Option<String>,
    /// Sanitised: no scripts, no remote loads unless asked for; pictures of the mail are at its attachments' route.
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
    pub references: Vec<Reference>,
    /// The gist of the first calendar part; null where there is none.
    pub invitation: Option<Invited>,
    /// `smime_signed`, `smime_encrypted`, `pgp_signed`, `pgp_encrypted`; null where the mail is neither.
    pub protection: Option<String>,
}

/// What an invitation says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct Invited {
    /// The calendar part.
    pub attachment_id: Option<Uuid>,
    /// `REQUEST`, `REPLY`, `CANCEL` and so on.
    pub method: Option<String>,
    pub summary: Option<String>,
    pub location: Option<String>,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
    pub organizer: Option<Sender>,
}

/// An attachment's metadata.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attachment {
    pub id: Uuid,
    pub filename: String,
    pub content_type: String,
    pub size_bytes: i64,
    pub content_id: Option<String>,
    pub inline: bool,
    /// `listed`, `stored`, `skipped`, `failed`.
    pub state: &'static str,
}

/// Somebody who holds on to the mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reference {
    pub kind: String,
    #[serde(rename = "ref")]
    pub reference: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl Mail {
    /// The row, in a folder by the name its label has now: a label may be renamed after the mail was stored.
    pub fn new(row: emails::Email, names: &LabelNames) -> Self {
        Self {
            folder: names.folder(row.connector_id, &row.label_ids),
            id: row.email_id.0,
            connector_id: row.connector_id.0,
            message_id: row.message_id.into_string(),
            thread_id: row.thread_id.into_string(),
            history_id: row.history_id.to_string(),
            rfc_message_id: row.rfc_message_id,
            subject: row.subject,
            sender: Sender { name: row.sender_name, email: row.sender_email },
            recipients: row.recipients,
            snippet: row.snippet,
            label_ids: row.label_ids.into_iter().map(LabelId::into_string).collect(),
            unread: row.unread,
            has_attachments: row.has_attachments,
            size_bytes: row.size_bytes,
            received_at: row.received_at,
            is_deleted: row.is_deleted,
            deleted_at: row.deleted_at,
            processed: row.processed,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl MailDetail {
    /// Joins what the tables know about one mail.
    pub fn new(
        mail: Mail,
        body: emails::Body,
        attachments: Vec<attachments::Attachment>,
        references: Vec<references::Reference>,
    ) -> Self {
        let invitation = body.invitation.and_then(|stored| serde_json::from_value::<Invitation>(stored).ok());
        let invitation = invitation.map(|invitation| Invited::new(invitation, &attachments));
        Self {
            mail,
            invitation,
            protection: body.protection,
            headers: body.headers,
            text: body.text,
            html: body.html,
            attachments: attachments.into_iter().map(Attachment::from).collect(),
            references: references.into_iter().map(Reference::from).collect(),
        }
    }
}

impl Invited {
    fn new(invitation: Invitation, attachments: &[attachments::Attachment]) -> Self {
        let part = attachments.iter().find(|row| row.part_id == invitation.part_id);
        Self {
            attachment_id: part.map(|row| row.attachment_id),
            method: invitation.method,
            summary: invitation.summary,
            location: invitation.location,
            start: invitation.start,
            end: invitation.end,
            organizer: invitation.organizer.map(|person| Sender { name: person.name, email: person.email }),
        }
    }
}

impl From<attachments::Attachment> for Attachment {
    fn from(row: attachments::Attachment) -> Self {
        Self {
            id: row.attachment_id,
            filename: row.filename,
            content_type: row.content_type,
            size_bytes: row.size_bytes,
            content_id: Some(row.content_id).filter(|id| !id.is_empty()),
            inline: row.inline,
            state: row.state.as_str(),
        }
    }
}

impl From<references::Reference> for Reference {
    fn from(row: references::Reference) -> Self {
        Self { kind: row.kind, reference: row.reference, created_at: row.created_at }
    }
}
