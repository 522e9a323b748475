//! `notifications`: read, unread, archived. One statement changes the rows and writes their log entries; rows already
//! in the wanted state are left alone and use no number.

use postrider_domain::{NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use serde_json::{Value, json};
use uuid::Uuid;

use super::log::Entry;
use crate::rules::Room;

/// What is done to a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Read,
    Unread,
    Archived,
}

impl Mark {
    fn kind(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unread => "unread",
            Self::Archived => "archived",
        }
    }

    /// Name of its socket event.
    pub fn event(self) -> &'static str {
        match self {
            Self::Read => "notification:marked_read",
            Self::Unread => "notification:marked_unread",
            Self::Archived => "notification:archived",
        }
    }
}

/// A row that changed.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Changed {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub account_id: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    pub nseq: i64,
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
    #[diesel(sql_type = Bool)]
    pub is_read: bool,
    #[diesel(sql_type = Bool)]
    pub is_archived: bool,
}

impl Changed {
    /// The entry its sockets get.
    pub fn entry(&self, mark: Mark) -> Entry {
        Entry {
            nseq: self.nseq,
            room: Room::Notifications.as_str().to_owned(),
            event: mark.event().to_owned(),
            payload: payload(self.id),
            account_id: self.account_id,
            unread: self.unread,
        }
    }
}

fn payload(id: Uuid) -> Value {
    json!({ "notificationId": id })
}

/// The rows to change, their new numbers and the unread count after each: binds $1 tenant, $2 user, $3 ids, $4 last
/// number, $5 unread now, $6 time, $7 kind, $8 event.
macro_rules! marking {
    ($which:literal, $delta:literal, $set:literal) => {
        concat!(
            "WITH picked AS ( \
                 SELECT id, account_id, row_number() OVER (ORDER BY created_nseq) AS n, ",
            $delta,
            " AS delta FROM notifications WHERE tenant = $1 AND user_id = $2 AND id = ANY($3) AND ",
            $which,
            "), numbered AS ( \
                 SELECT id, account_id, $4 + n AS nseq, ($5 + sum(delta) OVER (ORDER BY n))::bigint AS unread FROM picked), \
             marked AS ( \
                 UPDATE notifications t SET ",
            $set,
            ", nseq = p.nseq, updated_at = $6 FROM numbered p WHERE t.tenant = $1 AND t.id = p.id \
                 RETURNING t.id, t.account_id, t.nseq, p.unread, t.is_read, t.is_archived), \
             logged AS ( \
                 INSERT INTO user_log (tenant, user_id, nseq, kind, room, event, payload, notification_id, account_id, \
                     unread, created_at) \
                 SELECT $1, $2, nseq, $7, 'notifications', $8, jsonb_build_object('notificationId', id), id, account_id, \
                     unread, $6 FROM numbered) \
             SELECT id, account_id, nseq, unread, is_read, is_archived FROM marked ORDER BY nseq"
        )
    };
}

fn statement(mark: Mark) -> &'static str {
    match mark {
        Mark::Read => {
            marking!("NOT is_read", "CASE WHEN is_archived THEN 0 ELSE -1 END", "is_read = true, read_at = $6")
        }
        Mark::Unread => {
            marking!("is_read", "CASE WHEN is_archived THEN 0 ELSE 1 END", "is_read = false, read_at = NULL")
        }
        Mark::Archived => {
            marking!("NOT is_archived", "CASE WHEN is_read THEN 0 ELSE -1 END", "is_archived = true, archived_at = $6")
        }
    }
}

/// Whose rows, from which head on.
pub struct Marking<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub ids: &'a [NotificationId],
    pub mark: Mark,
    /// Last number given out.
    pub nseq: i64,
    pub unread: i64,
    pub now: Timestamp,
}

/// Changes the rows that are not in the wanted state yet; answers them in the order of their numbers. The user's row
/// must be locked, and moved on by the caller.
pub async fn mark(tx: &Tx, marking: &Marking<'_>) -> Result<Vec<Changed>, Error> {
    sql(statement(marking.mark))
        .bind_as::<Text, _>(marking.tenant.as_str())
        .bind_as::<Text, _>(marking.user.as_str())
        .bind_as::<Array<SqlUuid>, _>(marking.ids.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind_as::<BigInt, _>(marking.nseq)
        .bind_as::<BigInt, _>(marking.unread)
        .bind_as::<Timestamptz, _>(marking.now)
        .bind_as::<Text, _>(marking.mark.kind())
        .bind_as::<Text, _>(marking.mark.event())
        .load::<Changed>(tx)
        .await
}
