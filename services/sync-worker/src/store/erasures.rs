//! Erasures: what an account's mirror consists of, removed some rows at a time. Every slice can be the last before a crash;
//! what is left is found again.

use postrider_domain::{ConnectorId, EmailId, MessageId, RunId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};

use super::{removals, runs};

/// Asks for an erasure under the id that its owner was told; again is harmless.
pub async fn ask(
    tx: &TenantTx,
    tenant: &TenantId,
    connector: ConnectorId,
    run: RunId,
    now: Timestamp,
) -> Result<(), Error> {
    sql(
        "INSERT INTO sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, created_at, updated_at) \
         VALUES ($1, $2, $3, 'erase', 'asked', 'queued', 0, $4, $4) ON CONFLICT DO NOTHING",
    )
    .binds((tenant, run, connector, now))
    .execute(tx)
    .await?;
    Ok(())
}

row! {
    /// An erasure that is not over.
    #[derive(Debug, Clone)]
    pub struct Erasure {
        pub tenant: TenantId,
        pub run: RunId,
        pub connector: ConnectorId,
    }
}

/// Those that are not over, oldest first.
pub async fn list_open(tx: &SystemTx, limit: usize) -> Result<Vec<Erasure>, Error> {
    sql("SELECT tenant, run_id AS run, connector_id AS connector FROM sync_runs \
         WHERE kind = 'erase' AND finished_at IS NULL ORDER BY created_at LIMIT $1")
    .bind(super::count(limit))
    .load(tx)
    .await
}

/// Begins, or begins again: whoever works on the mailbox loses it, and every other run of it is over.
pub async fn begin(tx: &TenantTx, erasure: &Erasure, now: Timestamp) -> Result<Option<UserId>, Error> {
    let owner = sql("UPDATE mailboxes SET epoch = epoch + 1, lease_owner = NULL, lease_until = NULL, due_at = NULL, \
            due_reason = '', updated_at = $2 WHERE connector_id = $1 RETURNING owner AS value")
    .binds((erasure.connector, now))
    .optional::<Value<UserId>>(tx)
    .await?;
    runs::supersede_unfinished(tx, &erasure.tenant, erasure.connector, now).await?;
    sql("UPDATE sync_runs SET state = 'erasing', started_at = $4, updated_at = $4, total_estimate = \
           (SELECT count(*) FROM emails WHERE tenant = $1 AND connector_id = $3) \
         WHERE tenant = $1 AND run_id = $2 AND state = 'queued'")
    .binds((&erasure.tenant, erasure.run, erasure.connector, now))
    .execute(tx)
    .await?;
    Ok(owner.map(|owner| owner.0))
}

row! {
    /// A mail that goes.
    #[derive(Debug)]
    pub struct Doomed {
        pub email_id: EmailId,
        pub message_id: MessageId,
    }

    /// Who held on to it.
    #[derive(Debug)]
    pub struct Holder {
        pub email_id: EmailId,
        pub kind: String,
        pub reference: String,
    }
}

/// Removes some mails with all that hangs on them. Returns them, and who held on to any of them.
pub async fn remove_mails(
    tx: &TenantTx,
    erasure: &Erasure,
    limit: usize,
    now: Timestamp,
) -> Result<(Vec<Doomed>, Vec<Holder>), Error> {
    let doomed: Vec<Doomed> = sql("SELECT email_id, message_id FROM emails WHERE tenant = $1 AND connector_id = $2 \
         ORDER BY message_id LIMIT $3 FOR UPDATE")
    .binds((&erasure.tenant, erasure.connector, super::count(limit)))
    .load(tx)
    .await?;
    if doomed.is_empty() {
        return Ok((doomed, Vec::new()));
    }
    let ids: Vec<EmailId> = doomed.iter().map(|mail| mail.email_id).collect();
    let holders: Vec<Holder> = sql("DELETE FROM email_references WHERE tenant = $1 AND email_id = ANY ($2) \
         RETURNING email_id, kind, ref AS reference")
    .binds((&erasure.tenant, &ids))
    .load(tx)
    .await?;
    removals::remove_content(tx, &ids).await?;
    tokio::try_join!(
        sql("DELETE FROM emails WHERE tenant = $1 AND email_id = ANY ($2)").binds((&erasure.tenant, &ids)).execute(tx),
        sql("UPDATE sync_runs SET deleted = deleted + $3, updated_at = $4 WHERE tenant = $1 AND run_id = $2")
            .binds((&erasure.tenant, erasure.run, super::count(doomed.len()), now))
            .execute(tx),
    )?;
    Ok((doomed, holders))
}

/// Removes some of what was noted about the account beside its mails. Returns how many rows went.
pub async fn remove_notes(tx: &TenantTx, erasure: &Erasure, limit: usize) -> Result<usize, Error> {
    let limit = super::count(limit);
    let (tenant, connector) = (&erasure.tenant, erasure.connector);
    let (listing, changes, pushes) = tokio::try_join!(
        sql("DELETE FROM sync_listing WHERE (tenant, run_id, message_id) IN ( \
               SELECT l.tenant, l.run_id, l.message_id FROM sync_runs r \
               JOIN sync_listing l ON l.tenant = r.tenant AND l.run_id = r.run_id \
               WHERE r.tenant = $1 AND r.connector_id = $2 LIMIT $3)")
        .binds((tenant, connector, limit))
        .execute(tx),
        sql("DELETE FROM changes WHERE ctid = ANY (ARRAY( \
               SELECT ctid FROM changes WHERE tenant = $1 AND connector_id = $2 LIMIT $3))")
        .binds((tenant, connector, limit))
        .execute(tx),
        sql("DELETE FROM notification_queue WHERE id = ANY (ARRAY( \
               SELECT id FROM notification_queue WHERE tenant = $1 AND connector_id = $2 LIMIT $3))")
        .binds((tenant, connector, limit))
        .execute(tx),
    )?;
    if listing + changes + pushes > 0 {
        return Ok(listing + changes + pushes);
    }
    let (parked, labels, runs) = tokio::try_join!(
        sql("DELETE FROM parked_changes WHERE ctid = ANY (ARRAY( \
               SELECT ctid FROM parked_changes WHERE tenant = $1 AND connector_id = $2 LIMIT $3))")
        .binds((tenant, connector, limit))
        .execute(tx),
        sql("DELETE FROM labels WHERE ctid = ANY (ARRAY( \
               SELECT ctid FROM labels WHERE tenant = $1 AND connector_id = $2 LIMIT $3))")
        .binds((tenant, connector, limit))
        .execute(tx),
        // Their listings are gone.
        sql("DELETE FROM sync_runs WHERE (tenant, run_id) IN (SELECT tenant, run_id FROM sync_runs \
               WHERE tenant = $1 AND connector_id = $2 AND kind <> 'erase' LIMIT $3)")
        .binds((tenant, connector, limit))
        .execute(tx),
    )?;
    Ok(parked + labels + runs)
}

/// The end: nothing of the account is left but that it was there, so that a late event revives nothing.
pub async fn finish(tx: &TenantTx, erasure: &Erasure, now: Timestamp) -> Result<(), Error> {
    tokio::try_join!(
        sql("DELETE FROM ledger WHERE tenant = $1 AND connector_id = $2")
            .binds((&erasure.tenant, erasure.connector))
            .execute(tx),
        sql(
            "UPDATE mailboxes SET google_sub = '', address = '', address_key = '', display_name = '', settings = '{}', \
                cursor = NULL, settled = NULL, seen_head = NULL, pushed_id = 0, last_error = NULL, status_reason = '', \
                updated_at = $2 WHERE connector_id = $1"
        )
        .binds((erasure.connector, now))
        .execute(tx),
        sql("UPDATE sync_runs SET state = 'completed', finished_at = $3, updated_at = $3 \
             WHERE tenant = $1 AND run_id = $2 AND finished_at IS NULL")
        .binds((&erasure.tenant, erasure.run, now))
        .execute(tx),
    )?;
    Ok(())
}
