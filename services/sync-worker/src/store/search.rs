//! `email_search`: words of mails. Looked up through `search_mails`, `mails_holding` and `mail_holds`, which run with their
//! owner's rights: under row-level security no index answers `@@`.

use std::collections::HashSet;
use std::io::Write as _;

use diesel::pg::Pg;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;
use postrider_domain::sql::Column;
use postrider_domain::{ConnectorId, EmailId, Timestamp};
use postrider_storage::{Error, TenantTx, Value, row, sql};

use crate::content::Content;
use crate::rules::search::SEARCH_VERSION;
use crate::rules::search::document::Document;

/// Postgres's type of documents.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3614, array_oid = 3643))]
pub struct Tsvector;

impl Column for Document {
    type Sql = Tsvector;
}

impl ToSql<Tsvector, Pg> for Document {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.count().to_be_bytes())?;
        out.write_all(self.as_bytes())?;
        Ok(IsNull::No)
    }
}

/// Keeps the words of mails. Who writes holds the mailbox's lock.
pub async fn put(tx: &TenantTx, connector: ConnectorId, mails: &[(EmailId, Timestamp, &Content)]) -> Result<(), Error> {
    if mails.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO email_search AS s (tenant, connector_id, email_id, received_at, version, document) \
         SELECT nullif(current_setting('postrider.tenant', true), ''), $1, n.email_id, n.received_at, $2, \
            n.document \
         FROM {n: email_id uuid, received_at timestamptz, document tsvector} \
         ON CONFLICT (tenant, email_id) DO UPDATE SET received_at = excluded.received_at, version = excluded.version, \
            document = excluded.document")
    .binds((connector, SEARCH_VERSION))
    .column("email_id", mails.iter().map(|(id, ..)| *id))
    .column("received_at", mails.iter().map(|(_, date, _)| *date))
    .column("document", mails.iter().map(|(.., content)| &content.search))
    .execute(tx)
    .await?;
    Ok(())
}

row! {
    /// A mail that was found, or that may be one.
    #[derive(Debug, Clone, Copy)]
    pub struct Hit {
        pub email_id: EmailId,
        pub received_at: Timestamp,
    }
}

/// What is looked up.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// Accounts, each with what its index is asked.
    pub accounts: Vec<ConnectorId>,
    pub queries: Vec<String>,
    pub oldest_first: bool,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// The place behind which the answer begins.
    pub behind: Option<(Timestamp, EmailId)>,
}

/// Mails of the entered tenant that hold what is asked, in order, some at most.
pub async fn find(tx: &TenantTx, lookup: &Lookup, most: i64) -> Result<Vec<Hit>, Error> {
    let (time, id) = lookup.behind.unzip();
    sql("SELECT email_id, received_at FROM search_mails($1, $2, $3, $4, $5, $6, $7, $8)")
        .binds((&lookup.accounts, &lookup.queries, lookup.oldest_first, lookup.since, lookup.until, time, id))
        .bind(most)
        .load(tx)
        .await
}

/// Those of some mails that hold what is asked of their account: all are looked up together.
pub async fn holding(tx: &TenantTx, lookup: &Lookup, mails: &[Hit]) -> Result<HashSet<EmailId>, Error> {
    let times: Vec<Timestamp> = mails.iter().map(|mail| mail.received_at).collect();
    let held = sql("SELECT value FROM mails_holding($1, $2, $3::timestamptz[]) AS value")
        .binds((&lookup.accounts, &lookup.queries, times))
        .load::<Value<EmailId>>(tx)
        .await?;
    Ok(held.into_iter().map(|Value(id)| id).collect())
}

/// Those of a few mails that hold a query: each is looked at itself.
pub async fn peek(tx: &TenantTx, query: &str, mails: &[EmailId]) -> Result<HashSet<EmailId>, Error> {
    let held = sql("SELECT value FROM unnest($1::uuid[]) AS value WHERE mail_holds(value, $2)")
        .binds((mails, query))
        .load::<Value<EmailId>>(tx)
        .await?;
    Ok(held.into_iter().map(|Value(id)| id).collect())
}
