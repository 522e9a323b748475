ALTER TABLE sync_listing DROP COLUMN labels;
DROP INDEX notification_queue_waiting;
ALTER TABLE notification_queue DROP COLUMN watch_id;
ALTER TABLE mailboxes DROP COLUMN watch_id;
DROP INDEX mailboxes_audit;
ALTER TABLE mailboxes DROP COLUMN audit_at;
