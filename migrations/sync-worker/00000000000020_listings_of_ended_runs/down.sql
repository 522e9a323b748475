DROP INDEX sync_runs_leftovers;
ALTER TABLE sync_runs DROP COLUMN listing_cleared;
