-- What all replicas spent of the project's day, a row for each day as Google counts them (midnight in California). Kept by
-- the database through a crash: unlike a slice, a day is long enough for that to matter.
CREATE TABLE quota_days (
  -- Days since 1970.
  day bigint PRIMARY KEY,
  spent bigint NOT NULL,
  -- Until when Google refuses, as it told one of the replicas: all but live mail, and live mail too; null = it does not.
  refused_until timestamptz,
  live_refused_until timestamptz
);
ALTER TABLE quota_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_days FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON quota_days TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON quota_days TO sync_worker_system;

COMMENT ON COLUMN sync_runs.page_token IS
  'While listing, the next page; while confirming, the message up to which every mail that was not listed was asked about.';
