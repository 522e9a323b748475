-- Runs that a person or an event asked for: the first sync, a full one, the repair of a gap, an incremental on request.
CREATE TABLE sync_runs (
  tenant text NOT NULL,
  run_id uuid NOT NULL,
  connector_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('full', 'incremental', 'repair', 'audit')),
  -- `first`, `asked`, `history_expired`, `recreated`, ...
  reason text NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'listing', 'fetching', 'confirming', 'completed', 'failed', 'superseded')),
  -- Mailbox generation it works for; a run of an older one is superseded.
  generation integer NOT NULL,
  -- History id read before the listing began; 0 while queued.
  boundary bigint NOT NULL DEFAULT 0,
  -- Which complete listing this is: the second one is made when more than 1 % looks deleted.
  pass smallint NOT NULL DEFAULT 1,
  -- Checkpoint of the listing; null at its start and after its end.
  page_token text,
  listing_complete boolean NOT NULL DEFAULT false,
  -- Bodies fetched at most; null = no cap.
  max_results bigint,
  listed bigint NOT NULL DEFAULT 0,
  fetched bigint NOT NULL DEFAULT 0,
  stored bigint NOT NULL DEFAULT 0,
  new_emails bigint NOT NULL DEFAULT 0,
  deleted bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  total_estimate bigint NOT NULL DEFAULT 0,
  -- A code, never a chain of causes.
  error text,
  -- Throttles sync.progressed.
  progressed_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, run_id)
);
-- At most one run that lists is at work in a mailbox.
CREATE UNIQUE INDEX sync_runs_active ON sync_runs (tenant, connector_id)
  WHERE state IN ('listing', 'fetching', 'confirming');
CREATE INDEX sync_runs_queued ON sync_runs (tenant, connector_id, created_at) WHERE state = 'queued';
CREATE INDEX sync_runs_list ON sync_runs (tenant, connector_id, created_at DESC, run_id DESC);

-- Ids a run's listing found, newest first. Removed when the run has ended.
CREATE TABLE sync_listing (
  tenant text NOT NULL,
  run_id uuid NOT NULL,
  message_id text NOT NULL,
  -- Which complete listing saw it last.
  pass smallint NOT NULL,
  position bigint NOT NULL,
  -- 0 = to be looked at, 1 = in the mirror, 2 = parked, 3 = left out by max_results.
  state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, run_id, message_id)
);
CREATE INDEX sync_listing_todo ON sync_listing (tenant, run_id, position) WHERE state = 0;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['sync_runs', 'sync_listing'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I TO sync_worker_tenant
      USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
      WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO sync_worker_tenant', name);
  END LOOP;
END $$;
-- Counts of runs for metrics, across tenants.
CREATE POLICY system ON sync_runs TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT (tenant, run_id, connector_id, kind, reason, state, generation, created_at, started_at, finished_at)
  ON sync_runs TO sync_worker_system;
