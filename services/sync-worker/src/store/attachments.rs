//! `attachments`: metadata of what hangs on mails.

mod listing;

use std::ops::Range;

use postrider_domain::{ConnectorId, EmailId, TenantId, Timestamp, UserId, words};
use postrider_mail::{Lines, Slice, Written};
use postrider_storage::{Error, SystemTx, TenantTx, row, sql};
use uuid::Uuid;

pub use self::listing::{insert, replace};

words! {
    /// Where an attachment's bytes are.
    pub enum AttachmentState {
        /// With Gmail only.
        Listed = "listed",
        Stored = "stored",
        /// Larger than its owner wants it kept.
        Skipped = "skipped",
        Failed = "failed",
    }
}

row! {
    /// An attachment's metadata.
    #[derive(Debug)]
    pub struct Attachment {
        pub attachment_id: Uuid,
        pub filename: String,
        pub content_type: String,
        pub size_bytes: i64,
        pub content_id: String,
        pub inline: bool,
        pub state: AttachmentState,
        /// Its place in the MIME tree.
        pub part_id: String,
    }

    /// An attachment, and where its bytes are.
    #[derive(Debug)]
    pub struct Part {
        pub connector_id: ConnectorId,
        pub owner: UserId,
        /// Its place in the MIME tree.
        pub part_id: String,
        pub filename: String,
        pub content_type: String,
        pub size_bytes: i64,
        /// Size of the whole mail.
        pub source_bytes: i64,
        pub begins_at: Option<i64>,
        pub ends_at: Option<i64>,
        pub written: Option<i16>,
        pub line_digits: Option<i32>,
        pub line_bytes: Option<i32>,
        /// Where its bytes are kept, if they are.
        pub blob_key: Option<String>,
        /// Its account keeps no attachments.
        pub off: bool,
        pub downloaded_at: Option<Timestamp>,
    }
}

row! {
    /// Where an attachment stands in the source.
    struct Standing {
        begins_at: i64,
        ends_at: i64,
    }
}

/// Values of the column `written`.
const AS_IT_IS: i16 = 0;
const BASE64: i16 = 1;

impl Part {
    /// Where it stands in the source, if it can be cut from there.
    pub fn slice(&self) -> Option<Slice> {
        let (begin, end) = (u64::try_from(self.begins_at?).ok()?, u64::try_from(self.ends_at?).ok()?);
        let line = |number: i32| u32::try_from(number).ok();
        let written = match self.written? {
            AS_IT_IS => Written::AsItIs,
            BASE64 => Written::Base64(match self.line_digits.zip(self.line_bytes) {
                Some((digits, bytes)) => Some(Lines { digits: line(digits)?, bytes: line(bytes)? }),
                None => None,
            }),
            _ => return None,
        };
        Some(Slice { begin, end, written })
    }
}

/// Attachments of a mail in the order of its MIME tree.
pub async fn list(tx: &TenantTx, email: EmailId) -> Result<Vec<Attachment>, Error> {
    sql(
        "SELECT attachment_id, filename, content_type, size_bytes, content_id, inline, state, part_id FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 ORDER BY part_id",
    )
    .bind(email)
    .load(tx)
    .await
}

/// Where a mail's attachments stand in its source, the large ones of those that can be cut from there.
pub async fn list_places(tx: &TenantTx, email: EmailId, least_bytes: i64) -> Result<Vec<Range<u64>>, Error> {
    let places = sql("SELECT begins_at, ends_at FROM attachments \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND email_id = $1 \
           AND ends_at - begins_at >= $2")
    .binds((email, least_bytes))
    .load::<Standing>(tx)
    .await?;
    let place = |at: i64| u64::try_from(at).unwrap_or(0);
    Ok(places.into_iter().map(|at| place(at.begins_at)..place(at.ends_at)).collect())
}

/// One attachment of a mail of the given accounts.
pub async fn find(
    tx: &TenantTx,
    accounts: &[ConnectorId],
    email: EmailId,
    attachment: Uuid,
) -> Result<Option<Part>, Error> {
    sql("SELECT a.connector_id, m.owner, a.part_id, a.filename, a.content_type, a.size_bytes, \
            e.size_bytes AS source_bytes, a.downloaded_at, a.begins_at, a.ends_at, a.written, a.line_digits, \
            a.line_bytes, a.blob_key, coalesce(m.settings ->> 'attachments', '') = 'none' AS off \
         FROM attachments a JOIN emails e ON e.tenant = a.tenant AND e.email_id = a.email_id \
         JOIN mailboxes m ON m.connector_id = a.connector_id \
         WHERE a.tenant = nullif(current_setting('postrider.tenant', true), '') AND a.attachment_id = $1 \
           AND a.email_id = $2 AND a.connector_id = ANY ($3) AND NOT e.stub")
    .binds((attachment, email, accounts))
    .optional(tx)
    .await
}

/// Somebody took all of an attachment. Returns it if that is the first time.
pub async fn mark_downloaded(
    tx: &TenantTx,
    email: EmailId,
    attachment: Uuid,
    now: Timestamp,
) -> Result<Option<Part>, Error> {
    sql("UPDATE attachments a SET downloaded_at = $3 FROM mailboxes m \
         WHERE a.tenant = nullif(current_setting('postrider.tenant', true), '') AND a.attachment_id = $1 \
           AND a.email_id = $2 AND a.downloaded_at IS NULL AND m.connector_id = a.connector_id \
         RETURNING a.connector_id, m.owner, a.part_id, a.filename, a.content_type, a.size_bytes, \
            a.size_bytes AS source_bytes, a.downloaded_at, a.begins_at, a.ends_at, a.written, a.line_digits, \
            a.line_bytes, a.blob_key, false AS off")
    .binds((attachment, email, now))
    .optional(tx)
    .await
}

row! {
    /// A mailbox whose attachments are kept.
    #[derive(Debug, Clone)]
    pub struct Keeper {
        pub tenant: TenantId,
        pub connector: ConnectorId,
        /// Of each attachment.
        pub most_bytes: i64,
    }

    /// An attachment that is to be kept.
    #[derive(Debug, Clone)]
    pub struct Wanted {
        pub attachment_id: Uuid,
        pub email_id: EmailId,
        pub part_id: String,
    }
}

/// Mailboxes that keep their attachments, behind one, in the order of their ids.
pub async fn list_keepers(tx: &SystemTx, after: Option<ConnectorId>, limit: usize) -> Result<Vec<Keeper>, Error> {
    sql("SELECT tenant, connector_id AS connector, \
            coalesce(nullif((settings ->> 'attachment_max_bytes')::bigint, 0), 26214400) AS most_bytes FROM mailboxes \
         WHERE settings ->> 'attachments' = 'eager' AND status <> 'disconnected' AND NOT erase \
           AND connector_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) \
         ORDER BY connector_id LIMIT $2")
    .binds((after, super::count(limit)))
    .load(tx)
    .await
}

/// Some attachments that are to be kept. What is larger than its owner wants is passed over, until that changes.
pub async fn list_wanted(tx: &TenantTx, mailbox: &Keeper, limit: usize) -> Result<Vec<Wanted>, Error> {
    let (tenant, connector, most) = (&mailbox.tenant, mailbox.connector, mailbox.most_bytes);
    sql("UPDATE attachments SET state = 'skipped', state_reason = 'too_large' \
         WHERE tenant = $1 AND connector_id = $2 AND state = 'listed' AND size_bytes > $3")
    .binds((tenant, connector, most))
    .execute(tx)
    .await?;
    sql("UPDATE attachments SET state = 'listed', state_reason = '' \
         WHERE tenant = $1 AND connector_id = $2 AND state = 'skipped' AND size_bytes <= $3")
    .binds((tenant, connector, most))
    .execute(tx)
    .await?;
    sql("SELECT attachment_id, email_id, part_id FROM attachments \
         WHERE tenant = $1 AND connector_id = $2 AND state = 'listed' AND size_bytes <= $3 ORDER BY size_bytes LIMIT $4")
    .binds((tenant, connector, most, super::count(limit)))
    .load(tx)
    .await
}

/// An attachment's bytes are kept under a key, or cannot be had. `false`: it is not there any more.
pub async fn settle(tx: &TenantTx, attachment: &Wanted, key: Option<&str>) -> Result<bool, Error> {
    let settled = sql(
        "UPDATE attachments SET blob_key = $3, state = CASE WHEN $3::text IS NULL THEN 'failed' ELSE 'stored' END, \
            state_reason = CASE WHEN $3::text IS NULL THEN 'no_source' ELSE '' END \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND attachment_id = $1 AND part_id = $2 \
           AND state = 'listed'",
    )
    .binds((attachment.attachment_id, &attachment.part_id, key))
    .execute(tx)
    .await?;
    Ok(settled > 0)
}
