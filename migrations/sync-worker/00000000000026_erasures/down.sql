DROP INDEX attachments_blob, attachments_account, sync_runs_erasures;
DELETE FROM sync_runs WHERE kind = 'erase' OR state = 'erasing';
ALTER TABLE sync_runs DROP CONSTRAINT sync_runs_state_check;
ALTER TABLE sync_runs ADD CONSTRAINT sync_runs_state_check
  CHECK (state IN ('queued', 'listing', 'fetching', 'confirming', 'completed', 'failed', 'superseded'));
ALTER TABLE sync_runs DROP CONSTRAINT sync_runs_kind_check;
ALTER TABLE sync_runs ADD CONSTRAINT sync_runs_kind_check
  CHECK (kind IN ('full', 'incremental', 'repair', 'audit'));
