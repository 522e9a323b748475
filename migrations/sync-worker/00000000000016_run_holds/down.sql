ALTER FUNCTION refresh_statistics() RESET search_path;
ALTER TABLE sync_runs DROP COLUMN not_before, DROP COLUMN attempts;
