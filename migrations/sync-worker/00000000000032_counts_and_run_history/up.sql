-- When the mirror's count of mails was last compared with Gmail's, whether it was another one then, and when an audit last
-- began because of that.
ALTER TABLE mailboxes ADD COLUMN counted_at timestamptz;
ALTER TABLE mailboxes ADD COLUMN count_off boolean NOT NULL DEFAULT false;
ALTER TABLE mailboxes ADD COLUMN recounted_at timestamptz;

-- Mail that a run finds and that came after this is news; how much of it was told one by one.
ALTER TABLE sync_runs ADD COLUMN news_since timestamptz;
ALTER TABLE sync_runs ADD COLUMN announced bigint NOT NULL DEFAULT 0;

-- Ended runs are forgotten after 90 days, across tenants.
GRANT DELETE ON sync_runs TO sync_worker_system;
CREATE INDEX sync_runs_finished ON sync_runs (finished_at) WHERE finished_at IS NOT NULL;
