DROP INDEX emails_alive;
DROP INDEX mailboxes_due;
CREATE INDEX mailboxes_due ON mailboxes (due_at) WHERE due_at IS NOT NULL;
