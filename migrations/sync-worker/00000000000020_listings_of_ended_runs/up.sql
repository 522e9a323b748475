-- A listing may hold hundreds of thousands of ids. It goes in batches after its run has ended, not in the transaction that
-- ends the run and holds the mailbox's lock.
ALTER TABLE sync_runs
  -- Nothing of its listing is left. Meaningless before the run has ended.
  ADD COLUMN listing_cleared boolean NOT NULL DEFAULT false;
UPDATE sync_runs SET listing_cleared = true WHERE finished_at IS NOT NULL;
GRANT SELECT (listing_cleared) ON sync_runs TO sync_worker_system;
-- What the job looks for, across tenants.
CREATE INDEX sync_runs_leftovers ON sync_runs (finished_at)
  WHERE NOT listing_cleared AND finished_at IS NOT NULL AND kind <> 'incremental';
