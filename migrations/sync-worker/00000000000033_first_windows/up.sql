-- A mailbox may be wanted from a day on: what is older is listed, so that what vanishes is noticed, and not fetched.
ALTER TABLE sync_runs
  -- `sync_since` as it was when the run began; null: everything.
  ADD COLUMN since timestamptz,
  -- Listed mails that are older and not in the mirror.
  ADD COLUMN outside bigint NOT NULL DEFAULT 0;
-- Received mails of a gap that are news, and more than a run tells one by one.
ALTER TABLE sync_runs ADD COLUMN untold bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_listing ADD COLUMN wanted boolean NOT NULL DEFAULT true;
