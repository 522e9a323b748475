-- What all replicas together have claimed of the project's quota, a row for each slice of 250 ms or more. Unlogged: a slice
-- that is over is of no use to anybody, also after a crash.
CREATE UNLOGGED TABLE quota_slices (
  slice bigint PRIMARY KEY,
  taken bigint NOT NULL,
  -- What the last claim was granted: the answer to that claim.
  granted bigint NOT NULL
);
ALTER TABLE quota_slices ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_slices FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON quota_slices TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON quota_slices TO sync_worker_system;
