DROP INDEX sync_runs_finished;
REVOKE DELETE ON sync_runs FROM sync_worker_system;
ALTER TABLE sync_runs DROP COLUMN announced;
ALTER TABLE sync_runs DROP COLUMN news_since;
ALTER TABLE mailboxes DROP COLUMN recounted_at;
ALTER TABLE mailboxes DROP COLUMN count_off;
ALTER TABLE mailboxes DROP COLUMN counted_at;
