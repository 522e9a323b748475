-- A run that fails waits by itself: the mailbox's own not_before would hold its live mail back too.
ALTER TABLE sync_runs
  -- Failures in a row; 0 after any progress.
  ADD COLUMN attempts integer NOT NULL DEFAULT 0,
  -- Not worked on before; null = at once.
  ADD COLUMN not_before timestamptz;

-- What runs with the owner's rights must not follow a caller's search path.
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION refresh_statistics() SET search_path = %I, pg_temp', current_schema());
END $$;
