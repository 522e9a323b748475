//! Read, unread, archived: one statement changes the rows and writes their log entries; rows already in the wanted state
//! are left alone and use no number.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};
use serde_json::json;

use crate::rules::{Mark, Room};
use crate::store::log::Entry;
use crate::store::users::Head;

postrider_storage::row! {
    /// A row that changed.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Changed {
        pub id: NotificationId,
        pub account_id: Option<ConnectorId>,
        pub feed_seq: Option<i64>,
        pub nseq: i64,
        pub unread: i64,
        pub is_read: bool,
        pub is_archived: bool,
    }
}

impl Changed {
    /// The entry its sockets get.
    pub fn entry(&self, mark: Mark) -> Entry {
        Entry {
            nseq: self.nseq,
            room: Room::Notifications,
            event: mark.event().to_owned(),
            payload: match self.feed_seq {
                Some(seq) => json!({ "notificationId": self.id, "seq": seq }),
                None => json!({ "notificationId": self.id }),
            },
            account_id: self.account_id,
            unread: self.unread,
            silent: false,
        }
    }
}

/// Whose rows, from which head on.
pub struct Marking<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub ids: &'a [NotificationId],
    pub mark: Mark,
    pub head: &'a Head,
    pub now: Timestamp,
}

/// Four pieces, between which each mark puts by how much it changes the unread count, which rows it changes, and how.
/// They bind $1 tenant, $2 user, $3 ids, $4 last number, $5 unread now, $6 time, $7 kind, $8 event.
macro_rules! picked {
    () => {
        "WITH picked AS ( \
             SELECT id, account_id, feed_seq, row_number() OVER (ORDER BY created_nseq) AS n, "
    };
}
macro_rules! of_user {
    () => {
        " AS delta FROM notifications WHERE tenant = $1 AND user_id = $2 AND id = ANY($3) AND "
    };
}
macro_rules! numbered {
    () => {
        "), numbered AS ( \
             SELECT id, account_id, feed_seq, $4 + n AS nseq, ($5 + sum(delta) OVER (ORDER BY n))::bigint AS unread FROM picked), \
         marked AS ( \
             UPDATE notifications t SET "
    };
}
macro_rules! logged {
    () => {
        ", nseq = p.nseq, updated_at = $6 FROM numbered p WHERE t.tenant = $1 AND t.id = p.id \
             RETURNING t.id, t.account_id, t.feed_seq, t.nseq, p.unread, t.is_read, t.is_archived), \
         logged AS ( \
             INSERT INTO user_log (tenant, user_id, nseq, kind, room, event, payload, notification_id, account_id, \
                 unread, created_at) \
             SELECT $1, $2, nseq, $7, 'notifications', $8, \
                 jsonb_strip_nulls(jsonb_build_object('notificationId', id, 'seq', feed_seq)), id, account_id, unread, $6 \
             FROM numbered) \
         SELECT id, account_id, feed_seq, nseq, unread, is_read, is_archived FROM marked ORDER BY nseq"
    };
}

/// Changes the rows that are not in the wanted state yet. Returns them in the order of their numbers. The user's row
/// must be locked, and moved on by the caller.
pub async fn mark(tx: &TenantTx, marking: &Marking<'_>) -> Result<Vec<Changed>, Error> {
    let Marking { mark, head, .. } = *marking;
    let statement = match mark {
        Mark::Read => sql(concat!(
            picked!(),
            "CASE WHEN is_archived THEN 0 ELSE -1 END",
            of_user!(),
            "NOT is_read",
            numbered!(),
            "is_read = true, read_at = $6",
            logged!()
        )),
        Mark::Unread => sql(concat!(
            picked!(),
            "CASE WHEN is_archived THEN 0 ELSE 1 END",
            of_user!(),
            "is_read",
            numbered!(),
            "is_read = false, read_at = NULL",
            logged!()
        )),
        Mark::Archived => sql(concat!(
            picked!(),
            "CASE WHEN is_read THEN 0 ELSE -1 END",
            of_user!(),
            "NOT is_archived",
            numbered!(),
            "is_archived = true, archived_at = $6",
            logged!()
        )),
    };
    statement
        .binds((marking.tenant, marking.user, marking.ids, head.nseq, head.unread, marking.now, mark, mark.event()))
        .load(tx)
        .await
}
