ALTER TABLE sync_listing DROP COLUMN wanted;
ALTER TABLE sync_runs DROP COLUMN untold, DROP COLUMN outside, DROP COLUMN since;
