-- One row for each connected account: what connector said about it, and the whole state of its engine.
-- Lease columns move on the database's own clock; every other time comes from the service's clock.
CREATE TABLE mailboxes (
  connector_id uuid PRIMARY KEY,
  tenant text NOT NULL,
  owner text NOT NULL,
  -- As connector says. The row stays after `disconnected`, so that a late event revives nothing.
  connector_version bigint NOT NULL,
  google_sub text NOT NULL,
  address text NOT NULL,
  address_key text NOT NULL,
  display_name text NOT NULL DEFAULT '',
  status text NOT NULL CHECK (status IN ('active', 'paused', 'reauth_required', 'disconnected')),
  status_reason text NOT NULL DEFAULT '',
  erase boolean NOT NULL DEFAULT false,
  settings jsonb NOT NULL DEFAULT '{}',
  -- 0 = the worker's default.
  poll_interval_seconds integer NOT NULL DEFAULT 0,
  -- The monitor switch: off = no polling and no push-caused sync, pushes are still recorded.
  monitored boolean NOT NULL DEFAULT true,
  watch_type text NOT NULL DEFAULT 'polling' CHECK (watch_type IN ('push', 'polling')),
  watch_version bigint NOT NULL DEFAULT 0,
  -- Null for polling.
  watch_expires_at timestamptz,
  -- Bumped when Gmail's history broke off (cursor expired, mailbox recreated): rows of an older generation are to be
  -- learnt again before a record may be applied to them.
  generation integer NOT NULL DEFAULT 1,
  -- All history up to here is in the mirror. Null until the first boundary is read.
  cursor bigint,
  -- When the live lane last reached the end of the history. Null until the first boundary is read.
  caught_up_at timestamptz,
  -- Fencing token: every commit of the engine proves that it still holds this number.
  epoch bigint NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until timestamptz,
  -- When it is next due and why; null = never by itself (paused, ended).
  due_at timestamptz,
  due_reason text NOT NULL DEFAULT '',
  -- Not before; set by errors only. Runs at the later of the two.
  not_before timestamptz,
  -- Counts marks, so that a release cannot swallow one.
  requested bigint NOT NULL DEFAULT 0,
  -- Failures since the last success.
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  last_error_at timestamptz,
  first_synced_at timestamptz,
  last_synced_at timestamptz,
  last_pushed_at timestamptz,
  labels_synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
-- Control table: the two look-ups across tenants (due scan, address of a push) need indexes without the tenant.
CREATE INDEX mailboxes_due ON mailboxes (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX mailboxes_address ON mailboxes (address_key);
CREATE INDEX mailboxes_owner ON mailboxes (tenant, owner);

ALTER TABLE mailboxes ENABLE ROW LEVEL SECURITY;
ALTER TABLE mailboxes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON mailboxes TO sync_worker_tenant
  USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
  WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON mailboxes TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON mailboxes TO sync_worker_tenant;
GRANT SELECT, UPDATE ON mailboxes TO sync_worker_system;

-- What is left of Google's quota, saved at checkpoints: `user:<google sub>` (one budget even when two tenants connected
-- the same account). Outside tenancy, no personal data but Google's opaque account id.
CREATE TABLE quota_buckets (
  key text PRIMARY KEY,
  units double precision NOT NULL,
  refilled_at timestamptz NOT NULL,
  concurrency double precision NOT NULL DEFAULT 5,
  -- Units spent in the minute that began at `minute`, for /gmail/stats and warnings.
  minute timestamptz NOT NULL,
  spent_in_minute bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE quota_buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_buckets FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON quota_buckets TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON quota_buckets TO sync_worker_system;

-- Gmail's labels with their names, as labels.list answered last.
CREATE TABLE labels (
  tenant text NOT NULL,
  connector_id uuid NOT NULL,
  label_id text NOT NULL,
  name text NOT NULL,
  -- `system` or `user`.
  kind text NOT NULL CHECK (kind IN ('system', 'user')),
  -- Set when Gmail no longer lists it.
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, connector_id, label_id)
);
ALTER TABLE labels ENABLE ROW LEVEL SECURITY;
ALTER TABLE labels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON labels TO sync_worker_tenant
  USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
  WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON labels TO sync_worker_tenant;
