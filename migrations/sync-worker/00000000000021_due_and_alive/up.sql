-- What an error holds back is no longer walked by every scan for due mailboxes: an entry stands where it runs.
DROP INDEX mailboxes_due;
CREATE INDEX mailboxes_due ON mailboxes (greatest(due_at, not_before)) WHERE due_at IS NOT NULL AND status = 'active';
UPDATE mailboxes SET due_at = NULL, due_reason = '' WHERE status <> 'active' AND due_at IS NOT NULL;

-- For counts of what is alive, and of what a run need not fetch.
CREATE INDEX emails_alive ON emails (tenant, connector_id, generation) WHERE NOT is_deleted AND NOT stub;
