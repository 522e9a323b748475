-- A run's checkpoint is a place in its listing, not a mark on each id: one number moves instead of a row for each mail.
-- What lies behind it and is in the mirror already is told by the mirror itself.
ALTER TABLE sync_runs ADD COLUMN settled bigint NOT NULL DEFAULT 0;
DROP INDEX sync_listing_todo;
ALTER TABLE sync_listing DROP COLUMN state;
CREATE UNIQUE INDEX sync_listing_position ON sync_listing (tenant, run_id, position);

-- A table that has just been filled has no statistics for up to a minute, and without them the planner takes any index that
-- begins with the tenant: a first sync would slow down with the square of its size. Runs as the owner because only owners
-- may analyse; reads and answers nothing.
CREATE FUNCTION refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['emails', 'email_labels', 'sync_listing'] LOOP
    -- Large ones are left to autovacuum: what it knows of them does not grow old with one mailbox.
    IF (SELECT reltuples FROM pg_class WHERE oid = name::regclass) < 10000 THEN
      EXECUTE format('ANALYZE (SKIP_LOCKED) %I', name);
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION refresh_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_statistics() TO sync_worker_system;
