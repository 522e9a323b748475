DROP FUNCTION refresh_statistics();
DROP INDEX sync_listing_position;
ALTER TABLE sync_listing ADD COLUMN state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3);
CREATE INDEX sync_listing_todo ON sync_listing (tenant, run_id, position) WHERE state = 0;
ALTER TABLE sync_runs DROP COLUMN settled;
