-- Our record of Gmail's history, 30 days (GET /api/v1/gmail/watch/history).
CREATE TABLE changes (
  tenant text NOT NULL,
  connector_id uuid NOT NULL,
  generation integer NOT NULL,
  history_id bigint NOT NULL,
  -- Place inside the history record.
  ordinal integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('added', 'deleted', 'labels_added', 'labels_removed')),
  message_id text NOT NULL,
  thread_id text NOT NULL,
  label_ids text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, connector_id, generation, history_id, ordinal)
);
-- For the daily clean-up, across tenants.
CREATE INDEX changes_age ON changes (created_at);

-- Pushes (and other requests) for a mailbox. Unique on the source message: the durable dedupe, and a push for an address
-- that two tenants connected reaches both.
CREATE TABLE notification_queue (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  connector_id uuid NOT NULL,
  -- Pub/Sub's message id, or `channel:<id>:<number>`, or `poll:<uuid>`.
  source_message_id text NOT NULL,
  notification_type text NOT NULL DEFAULT 'history' CHECK (notification_type IN ('history', 'email')),
  -- `pubsub`, `channel`, `poll`.
  source text NOT NULL,
  -- The history id pushed; 0 when unknown.
  history_id bigint NOT NULL,
  -- Only for type `email`.
  message_id text,
  thread_id text,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  -- How it ended: `applied`, or `not_seen` when history never showed the pushed id.
  outcome text CHECK (outcome IN ('applied', 'not_seen')),
  -- Early looks done (at +2, +5, +15 s) and when the next one is due; null = none is.
  looks smallint NOT NULL DEFAULT 0,
  next_look_at timestamptz,
  retry_count integer NOT NULL DEFAULT 0,
  max_retries integer NOT NULL DEFAULT 5,
  error_message text,
  notification_data jsonb NOT NULL DEFAULT '{}',
  -- When Pub/Sub accepted it; null when unknown.
  published_at timestamptz,
  processed_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT notification_queue_source UNIQUE (tenant, connector_id, source_message_id)
);
CREATE INDEX notification_queue_open ON notification_queue (tenant, connector_id, history_id)
  WHERE status IN ('pending', 'processing');
CREATE INDEX notification_queue_list ON notification_queue (tenant, connector_id, created_at DESC, id DESC);
-- For the daily clean-up, across tenants.
CREATE INDEX notification_queue_age ON notification_queue (created_at);

-- Messages whose records could not be applied: kept with their error, looked at again on schedule, counted in the ledger.
CREATE TABLE parked_changes (
  tenant text NOT NULL,
  connector_id uuid NOT NULL,
  message_id text NOT NULL,
  thread_id text NOT NULL DEFAULT '',
  generation integer NOT NULL,
  -- The newest record that names it: what a tombstone takes as its version.
  history_id bigint NOT NULL,
  reason text NOT NULL CHECK (reason IN ('not_visible', 'poison')),
  -- A history record added it: once it is there it raises email.received.
  live boolean NOT NULL,
  -- How many changes of the ledger wait here; 0 for a mail a backfill met.
  changes integer NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  -- Null: no more by itself, only when asked for.
  next_attempt_at timestamptz,
  last_error text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, connector_id, message_id)
);

-- Law 3: seen = applied + tombstoned + parked, in changes (one message in one list of one history record).
CREATE TABLE ledger (
  tenant text NOT NULL,
  connector_id uuid NOT NULL,
  seen bigint NOT NULL DEFAULT 0,
  applied bigint NOT NULL DEFAULT 0,
  tombstoned bigint NOT NULL DEFAULT 0,
  parked bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, connector_id),
  CONSTRAINT ledger_adds_up CHECK (seen = applied + tombstoned + parked AND parked >= 0)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['changes', 'notification_queue', 'parked_changes', 'ledger'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I TO sync_worker_tenant
      USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
      WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO sync_worker_tenant', name);
  END LOOP;
END $$;
-- A push names an address, not a tenant: its rows are written by the system role. Clean-ups go by age.
CREATE POLICY system ON notification_queue TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON notification_queue TO sync_worker_system;
CREATE POLICY system ON changes TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON changes TO sync_worker_system;
