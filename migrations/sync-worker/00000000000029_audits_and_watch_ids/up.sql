-- When the mirror is compared with all of its mailbox again. Null until the next complete listing says; then since the first.
ALTER TABLE mailboxes ADD COLUMN audit_at timestamptz;
CREATE INDEX mailboxes_audit ON mailboxes (coalesce(audit_at, first_synced_at))
  WHERE first_synced_at IS NOT NULL AND status = 'active' AND monitored;

-- The watch that Google pushes by, as connector names it, and of each push the one it came by.
ALTER TABLE mailboxes ADD COLUMN watch_id uuid;
ALTER TABLE notification_queue ADD COLUMN watch_id uuid;

-- How many pushes wait, across tenants.
CREATE INDEX notification_queue_waiting ON notification_queue (created_at) WHERE status IN ('pending', 'processing');

-- Labels under which a run's listings of labels named the mail; null before they did.
ALTER TABLE sync_listing ADD COLUMN labels text[];
