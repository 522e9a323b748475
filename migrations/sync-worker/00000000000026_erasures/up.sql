-- The mirror of an account that was disconnected for good is removed under a run of its own.
ALTER TABLE sync_runs DROP CONSTRAINT sync_runs_kind_check;
ALTER TABLE sync_runs ADD CONSTRAINT sync_runs_kind_check
  CHECK (kind IN ('full', 'incremental', 'repair', 'audit', 'erase'));
ALTER TABLE sync_runs DROP CONSTRAINT sync_runs_state_check;
ALTER TABLE sync_runs ADD CONSTRAINT sync_runs_state_check
  CHECK (state IN ('queued', 'listing', 'fetching', 'confirming', 'erasing', 'completed', 'failed', 'superseded'));
-- What the job looks for, across tenants.
CREATE INDEX sync_runs_erasures ON sync_runs (created_at) WHERE kind = 'erase' AND finished_at IS NULL;

-- For what is removed by account, some at a time.
CREATE INDEX attachments_account ON attachments (tenant, connector_id);
CREATE INDEX attachments_blob ON attachments (tenant, blob_key) WHERE blob_key IS NOT NULL;
